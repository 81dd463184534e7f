/* What clang's choice among the versions of a function (FOR_NEWER_PROCESSORS) reads: which instructions the processor has.

   The runtime that zig links has a test that finds none, so that its libraries would be those of the oldest processors. These
   definitions stand in for it. Names, order and numbers are those of LLVM's compiler-rt and of libgcc, which agree. */

#include "kernels.h"

#if defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>

enum { FEATURE_AVX2 = 10, FEATURE_AVX512F = 15 };

__attribute__((visibility("hidden"))) struct {
    unsigned vendor, type, subtype, features[1];
} __cpu_model;

/* The parts of the state of registers that the system saves when it changes processes. */
static unsigned saved_state(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Called before any constructor has run, by each resolver; several calls write the same. */
__attribute__((visibility("hidden"))) int __cpu_indicator_init(void) {
    const unsigned vectors_256 = 0x06, vectors_512 = 0xE6;
    unsigned eax, ebx, ecx, edx, features = 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE)) return 0;
    unsigned saved = saved_state();
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    if ((ebx & bit_AVX2) && (saved & vectors_256) == vectors_256) features |= 1u << FEATURE_AVX2;
    if ((ebx & bit_AVX512F) && (saved & vectors_512) == vectors_512) features |= 1u << FEATURE_AVX512F;
    __cpu_model.features[0] = features;
    return 0;
}
#endif
