/* Texts that no step of cleaning changes, or none but the masking of addresses and numbers: mgm.text.cleaning.plain. */

#include "characters.h"

static inline int is_hex(uint8_t c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

/* ---- what masking looks for ---- */

static int have_digits(const uint8_t *at, const uint8_t *end, int64_t digits) {
    int64_t i = 0;
    while (i < digits && at + i < end && is_digit(at[i])) i++;
    return i == digits;
}

/* Whether a number may be masked that begins with a run of digits. A run of blanks within a line is as one, which it may become. */
static int may_be_number(const uint8_t *first, const uint8_t *last, const uint8_t *end) {
    int64_t digits = last - first;
    if (digits >= 7) return 1;
    if (last == end) return 0;
    const uint8_t *next = last + (*last == ')'), *blanks = next;
    int is_same_line = 1;
    for (; next < end && is_blank(*next); next++) is_same_line &= *next != '\n';
    if (*last == ')') { /* of an area */
        next += next == blanks && next < end && *next == '-';
        return is_same_line && have_digits(next, end, 3);
    }
    int is_separated = next > last ? is_same_line : *last == '.' || *last == '-';
    if (digits >= 3 && is_separated && have_digits(next + (next == last), end, 3)) return 1;
    for (int dots = 0; dots < 3; dots++) { /* IPv4 */
        if (last >= end || *last != '.' || last + 1 >= end || !is_digit(last[1])) return 0;
        for (last++; last < end && is_digit(*last); last++);
    }
    return 1;
}

/* Whether an international number may begin with the plus sign at `at`. */
static int may_be_international(const uint8_t *at, const uint8_t *end) {
    if (end - at < 2 || at[1] < '1' || at[1] > '9') return 0;
    int digits = 1;
    for (at += 2; at < end && digits < 8; at++) {
        if (is_digit(*at)) digits++;
        else if (*at == '\n' || (!is_blank(*at) && *at != '.' && *at != '(' && *at != ')' && *at != '-')) break;
    }
    return digits == 8;
}

/* Whether an IPv6 address may begin before the colon at `at`, the second of at least two. */
static int may_be_ipv6(const uint8_t *begin, const uint8_t *at) {
    const uint8_t *first = at - 1;
    while (first >= begin && at - first <= 4 && is_hex(*first)) first--;
    if (first < begin || *first != ':') return 0;
    const uint8_t *group = first - 1;
    while (group >= begin && first - group <= 4 && is_hex(*group)) group--;
    return group < begin || !(is_word_byte(*group) || *group == '.' || *group == ':');
}

/* Whether an address of the web or of mail may have the mark at `at`. */
static int may_be_address(const uint8_t *begin, const uint8_t *at, const uint8_t *end) {
    int64_t before = at - begin, after = end - at; /* bytes before, and with this one after */
    if (*at == ':') return after > 2 && at[1] == '/' && at[2] == '/';
    if (*at == '.') return before > 2 && (at[-1] | 32) == 'w' && (at[-2] | 32) == 'w' && (at[-3] | 32) == 'w';
    uint8_t left = before > 0 ? at[-1] : 0; /* of an @ */
    int is_name = is_alphanumeric(left) || (left != 0 && strchr("._%+-", left) != NULL);
    return is_name && after > 1 && is_alphanumeric(at[1]);
}

/* ---- what other steps look for ---- */

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

/* The end of a run of characters that are not ASCII; NULL: one is not `stable`, as no step changes it whatever stands beside it. */
static const uint8_t *stable_end(const uint8_t *at, const uint8_t *end, const uint8_t *stable) {
    while (at < end && at[0] >= 0x80) {
        if (at[0] >= 0xF0) return NULL;
        int bytes = at[0] < 0xE0 ? 2 : 3;
        uint32_t point = bytes == 2 ? (at[0] & 0x1Fu) << 6 | (at[1] & 0x3Fu)
                                    : (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        if (!stable[point]) return NULL;
        at += bytes;
    }
    return at;
}

/* Whether a text has at least so many characters beside blanks. */
static int has_visible(const uint8_t *at, const uint8_t *end, int64_t visible) {
    for (; at < end && visible > 0; at++) visible -= !is_blank(*at) && (*at & 0xC0) != 0x80;
    return visible <= 0;
}

enum { WINDOW = 256, LANES = 16, MARKED = 0xFF };
typedef uint8_t Bytes __attribute__((vector_size(LANES)));

static inline Bytes load_bytes(const uint8_t *at) {
    Bytes bytes;
    memcpy(&bytes, at, LANES);
    return bytes;
}

static inline Bytes all(uint8_t c) {
    Bytes none = {0};
    return none + c;
}

/* Mark the bytes that need a look, of `size` bytes between two others: all that is not ASCII or not seen but a single blank, the
   first digit of a run, and marks of addresses. */
static void mark_bytes(const uint8_t *window, int64_t size, uint8_t *marks) {
    for (int64_t i = 0; i < size; i += LANES) {
        Bytes before = load_bytes(window + i), c = load_bytes(window + i + 1), after = load_bytes(window + i + 2);
        Bytes is_seen = (Bytes)(c - all(' ') <= all('~' - ' '));
        Bytes is_run = (Bytes)(c == all(' ')) & (Bytes)(after <= all(' '));
        Bytes is_first_digit = (Bytes)(c - all('0') <= all(9)) & (Bytes)(before - all('0') > all(9));
        Bytes is_www = (Bytes)(c == all('.')) & (Bytes)((before | all(32)) == all('w'));
        Bytes is_in_address = (Bytes)(c == all(':')) | (Bytes)(c == all('@')) | (Bytes)(c == all('+')) | is_www;
        Bytes marked = ~is_seen | is_run | is_first_digit | is_in_address;
        memcpy(marks + i, &marked, LANES);
    }
}

enum { MAY_CHANGE = 0, PLAIN = 1, MAY_BE_MASKED = 2, CHECK_ENCODING = 4 };
enum { LEAST_MASKED = 5 }; /* characters of the shortest placeholder of an address */

/* Whether cleaning leaves the words of a text as they are, or masks some at most: printable ASCII and stable characters. Its blanks
   must be regular, unless at least `visible` other characters are seen; -1: they must be regular in any case. */
static uint8_t describe_text(const uint8_t *begin, const uint8_t *end, const uint8_t *stable, int64_t visible) {
    int are_regular = begin == end || !is_blank(*begin), is_ascii = 1, has_address = 0, has_number = 0;
    uint8_t window[WINDOW + LANES + 2] = {0}, marks[WINDOW];
    const uint8_t *at = begin; /* what stands before was looked at */
    int64_t size;
    for (const uint8_t *chunk = begin; chunk < end; chunk += size) {
        size = end - chunk < WINDOW ? end - chunk : WINDOW;
        window[0] = chunk > begin ? chunk[-1] : 0;
        memcpy(window + 1, chunk, (size_t)size);
        window[size + 1] = chunk + size < end ? chunk[size] : 0;
        mark_bytes(window, size, marks);
        for (int64_t i = at > chunk ? at - chunk : 0; i < size; i = at - chunk) {
            const uint8_t *mark = memchr(marks + i, MARKED, (size_t)(size - i));
            if (mark == NULL) break;
            const uint8_t *place = chunk + (mark - marks);
            uint8_t c = *place;
            at = place + 1;
            if (is_blank(c)) {
                int is_regular = 0;
                at = blanks_end(begin, place, end, &is_regular);
                if (at == NULL) return MAY_CHANGE;
                are_regular &= is_regular;
            } else if (c >= 0x80) {
                at = stable_end(place, end, stable);
                if (at == NULL) return MAY_CHANGE;
                is_ascii = 0;
            } else if (is_digit(c)) {
                while (at < end && is_digit(*at)) at++;
                has_number |= may_be_number(place, at, end);
            } else if (c < ' ' || c > '~') return MAY_CHANGE;
            else if (c == '+') has_number |= may_be_international(place, end);
            else {
                has_address |= may_be_address(begin, place, end);
                has_number |= c == ':' && may_be_ipv6(begin, place);
            }
        }
    }
    if (!are_regular) {
        if (visible < 0 || has_number || !has_visible(begin, end, visible)) return MAY_CHANGE;
        if (has_address && visible > LEAST_MASKED) return MAY_CHANGE; /* which would see fewer characters */
    }
    return (has_address || has_number ? MAY_BE_MASKED : PLAIN) | (is_ascii ? 0 : CHECK_ENCODING);
}

/* Write for each text whether steps of cleaning, apart from that for HTML, may change its words: 0, 1 none, 2 none but masking; and 4
   more where the text must also be looked at for a broken encoding. `stable` has a flag for each code point of the first plane;
   `visible` is that above. */
void mgm_find_plain(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *stable, int64_t visible,
                    uint8_t *plain) {
    for (int64_t i = 0; i < texts; i++) plain[i] = describe_text(text + offset[i], text + offset[i + 1], stable, visible);
}
