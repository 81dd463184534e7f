/* Kernels: plain.c and urls.c clean texts, pieces.c, words.c, sentences.c and shapes.c read them, records.c, documents.c and wide.c
   compute the networks of documents, svm.c and crf.c solve linear models.

   Plain C11 without intrinsics or libraries. It is compiled without contraction of floating-point operations, and every sum has
   its order written out, so that each compiler and machine gives the same bits. All functions are thread-safe and hold no lock.
   Arrays of documents are flat, with lengths beside them, as in mgm.model.batch. */

#ifndef MGM_KERNELS_H
#define MGM_KERNELS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, NO_MEMORY = 1, OTHER_WORDS = 2 };

/* Before functions that are compiled twice or three times, for newer processors too, where they are faster: the same bits. */
#ifndef FOR_NEWER_PROCESSORS
#if defined(__x86_64__) && defined(__linux__)
#define FOR_NEWER_PROCESSORS __attribute__((target_clones("avx2", "default")))
#define FOR_NEWEST_PROCESSORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_NEWER_PROCESSORS
#endif
#endif
#ifndef FOR_NEWEST_PROCESSORS
#define FOR_NEWEST_PROCESSORS FOR_NEWER_PROCESSORS
#endif

/* ---- 64-bit hashes, as in mgm.model.hashing ---- */

#define FIRST 0x9E3779B97F4A7C15ull
#define SECOND 0xBF58476D1CE4E5B9ull
#define THIRD 0x94D049BB133111EBull

/* The bucket of a hash; the number of buckets is a power of two as a rule, which saves the division. */
static inline uint32_t bucket_of(uint64_t hash, uint64_t buckets) {
    return (uint32_t)((buckets & (buckets - 1)) == 0 ? hash & (buckets - 1) : hash % buckets);
}

static inline uint64_t mix(uint64_t hash) {
    hash = (hash ^ (hash >> 30)) * SECOND;
    hash = (hash ^ (hash >> 27)) * THIRD;
    uint64_t sign = hash >> 63 ? 0xFFFFFFFE00000000ull : 0; /* the last shift keeps the sign, as torch's does */
    return (hash ^ (hash >> 31) ^ sign) & 0x7FFFFFFFFFFFFFFFull;
}

#endif
