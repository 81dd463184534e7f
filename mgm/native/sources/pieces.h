/* The pieces of a text one by one, as the expression of mgm.text.segmentation.words finds them. */

#ifndef MGM_PIECES_H
#define MGM_PIECES_H

#include "characters.h"

/* The end of a placeholder of cleaning, or `at`. */
static const uint8_t *placeholder(const Text *text, const uint8_t *at) {
    static const char *const all[] = {"<URL>", "<EMAIL>", "<IP>", "<PHONE>", "<NUMBER>"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t size = strlen(all[i]);
        if ((size_t)(text->end - at) >= size && memcmp(at, all[i], size) == 0) return at + size;
    }
    return at;
}

/* [:;=]-?[()]+|:-?[DPp]\b|<3 */
static const uint8_t *emoticon(const Text *text, const uint8_t *at) {
    const uint8_t *end = text->end;
    if (end - at >= 2 && at[0] == '<' && at[1] == '3') return at + 2;
    if (at[0] != ':' && at[0] != ';' && at[0] != '=') return at;
    const uint8_t *mouth = at + 1 + (at + 1 < end && at[1] == '-');
    if (mouth >= end) return at;
    if (*mouth == '(' || *mouth == ')') {
        while (mouth < end && (*mouth == '(' || *mouth == ')')) mouth++;
        return mouth;
    }
    if (at[0] == ':' && (*mouth == 'D' || *mouth == 'P' || *mouth == 'p') &&
        (mouth + 1 == end || !is_word_byte(mouth[1])))
        return mouth + 1;
    return at;
}

/* The end of most words, of ASCII, whose second character stands at `at`; NULL: it depends on what follows. */
static inline const uint8_t *usual_word_end(const Text *text, const uint8_t *at) {
    const uint8_t *end = at;
    while (end < text->end && *end < 0x80 && (text->classes[*end] & WORD)) end++;
    if (end == text->end) return end;
    if (*end >= 0x80 || *end == '\'' || *end == '-' || *end == '+') return NULL;
    return end == at && (*end == '.' || *end == '#') ? NULL : end;
}

/* The end of the piece that begins with the character `c`, no blank, at `at`: the alternatives of the expression, in its order. */
static inline const uint8_t *piece_end(const Text *text, const uint8_t *at, Character c) {
    const uint8_t *next = at + c.bytes, *end;
    if (c.bytes == 1 && (c.class & (WORD | DIGIT)) == WORD && (end = usual_word_end(text, next)) != NULL) return end;
    if (c.class & HAN) return run_of(text, next, HAN);
    if (c.point == '<' && (end = placeholder(text, at)) != at) return end;
    if (c.class & DIGIT) {
        const uint8_t *number = end = run_of(text, next, DIGIT);
        for (Character mark; (mark = character_at(text, end)).bytes == 1 && strchr(".,:/", (int)mark.point) != NULL;) {
            const uint8_t *digits = run_of(text, end + 1, DIGIT);
            if (digits == end + 1) break;
            end = digits;
        }
        if (end != number) return end;
    }
    if (c.class & LETTER) {
        int dotted = 0;
        end = at;
        for (Character letter; (letter = character_at(text, end)).class & LETTER; dotted++) {
            if (character_at(text, end + letter.bytes).point != '.') break;
            end += letter.bytes + 1;
        }
        if (dotted >= 2) return end;
        if ((c.point == 'C' || c.point == 'F' || c.point == 'J') && character_at(text, next).point == '#') return next + 1;
    }
    if (c.class & WORD) {
        end = run_of(text, next, WORD);
        for (;;) {
            Character mark = character_at(text, end);
            if (mark.point != '\'' && mark.point != 0x2019 && mark.point != 0x2010 && mark.point != '-') break;
            const uint8_t *more = run_of(text, end + mark.bytes, WORD);
            if (more == end + mark.bytes) break;
            end = more;
        }
        return text->end - end >= 2 && end[0] == '+' && end[1] == '+' ? end + 2 : end;
    }
    switch (c.point) {
    case '@':
    case '#': return run_of(text, next, WORD);
    case ':':
    case ';':
    case '=':
    case '<': return (end = emoticon(text, at)) != at ? end : next;
    case '.':
    case '-':
    case '~':
    case 0x2026:
    case 0x2014:
    case 0x3002: return run_of_point(text, next, c.point, c.point);
    case '!':
    case '?':
    case 0xFF01:
    case 0xFF1F:
        end = at;
        for (Character mark; (mark = character_at(text, end)).point == '!' || mark.point == '?' || mark.point == 0xFF01 ||
                             mark.point == 0xFF1F;)
            end += mark.bytes;
        return end;
    default: return next;
    }
}

/* Find the next piece from `at` on, which becomes its end, and the gap before it; 0: there is none. */
static inline int next_piece(const Text *text, const uint8_t **at, const uint8_t **first, uint8_t *gap) {
    const uint8_t *begin = *at;
    if (text->end - begin > 1 && begin[0] == ' ' && begin[1] > ' ' && begin[1] < 0x80) { /* most words */
        *first = begin + 1;
        *gap = GAP_BLANK;
        *at = piece_end(text, *first, character_at(text, *first));
        return 1;
    }
    Character c = character_at(text, *at);
    *gap = NO_GAP;
    if (c.class & (BLANK | NEWLINE)) {
        int32_t breaks = 0;
        for (; (c = character_at(text, *at)).class & (BLANK | NEWLINE); *at += c.bytes) breaks += (c.class & NEWLINE) != 0;
        *gap = breaks > 1 ? GAP_EMPTY_LINE : breaks == 1 ? GAP_LINE : GAP_BLANK;
    }
    if (c.bytes == 0) return 0;
    *first = *at;
    *at = piece_end(text, *first, c);
    return 1;
}

#endif
