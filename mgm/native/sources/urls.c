/* Addresses of the web and their placeholders, as the expression of mgm.text.cleaning.mask finds them. */

#include "characters.h"

static inline int is_url_byte(uint8_t c) { return is_word_byte(c) || (c != 0 && strchr("~/#@$&+=%-", c) != NULL); }
static inline int is_url_mark(uint8_t c) { return c != 0 && strchr(".,:;!?'|*", c) != NULL; }
static inline int is_white(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

/* Whether the expression takes each character of a text for the same as this file: ASCII, and those from U+3000 to U+FFEF, which
   belong to no address. Others are letters of addresses, or the same as one where case does not matter. */
static int is_known_to_urls(const uint8_t *at, const uint8_t *end) {
    for (; at < end; at++) {
        if (*at < 0x80) continue;
        if (*at < 0xE3 || *at >= 0xF0 || (at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xB0)) return 0;
        at += 2;
    }
    return 1;
}

/* The end of what follows the beginning of an address. */
static const uint8_t *url_body_end(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *next = at;
        if (is_url_byte(*at)) {
            at++;
            continue;
        }
        if (*at == '(') {
            for (next++; next < end && (is_url_byte(*next) || (is_url_mark(*next) && *next != '|')); next++);
            if (next == end || *next != ')') return at;
            at = next + 1;
            continue;
        }
        while (next < end && is_url_mark(*next)) next++;
        if (next == at || next == end || !is_url_byte(*next)) return at;
        at = next;
    }
    return at;
}

/* The end of the first character of a host, or of an IPv6 address in brackets; NULL: there is none. */
static const uint8_t *host_end(const uint8_t *at, const uint8_t *end) {
    if (at >= end) return NULL;
    if (is_url_byte(*at)) return at + 1;
    const uint8_t *next = at + 1;
    if (*at != '[') return NULL;
    while (next < end && (is_digit(*next) || ((*next | 32) >= 'a' && (*next | 32) <= 'f') || *next == ':' || *next == '.')) next++;
    return next > at + 1 && next < end && *next == ']' ? next + 1 : NULL;
}

static int equals_scheme(const uint8_t *first, int64_t bytes) {
    static const char *const all[] = {"http", "https", "ftp", "ftps", "sftp"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t same = 0;
        while (same < bytes && all[i][same] == (char)(first[same] | 32)) same++;
        if (same == bytes && all[i][bytes] == 0) return 1;
    }
    return 0;
}

/* The end of the address whose scheme ends with the colon, or whose "www" with the dot, at `at`; NULL: it is none. */
static const uint8_t *url_end(const uint8_t *begin, const uint8_t *at, const uint8_t *end, const uint8_t **first) {
    *first = at;
    while (*first > begin && at - *first <= 5 && is_word_byte((*first)[-1])) --*first;
    if (*at == '.') {
        int is_www = at - *first == 3 && (at[-1] | 32) == 'w' && (at[-2] | 32) == 'w' && (at[-3] | 32) == 'w';
        return is_www && end - at > 1 && is_alphanumeric(at[1]) ? url_body_end(at + 2, end) : NULL;
    }
    if (end - at < 3 || at[1] != '/' || at[2] != '/' || at - *first > 5 || !equals_scheme(*first, at - *first)) return NULL;
    const uint8_t *user = at + 3, *next = user, *host = NULL;
    while (next < end && *next < 0x80 && !is_white(*next) && strchr("/?#@<>\"'()", *next) == NULL) next++;
    if (next > user && next - user <= 64 && next < end && *next == '@') host = host_end(next + 1, end);
    if (host == NULL) host = host_end(user, end);
    return host ? url_body_end(host, end) : NULL;
}

/* Write the texts with `placeholder`, of `bytes`, in the places of addresses.

   `count` gets the number of addresses of each text, -1 where it has characters that only the expression knows. `masked`, as long as
   all texts, gets the texts with addresses alone, from masked_offset[i] to masked_offset[i + 1]; `start` and `end` the offsets of
   each address in code points. Returns the number of addresses, of which a text has at most one in five bytes. */
int64_t mgm_mask_urls(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *placeholder, int64_t bytes,
                      int64_t *count, uint8_t *masked, int64_t *masked_offset, int64_t *start, int64_t *end) {
    int64_t urls = 0;
    uint8_t *out = masked;
    for (int64_t i = 0; i < texts; i++) {
        const uint8_t *begin = text + offset[i], *last = text + offset[i + 1], *copied = begin, *first;
        int64_t position = 0;
        masked_offset[i] = out - masked;
        count[i] = is_known_to_urls(begin, last) - 1;
        for (const uint8_t *at = begin; at < last && count[i] >= 0; at++) {
            if (*at != ':' && *at != '.') continue;
            const uint8_t *url = url_end(begin, at, last, &first);
            if (url == NULL) continue;
            memcpy(out, copied, (size_t)(first - copied));
            memcpy(out + (first - copied), placeholder, (size_t)bytes);
            out += first - copied + bytes;
            position += characters_between(copied, first);
            start[urls] = position;
            position += url - first; /* an address is ASCII */
            end[urls++] = position;
            copied = url;
            count[i]++;
            at = url - 1;
        }
        if (count[i] > 0) {
            memcpy(out, copied, (size_t)(last - copied));
            out += last - copied;
        }
    }
    masked_offset[texts] = out - masked;
    return urls;
}
