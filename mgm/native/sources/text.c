/* Texts to words and sentences: which texts cleaning would change, pieces, numbers of known words, and ends of sentences. */

#include "jieba.h"
#include "kernels.h"

/* ---- texts that no step of cleaning changes, mgm.text.cleaning.plain ---- */

static inline int is_blank(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
static inline int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline int is_hex(uint8_t c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }
static inline int is_alphanumeric(uint8_t c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z'); }

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

/* ---- texts to pieces, mgm.text.segmentation.pieces ---- */

/* Classes of characters, bits of a byte; 0: a text with it is left to the expression in Python. */
enum { BLANK = 1, NEWLINE = 2, HAN = 4, LETTER = 8, WORD = 16, DIGIT = 32, OTHER = 64 };
enum { NO_GAP = 0, GAP_BLANK = 1, GAP_LINE = 2, GAP_EMPTY_LINE = 3 };

typedef struct {
    const uint8_t *at, *end; /* the rest of the text */
    const uint8_t *classes;  /* of each code point below 0x10000 */
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
    } else {
        c.point = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
        c.bytes = 3;
    }
    c.class = text->classes[c.point];
    return c;
}

/* Whether all characters of a text have a class. */
static int is_known(const Text *text) {
    for (const uint8_t *at = text->at; at < text->end;) {
        if (at[0] >= 0xF0) return 0;
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

static inline int is_ascii_word(uint32_t point) {
    return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || (point >= 'a' && point <= 'z') || point == '_';
}

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
        (mouth + 1 == end || !is_ascii_word(mouth[1])))
        return mouth + 1;
    return at;
}

/* The end of the piece that begins with the character `c`, no blank, at `at`: the alternatives of the expression, in its order. */
static const uint8_t *piece_end(const Text *text, const uint8_t *at, Character c) {
    const uint8_t *next = at + c.bytes, *end;
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

static inline uint64_t hash_bytes(const uint8_t *at, int64_t bytes) {
    uint64_t hash = (uint64_t)bytes * THIRD, word;
    for (; bytes >= 8; at += 8, bytes -= 8) {
        memcpy(&word, at, 8);
        hash = (hash ^ word) * FIRST;
        hash ^= hash >> 29;
    }
    for (word = 0; bytes > 0; bytes--) word = word << 8 | *at++;
    hash = (hash ^ word) * SECOND;
    return hash ^ hash >> 32;
}

/* The distinct pieces of texts, in the order of their first occurrences. */
typedef struct {
    int64_t *first_byte; /* of the first occurrence */
    int32_t *bytes;
    int64_t size;
    uint32_t *place; /* open addressing: 0, or 1 + the position */
    uint64_t slots;
} Distinct;

/* The number of a piece among the distinct ones, which it joins if it is new; -1: no memory. */
static int64_t number_of(Distinct *distinct, const uint8_t *all, int64_t first, int32_t bytes, uint64_t hash) {
    if (2 * (uint64_t)distinct->size >= distinct->slots) {
        uint64_t slots = 2 * distinct->slots;
        uint32_t *place = calloc(slots, sizeof(uint32_t));
        if (place == NULL) return -1;
        for (int64_t i = 0; i < distinct->size; i++) {
            uint64_t slot = hash_bytes(all + distinct->first_byte[i], distinct->bytes[i]) & (slots - 1);
            while (place[slot]) slot = (slot + 1) & (slots - 1);
            place[slot] = (uint32_t)i + 1;
        }
        free(distinct->place);
        distinct->place = place;
        distinct->slots = slots;
    }
    uint64_t mask = distinct->slots - 1, slot = hash & mask;
    for (uint32_t at; (at = distinct->place[slot]) != 0; slot = (slot + 1) & mask)
        if (distinct->bytes[at - 1] == bytes && memcmp(all + distinct->first_byte[at - 1], all + first, (size_t)bytes) == 0)
            return at - 1;
    distinct->first_byte[distinct->size] = first;
    distinct->bytes[distinct->size] = bytes;
    distinct->place[slot] = (uint32_t)++distinct->size;
    return distinct->size - 1;
}

static int64_t characters_between(const uint8_t *at, const uint8_t *end) {
    int64_t characters = 0;
    for (; at < end; at++) characters += (*at & 0xC0) != 0x80;
    return characters;
}

/* Cut texts into pieces: words, and runs of Han characters.

   `text` has the UTF-8 of all texts, from offset[i] to offset[i + 1] each. Of each piece, `number` is its place among the
   distinct ones, `start` its offset in code points, `gap` that before it; `count` is the number of pieces of a text, -1 where a
   character has no class. Of each distinct one `first_byte` and `bytes` say where it stands. All arrays must hold as many as there
   are bytes. `sizes` gets the number of pieces and of distinct ones. */
int mgm_find_pieces(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *classes, int32_t *count,
                    int32_t *number, int32_t *start, uint8_t *gap, int64_t *first_byte, int32_t *bytes, int64_t *sizes) {
    Distinct distinct = {first_byte, bytes, 0, calloc(4096, sizeof(uint32_t)), 4096};
    int64_t pieces = 0;
    if (distinct.place == NULL) return NO_MEMORY;
    for (int64_t i = 0; i < texts; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        if (!is_known(&rest)) {
            count[i] = -1;
            continue;
        }
        int64_t before = pieces, position = 0;
        const uint8_t *at = rest.at, *last = at, *first;
        for (uint8_t since; next_piece(&rest, &at, &first, &since); last = first, pieces++) {
            int64_t own = number_of(&distinct, text, first - text, (int32_t)(at - first), hash_bytes(first, at - first));
            if (own < 0) {
                free(distinct.place);
                return NO_MEMORY;
            }
            number[pieces] = (int32_t)own;
            position += characters_between(last, first);
            start[pieces] = (int32_t)position;
            gap[pieces] = since;
        }
        count[i] = (int32_t)(pieces - before);
    }
    free(distinct.place);
    sizes[0] = pieces;
    sizes[1] = distinct.size;
    return DONE;
}

/* ---- texts to numbers of words, mgm.text.segmentation.numbered_words ---- */

typedef struct {
    const uint8_t *text;   /* the UTF-8 of all spellings */
    const int64_t *bound;  /* where each begins, and at last where they all end */
    const int64_t *number; /* of each */
    uint32_t *place;       /* open addressing: 0, or 1 + the position of a spelling */
    uint64_t slots;        /* a power of two, of which at least half are empty */
} Spellings;

/* The place of a spelling in the table, or the empty one where it would stand. */
static inline uint32_t *place_of(const Spellings *known, const uint8_t *at, int64_t bytes, uint64_t hash) {
    uint64_t mask = known->slots - 1, slot = hash & mask;
    for (uint32_t position; (position = known->place[slot]) != 0; slot = (slot + 1) & mask) {
        const int64_t *bound = known->bound + position - 1;
        if (bound[1] - bound[0] == bytes && memcmp(known->text + bound[0], at, (size_t)bytes) == 0) break;
    }
    return known->place + slot;
}

/* Write the spellings from `first` to `last` into the table. */
void mgm_index_spellings(const Spellings *known, int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) {
        const uint8_t *at = known->text + known->bound[i];
        int64_t bytes = known->bound[i + 1] - known->bound[i];
        *place_of(known, at, bytes, hash_bytes(at, bytes)) = (uint32_t)i + 1;
    }
}

/* Write the number of each of some words; -1: its spelling is unknown. */
void mgm_look_up_spellings(const Spellings *known, const uint8_t *text, const int64_t *offset, int64_t words, int64_t *number) {
    for (int64_t i = 0; i < words; i++) {
        int64_t bytes = offset[i + 1] - offset[i];
        uint32_t position = *place_of(known, text + offset[i], bytes, hash_bytes(text + offset[i], bytes));
        number[i] = position ? known->number[position - 1] : -1;
    }
}

/* Write the runs of Han of the texts whose characters all have a class, each with a line break behind; return the bytes written. */
int64_t mgm_find_han_runs(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *classes, uint8_t *runs) {
    uint8_t *next = runs;
    for (int64_t i = 0; i < texts; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        if (!is_known(&rest)) continue;
        for (const uint8_t *at = rest.at; at < rest.end;) {
            Character c = character_at(&rest, at);
            const uint8_t *end = c.class & HAN ? run_of(&rest, at, HAN) : at + c.bytes;
            if (c.class & HAN) {
                memcpy(next, at, (size_t)(end - at));
                next += end - at;
                *next++ = '\n';
            }
            at = end;
        }
    }
    return next - runs;
}

/* The words of runs of Han as a segmenter cut them, in the order of the texts: apart by characters below '!'. */
typedef struct {
    const uint8_t *at, *end;
} CutRuns;

/* The end of the first word of a run of Han; NULL: the next word of the segmenter is another one. */
static const uint8_t *han_word_end(CutRuns *cut, const uint8_t *at, const uint8_t *end) {
    while (cut->at < cut->end && *cut->at <= ' ') cut->at++;
    const uint8_t *word = cut->at;
    while (cut->at < cut->end && *cut->at > ' ') cut->at++;
    int64_t bytes = cut->at - word;
    return bytes > 0 && bytes <= end - at && memcmp(word, at, (size_t)bytes) == 0 ? at + bytes : NULL;
}

/* The words of texts while they are found. */
typedef struct {
    const uint8_t *text;
    const Spellings *known;
    Distinct unknown; /* spellings */
    int64_t *word;
    uint8_t *gap;
    int64_t size;
} FoundWords;

/* Append a word: the number of its spelling. */
static inline int append_word(FoundWords *found, const uint8_t *first, const uint8_t *end, uint8_t gap) {
    uint64_t hash = hash_bytes(first, end - first);
    uint32_t position = *place_of(found->known, first, end - first, hash);
    int64_t number;
    if (position) number = found->known->number[position - 1];
    else {
        int64_t own = number_of(&found->unknown, found->text, first - found->text, (int32_t)(end - first), hash);
        if (own < 0) return NO_MEMORY;
        number = -1 - own;
    }
    found->gap[found->size] = gap;
    found->word[found->size++] = number;
    return DONE;
}

/* Append the words of a run of Han that jieba finds. */
static int append_jieba(FoundWords *found, const uint8_t *first, const uint8_t *end, uint8_t gap, const Jieba *jieba,
                        JiebaSpace *space) {
    int64_t words = jieba_cut(jieba, first, end - first, space);
    int status = words < 0 ? NO_MEMORY : DONE;
    const uint8_t *begin = first;
    for (int64_t i = 0; i < words && status == DONE; i++, gap = NO_GAP) {
        const uint8_t *next = begin + 3 * (int64_t)space->end[i];
        status = append_word(found, first, next, gap);
        first = next;
    }
    return status;
}

/* Append the words of a run of Han: characters, or those of the segmenter. */
static int append_han(FoundWords *found, const Text *text, const uint8_t *first, const uint8_t *end, uint8_t gap, CutRuns *cut) {
    while (first < end) {
        const uint8_t *next = cut->at ? han_word_end(cut, first, end) : first + character_at(text, first).bytes;
        if (next == NULL) return OTHER_WORDS;
        int status = append_word(found, first, next, gap);
        if (status != DONE) return status;
        gap = NO_GAP;
        first = next;
    }
    return DONE;
}

/* Cut texts into words, and look up their numbers.

   As mgm_find_pieces, but a word is the number of its spelling, or where that is unknown -1 - its place among the distinct unknown
   ones, of which `first_byte`, `bytes` and the second of `sizes` tell. The runs of Han that mgm_find_han_runs writes are cut as in
   `cut`, of `cut_bytes`; where it is NULL by `jieba`, whose characters must have a class alone; where both are, into characters. */
int mgm_find_words(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *classes, const Spellings *known,
                   const uint8_t *cut, int64_t cut_bytes, const Jieba *jieba, int64_t *count, int64_t *word, uint8_t *gap, int64_t *first_byte,
                   int32_t *bytes, int64_t *sizes) {
    FoundWords found = {text, known, {first_byte, bytes, 0, calloc(4096, sizeof(uint32_t)), 4096}, word, gap, 0};
    CutRuns runs = {cut, cut + cut_bytes};
    JiebaSpace space = {0};
    int status = found.unknown.place == NULL ? NO_MEMORY : DONE;
    for (int64_t i = 0; i < texts && status == DONE; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        if (!is_known(&rest)) {
            count[i] = -1;
            continue;
        }
        int64_t before = found.size;
        const uint8_t *at = rest.at, *first;
        for (uint8_t since; status == DONE && next_piece(&rest, &at, &first, &since);)
            if (!(character_at(&rest, first).class & HAN)) status = append_word(&found, first, at, since);
            else if (jieba) status = append_jieba(&found, first, at, since, jieba, &space);
            else status = append_han(&found, &rest, first, at, since, &runs);
        count[i] = found.size - before;
    }
    free(found.unknown.place);
    jieba_free(&space);
    sizes[0] = found.size;
    sizes[1] = found.unknown.size;
    return status;
}

/* ---- sentences, mgm.text.segmentation.sentences ---- */

/* Classes of words, bits of the enumeration WordClass. */
enum {
    SOFT_STOP = 1, STRONG_STOP = 2, CLOSES = 4, MAY_BEGIN = 8, BEGINS_WITH_HAN = 16, ABBREVIATION = 32, BEFORE_NUMBER = 64,
    BEGINS_WITH_NUMBER = 128, ITEM = 256, DOT = 512
};
enum { STOP = SOFT_STOP | STRONG_STOP };

/* Whether a sentence ends with word i, which is not the last of its text, by the stop at `stop`: itself or one that it closes. */
static int ends_sentence(const uint16_t *class, const uint8_t *gap, int64_t i, int64_t stop) {
    uint16_t next = class[i + 1];
    if (gap[i + 1] == NO_GAP && (next & (STOP | CLOSES))) return 0;
    if (class[stop] & STRONG_STOP) return 1;
    if (!((next & MAY_BEGIN && gap[i + 1] > NO_GAP) || next & BEGINS_WITH_HAN)) return 0;
    if (stop == 0 || !(class[stop] & DOT) || gap[stop] != NO_GAP) return 1;
    uint16_t before = class[stop - 1];
    int is_item = before & ITEM && (stop == 1 || gap[stop - 1] >= GAP_LINE);
    return !(before & ABBREVIATION || (before & BEFORE_NUMBER && next & BEGINS_WITH_NUMBER) || is_item);
}

/* Count the words of each sentence, and the sentences of each text.

   `word` of a text's `count` words are numbers, with the `class` of each; a word below 0 is replaced by the number new[-1 - word].
   A gap of at least `least_gap` ends a paragraph; a sentence of more than `most` words is split. `sentence_length` must hold as many
   as there are words; `sentences` those of each text. */
int mgm_count_sentences(const int64_t *count, int64_t texts, int64_t *word, const uint8_t *gap, const int64_t *new,
                        const uint16_t *class, int64_t least_gap, int64_t most, int64_t *sentence_length, int64_t *sentences) {
    int64_t longest = 0;
    for (int64_t t = 0; t < texts; t++)
        if (count[t] > longest) longest = count[t];
    uint16_t *classes = malloc(((size_t)longest + 1) * sizeof(uint16_t));
    if (classes == NULL) return NO_MEMORY;
    for (int64_t t = 0; t < texts; word += count[t], gap += count[t], t++) {
        int64_t stop = -1, length = 0, before = 0;
        for (int64_t i = 0; i < count[t]; i++) {
            if (word[i] < 0) word[i] = new[-1 - word[i]];
            classes[i] = class[word[i]];
        }
        for (int64_t i = 0; i < count[t]; i++) {
            length++;
            if (classes[i] & STOP) stop = i;
            else if (!(stop >= 0 && classes[i] & CLOSES && gap[i] == NO_GAP)) stop = -1;
            int is_last = i + 1 == count[t] || gap[i + 1] >= least_gap || (stop >= 0 && ends_sentence(classes, gap, i, stop));
            if (!is_last && length < most) continue;
            *sentence_length++ = length;
            before++;
            length = 0;
        }
        sentences[t] = before;
    }
    free(classes);
    return DONE;
}
