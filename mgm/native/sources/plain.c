/* Texts that no step of cleaning changes, mgm.text.cleaning.plain. */

#include "characters.h"

static inline int is_hex(uint8_t c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

/* Whether an IPv6 address may begin before the colon at `at`, the second of at least two. */
static int may_be_ipv6(const uint8_t *begin, const uint8_t *at) {
    const uint8_t *first = at - 1;
    while (first >= begin && at - first <= 4 && is_hex(*first)) first--;
    if (first < begin || *first != ':') return 0;
    const uint8_t *group = first - 1;
    while (group >= begin && first - group <= 4 && is_hex(*group)) group--;
    return group < begin || !(is_alphanumeric(*group) || *group == '_' || *group == '.' || *group == ':');
}

/* Whether a byte and what stands around it may be a part of an address or a number that cleaning masks. */
static int may_be_masked(const uint8_t *begin, const uint8_t *at, const uint8_t *end) {
    int64_t before = at - begin, after = end - at; /* bytes before, and with this one after */
    switch (*at) {
    case '@': {
        uint8_t left = before > 0 ? at[-1] : 0;
        int is_name = is_alphanumeric(left) || (left != 0 && strchr("._%+-", left) != NULL);
        return is_name && after > 1 && is_alphanumeric(at[1]);
    }
    case ':': return (after > 2 && at[1] == '/' && at[2] == '/') || may_be_ipv6(begin, at);
    case '+': return after > 1 && at[1] >= '1' && at[1] <= '9';
    case ')': {
        const uint8_t *next = at + 1; /* after any blanks, as these may be collapsed */
        while (next < end && is_blank(*next)) next++;
        if (next == at + 1 && after > 2 && *next == '-') next++;
        return before > 0 && is_digit(at[-1]) && next < end && is_digit(*next);
    }
    case '.': return before > 2 && (at[-1] | 32) == 'w' && (at[-2] | 32) == 'w' && (at[-3] | 32) == 'w';
    default: return 0;
    }
}

/* The end of a run of blanks; `regular` gets whether collapsing leaves it: one blank, or one or two line breaks, between others.
   NULL: it has a carriage return without a line break, which would become one. */
static const uint8_t *blanks_end(const uint8_t *begin, const uint8_t *at, const uint8_t *end, int *regular) {
    const uint8_t *first = at;
    for (; at < end && is_blank(*at); at++)
        if (*at == '\r' && (at + 1 == end || at[1] != '\n')) return NULL;
    int64_t size = at - first;
    int is_usual = (size == 1 && (*first == ' ' || *first == '\n')) || (size == 2 && first[0] == '\n' && first[1] == '\n');
    *regular = is_usual && first > begin && at < end;
    return at;
}

/* The bytes of a character that is not ASCII, if it is `stable`, as no step changes it whatever stands beside it; 0: it is not. */
static inline int stable_bytes(const uint8_t *at, const uint8_t *stable) {
    if (at[0] >= 0xF0) return 0;
    int bytes = at[0] < 0xE0 ? 2 : 3;
    uint32_t point = bytes == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                                : (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return stable[point] ? bytes : 0;
}

enum { NOT_PLAIN = 0, PLAIN = 1, PLAIN_BUT_ENCODING = 2 };

/* Whether cleaning leaves the words of a text as they are: printable ASCII and stable characters, and nothing to mask. With others
   than ASCII its encoding may still look broken. Its blanks must be regular, unless at least `visible` other characters are seen;
   -1: they must be regular in any case. */
static uint8_t is_plain(const uint8_t *begin, const uint8_t *end, const uint8_t *stable, int64_t visible) {
    int digits = 0, digits_before = 0, dots = 0; /* of the present run of digits, of that before its separator; after digits */
    int are_regular = 1, is_ascii = 1;
    int64_t seen = 0;
    for (const uint8_t *at = begin; at < end;) {
        uint8_t c = *at;
        if (is_blank(c)) { /* a run without a line break separates digits as a single blank does, which it may become */
            const uint8_t *blanks = at;
            int is_regular = 0;
            at = blanks_end(begin, at, end, &is_regular);
            if (at == NULL) return NOT_PLAIN;
            are_regular &= is_regular;
            if (!are_regular && visible < 0) return NOT_PLAIN;
            digits_before = memchr(blanks, '\n', (size_t)(at - blanks)) == NULL ? digits : 0;
            digits = dots = 0;
            continue;
        }
        seen++;
        if (c >= 0x80) {
            int bytes = stable_bytes(at, stable);
            if (bytes == 0) return NOT_PLAIN;
            at += bytes;
            digits = digits_before = dots = is_ascii = 0;
            continue;
        }
        if (c < ' ' || c > '~') return NOT_PLAIN;
        if (is_digit(c)) {
            digits++;
            if (digits >= 7 || (digits >= 3 && digits_before >= 3)) return NOT_PLAIN;
        } else {
            if (may_be_masked(begin, at, end)) return NOT_PLAIN;
            if (c == '.' && digits > 0) {
                if (++dots == 3) return NOT_PLAIN;
            } else dots = 0;
            digits_before = c == '.' || c == '-' ? digits : 0;
            digits = 0;
        }
        at++;
    }
    return are_regular || seen >= visible ? (is_ascii ? PLAIN : PLAIN_BUT_ENCODING) : NOT_PLAIN;
}

/* Write for each text whether no step of cleaning, apart from that for HTML, changes its words; 0 where one may change them, 2 where
   the text must also be looked at for a broken encoding. `stable` has a flag for each code point of the first plane; `visible` is
   that above. */
void mgm_find_plain(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *stable, int64_t visible,
                    uint8_t *plain) {
    for (int64_t i = 0; i < texts; i++) plain[i] = is_plain(text + offset[i], text + offset[i + 1], stable, visible);
}
