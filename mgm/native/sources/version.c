/* What a library of kernels is: the hash of its sources, by which the loader knows one that was compiled from older ones, and for
   which processors the functions are that it has chosen (FOR_NEWER_PROCESSORS). */

#include "kernels.h"

const char *mgm_kernels_source(void) { return SOURCE_HASH; }

/* The most bits of a vector that the kernels compute with on this processor. */
int32_t mgm_vector_bits(void) {
#if defined(__x86_64__) && defined(__linux__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return 512;
    if (__builtin_cpu_supports("avx2")) return 256;
#endif
    return 128;
}
