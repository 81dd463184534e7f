/* What distinct words look like: their character n-grams, mgm.text.features, and their shapes and scripts, mgm.text.shapes. */

#include "kernels.h"

/* The code point of the character at a place, and the place after it. */
static inline const uint8_t *read_point(const uint8_t *at, uint32_t *point) {
    *point = *at;
    if (at[0] < 0x80) return at + 1;
    if (at[0] < 0xE0) {
        *point = (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu);
        return at + 2;
    }
    if (at[0] < 0xF0) {
        *point = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        return at + 3;
    }
    *point = (at[0] & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
    return at + 4;
}

/* ---- character n-grams ---- */

/* Write the buckets of the n-grams of each word between edges, of `least` to `most` characters, and how many each word has.

   `points` has room for the longest word and its edges. The hash is FNV-1a over code points. */
void mgm_hash_ngrams(const uint8_t *text, const int64_t *offset, int64_t words, int64_t least, int64_t most, uint64_t buckets,
                     uint32_t *points, int64_t *count, int32_t *ngram) {
    const int32_t *begin = ngram;
    for (int64_t i = 0; i < words; i++, begin = ngram) {
        int64_t size = 0;
        points[size++] = '<';
        for (const uint8_t *at = text + offset[i]; at < text + offset[i + 1];) at = read_point(at, &points[size++]);
        points[size++] = '>';
        for (int64_t n = least; n <= most; n++)
            for (int64_t first = 0; first + n <= size; first++) {
                uint64_t hash = 0xCBF29CE484222325ull;
                for (int64_t k = first; k < first + n; k++) hash = (hash ^ points[k]) * 0x100000001B3ull;
                *ngram++ = (int32_t)bucket_of(hash ^ (hash >> 32), buckets);
            }
        count[i] = ngram - begin;
    }
}

/* ---- shapes and scripts ---- */

/* Sets of characters, bits of a number; LEFT_TO_PYTHON: a word with this character is left to the patterns in Python. */
enum {
    HAN = 1, LOWER_OR_MARK = 2, UPPER = 4, UPPER_OR_MARK = 8, NUMBER = 16, NUMBER_OR_SEPARATOR = 32, STOP = 64, PUNCTUATION = 128,
    SYMBOL = 256, OF_SYMBOL = 512, AT_OR_HASH = 1024, OF_LETTERS = 2048, LETTER = 4096, APOSTROPHE = 8192, UNDERSCORE = 16384,
    LEFT_TO_PYTHON = 32768, ALL = 65535,
};
enum { UNKNOWN = 255 };

typedef struct {
    int64_t characters;
    uint32_t all, rest, any, first, last; /* sets that all characters are in, all after the first, any, the first, the last */
    int is_compound, is_initials; /* so far: letters joined by single apostrophes or hyphens; a dot behind each letter */
    uint8_t script;               /* the first of those of its characters; 0: none has one */
} Word;

static void read_word(const uint8_t *at, const uint8_t *end, const uint16_t *sets, const uint8_t *scripts, Word *word) {
    *word = (Word){.all = ALL, .rest = ALL, .is_compound = 1, .is_initials = 1};
    for (; at < end; word->characters++) {
        uint32_t point;
        at = read_point(at, &point);
        if (point > 0xFFFF) {
            word->any |= LEFT_TO_PYTHON;
            return;
        }
        uint32_t in = sets[point];
        word->is_compound &= (in & OF_LETTERS) != 0 || ((in & APOSTROPHE) != 0 && (word->last & OF_LETTERS) != 0);
        word->is_initials &= word->characters % 2 == 0 ? (in & LETTER) != 0 : point == '.';
        word->all &= in;
        word->any |= in;
        if (word->characters == 0) word->first = in;
        else word->rest &= in;
        word->last = in;
        uint8_t script = scripts[point];
        if (script != 0 && (word->script == 0 || script < word->script)) word->script = script;
    }
}

/* The number of the first pattern of mgm.text.shapes that a word matches; 0: none. */
static uint8_t shape_of(const Word *word) {
    if (word->characters == 0) return 0;
    int is_longer = word->characters > 1;
    if (word->all & HAN) return 1;
    if (word->all & LOWER_OR_MARK) return 2;
    if (!is_longer && (word->first & UPPER)) return 3;
    if (is_longer && (word->first & UPPER) && (word->rest & LOWER_OR_MARK)) return 4;
    if (word->all & UPPER_OR_MARK) return 5;
    if (word->all & NUMBER) return 6;
    if (is_longer && (word->first & word->last & NUMBER) && (word->all & NUMBER_OR_SEPARATOR)) return 7;
    if (word->all & STOP) return 8;
    if (word->all & PUNCTUATION) return 9;
    if ((word->first & SYMBOL) && (word->rest & OF_SYMBOL)) return 10;
    if (word->first & AT_OR_HASH) return 11;
    if (word->is_compound && (word->any & APOSTROPHE) && (word->last & OF_LETTERS)) return 12;
    if (word->is_initials && word->characters % 2 == 0) return 13;
    if (word->all & OF_LETTERS) return 14;
    return ((word->any & LETTER) && (word->any & NUMBER)) || (word->any & UNDERSCORE) ? 15 : 0;
}

/* Write the shape and the script of each word; UNKNOWN: it is left to Python. The tables are of the code points of the first plane. */
void mgm_find_shapes(const uint8_t *text, const int64_t *offset, int64_t words, const uint16_t *sets, const uint8_t *scripts,
                     uint8_t *shape, uint8_t *script) {
    for (int64_t i = 0; i < words; i++) {
        Word word;
        read_word(text + offset[i], text + offset[i + 1], sets, scripts, &word);
        int is_known = !(word.any & LEFT_TO_PYTHON);
        shape[i] = is_known ? shape_of(&word) : UNKNOWN;
        script[i] = is_known ? word.script : UNKNOWN;
    }
}
