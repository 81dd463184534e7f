/* Spellings as keys of hash tables. */

#ifndef MGM_SPELLINGS_H
#define MGM_SPELLINGS_H

#include "kernels.h"

/* A spelling: up to 16 bytes are equal where its size, head and tail are. */
typedef struct {
    const uint8_t *first;
    int64_t bytes;
    uint64_t head, tail; /* its first 8 bytes, with zeros behind; its last 8, 0 if it has no more than 8 */
    uint64_t hash;
} Spelling;

/* `end`: no byte from there on is read. */
static inline Spelling spelling_of(const uint8_t *first, int64_t bytes, const uint8_t *end) {
    Spelling spelling = {first, bytes, 0, 0, 0};
    if (bytes >= 8 || end - first < 8) memcpy(&spelling.head, first, bytes < 8 ? (size_t)bytes : 8);
    else if (bytes > 0) { /* read at once, and cut */
        uint64_t unused = 64 - 8 * (uint64_t)bytes;
        memcpy(&spelling.head, first, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        spelling.head &= ~0ull << unused;
#else
        spelling.head &= ~0ull >> unused;
#endif
    }
    if (bytes > 8) memcpy(&spelling.tail, first + bytes - 8, 8);
    uint64_t hash = (spelling.head ^ (uint64_t)bytes * THIRD) * FIRST;
    hash = ((hash ^ hash >> 32) + spelling.tail) * SECOND;
    for (int64_t i = 8; i + 8 < bytes; i += 8) {
        uint64_t word;
        memcpy(&word, first + i, 8);
        hash = (hash ^ hash >> 29 ^ word) * FIRST;
    }
    spelling.hash = hash ^ hash >> 32;
    return spelling;
}

/* The distinct spellings of a text, in the order of their first occurrences. */
typedef struct {
    int64_t *first_byte; /* of the first occurrence */
    int32_t *bytes;
    int64_t size;
    uint64_t *slot; /* open addressing: 0, or the upper half of the hash and 1 + the position */
    uint64_t slots; /* a power of two up to 2^32, of which at least half are empty */
} Distinct;

enum { FIRST_SLOTS = 4096 };

static inline int allocate_distinct(Distinct *distinct, int64_t *first_byte, int32_t *bytes) {
    Distinct none = {first_byte, bytes, 0, calloc(FIRST_SLOTS, sizeof(uint64_t)), FIRST_SLOTS};
    *distinct = none;
    return none.slot == NULL ? NO_MEMORY : DONE;
}

static inline int double_slots(Distinct *distinct) {
    uint64_t slots = 2 * distinct->slots, mask = slots - 1;
    uint64_t *slot = calloc(slots, sizeof(uint64_t));
    if (slot == NULL) return NO_MEMORY;
    for (uint64_t i = 0; i < distinct->slots; i++) {
        if (distinct->slot[i] == 0) continue;
        uint64_t at = distinct->slot[i] >> 32 & mask;
        while (slot[at]) at = (at + 1) & mask;
        slot[at] = distinct->slot[i];
    }
    free(distinct->slot);
    distinct->slot = slot;
    distinct->slots = slots;
    return DONE;
}

/* The number of a spelling in the text `all` among the distinct ones, which it joins if it is new; -1: no memory. */
static inline int64_t number_of(Distinct *distinct, const uint8_t *all, const Spelling *spelling) {
    if (2 * (uint64_t)distinct->size >= distinct->slots && double_slots(distinct) != DONE) return -1;
    uint64_t mask = distinct->slots - 1, upper = spelling->hash >> 32, at = upper & mask;
    for (uint64_t slot; (slot = distinct->slot[at]) != 0; at = (at + 1) & mask) {
        int64_t position = (int64_t)(uint32_t)slot - 1;
        if (slot >> 32 == upper && distinct->bytes[position] == spelling->bytes &&
            memcmp(all + distinct->first_byte[position], spelling->first, (size_t)spelling->bytes) == 0)
            return position;
    }
    distinct->first_byte[distinct->size] = spelling->first - all;
    distinct->bytes[distinct->size] = (int32_t)spelling->bytes;
    distinct->slot[at] = upper << 32 | (uint64_t)++distinct->size;
    return distinct->size - 1;
}

#endif
