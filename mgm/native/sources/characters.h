/* The characters of a text in UTF-8, and the classes that segmentation gives them. */

#ifndef MGM_CHARACTERS_H
#define MGM_CHARACTERS_H

#include "kernels.h"

static inline int is_blank(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
static inline int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline int is_letter(uint8_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static inline int is_alphanumeric(uint8_t c) { return is_digit(c) || is_letter(c); }
static inline int is_word_byte(uint8_t c) { return is_alphanumeric(c) || c == '_'; }

static inline int64_t characters_between(const uint8_t *at, const uint8_t *end) {
    int64_t characters = 0;
    for (; at < end; at++) characters += (*at & 0xC0) != 0x80;
    return characters;
}

/* Classes of characters, bits of a byte; 0: a text with it is left to the expression in Python. */
enum { BLANK = 1, NEWLINE = 2, HAN = 4, LETTER = 8, WORD = 16, DIGIT = 32, OTHER = 64 };
enum { NO_GAP = 0, GAP_BLANK = 1, GAP_LINE = 2, GAP_EMPTY_LINE = 3 };

typedef struct {
    const uint8_t *at, *end; /* the rest of the text */
    const uint8_t *classes;  /* of each code point below 0x20000 */
} Text;

typedef struct {
    uint32_t point;
    uint8_t class, bytes;
} Character;

/* The character at a place of a text whose characters all have a class; of class 0 at its end. */
static inline Character character_at(const Text *text, const uint8_t *at) {
    Character c = {0, 0, 0};
    if (at >= text->end) return c;
    if (at[0] < 0x80) {
        c.point = at[0];
        c.bytes = 1;
    } else if (at[0] < 0xE0) {
        c.point = (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu);
        c.bytes = 2;
    } else if (at[0] < 0xF0) {
        c.point = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        c.bytes = 3;
    } else {
        c.point = (at[0] & 0x07u) << 18 | (at[1] & 0x3Fu) << 12 | (at[2] & 0x3Fu) << 6 | (at[3] & 0x3Fu);
        c.bytes = 4;
    }
    c.class = text->classes[c.point];
    return c;
}

/* Whether a text is ASCII that is seen, and blanks: all of it has a class, and nothing is Han. */
static inline int is_visible_ascii(const uint8_t *at, const uint8_t *end) {
    uint8_t others = 0; /* without a branch, so that compilers look at many bytes at once */
    for (; at < end; at++) others |= (uint8_t)(*at - ' ') > '~' - ' ' && (uint8_t)(*at - '\t') > '\r' - '\t';
    return !others;
}

/* Whether all characters of a text have a class. */
static inline int is_known(const Text *text) {
    for (const uint8_t *at = text->at; at < text->end;) {
        if (at[0] > 0xF0 || (at[0] == 0xF0 && at[1] >= 0xA0)) return 0; /* beyond the second plane */
        Character c = character_at(text, at);
        if (c.class == 0) return 0;
        at += c.bytes;
    }
    return 1;
}

/* The end of a run of characters of a class from `at` on. */
static inline const uint8_t *run_of(const Text *text, const uint8_t *at, uint8_t class) {
    for (;;) {
        while (at < text->end && *at < 0x80 && (text->classes[*at] & class)) at++; /* of most texts all */
        Character c = character_at(text, at);
        if (c.bytes < 2 || !(c.class & class)) return at;
        at += c.bytes;
    }
}

static inline const uint8_t *run_of_point(const Text *text, const uint8_t *at, uint32_t one, uint32_t other) {
    for (Character c; (c = character_at(text, at)).bytes && (c.point == one || c.point == other); at += c.bytes);
    return at;
}

#endif
