/* Texts to numbers of words, mgm.text.segmentation.numbered_words. */

#include "jieba.h"
#include "pieces.h"
#include "spellings.h"

/* A word with a number, in one half of a line of the processor's cache. */
typedef struct {
    uint64_t head, tail;
    int64_t first_byte;
    int32_t bytes; /* 0: the slot is empty */
    int32_t number;
} Slot;

typedef struct {
    const uint8_t *text; /* the UTF-8 of all spellings */
    Slot *slot;          /* open addressing */
    uint64_t slots;      /* a power of two, of which at least half are empty */
} Spellings;

/* The slot of a spelling, or the empty one where it would stand. */
static inline Slot *slot_of(const Spellings *known, const Spelling *spelling) {
    uint64_t mask = known->slots - 1;
    for (uint64_t at = spelling->hash & mask;; at = (at + 1) & mask) {
        Slot *slot = known->slot + at;
        if (slot->bytes == 0 || (slot->head == spelling->head && slot->tail == spelling->tail && slot->bytes == spelling->bytes &&
                                 (spelling->bytes <= 16 || memcmp(known->text + slot->first_byte + 8, spelling->first + 8,
                                                                  (size_t)spelling->bytes - 16) == 0)))
            return slot;
    }
}

/* Write some spellings into the table: where each begins, and at last where they all end, and the number of each. */
void mgm_index_spellings(const Spellings *known, const int64_t *bound, const int64_t *number, int64_t spellings) {
    for (int64_t i = 0; i < spellings; i++) {
        Spelling spelling = spelling_of(known->text + bound[i], bound[i + 1] - bound[i], known->text + bound[spellings]);
        Slot filled = {spelling.head, spelling.tail, bound[i], (int32_t)spelling.bytes, (int32_t)number[i]};
        *slot_of(known, &spelling) = filled;
    }
}

/* Write the number of each of some words; -1: its spelling is unknown. */
void mgm_look_up_spellings(const Spellings *known, const uint8_t *text, const int64_t *offset, int64_t words, int64_t *number) {
    for (int64_t i = 0; i < words; i++) {
        Spelling spelling = spelling_of(text + offset[i], offset[i + 1] - offset[i], text + offset[words]);
        const Slot *slot = slot_of(known, &spelling);
        number[i] = slot->bytes ? slot->number : -1;
    }
}

/* Write the runs of Han of the texts whose characters all have a class, each with a line break behind; return the bytes written. */
int64_t mgm_find_han_runs(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *classes, uint8_t *runs) {
    uint8_t *next = runs;
    for (int64_t i = 0; i < texts; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        if (is_visible_ascii(rest.at, rest.end) || !is_known(&rest)) continue;
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

enum { ON_THEIR_WAY = 16 };

/* The words of texts while they are found. The slots of the last ones are on their way to the processor's cache. */
typedef struct {
    const uint8_t *text, *end; /* of all texts */
    const Spellings *known;
    Distinct unknown; /* spellings */
    int64_t *word;
    uint8_t *gap;
    int64_t size, numbered; /* words found, and those of them with a number */
    Spelling last[ON_THEIR_WAY];
} FoundWords;

/* Give the first word without a number the one of its spelling. */
static inline int number_word(FoundWords *found) {
    const Spelling *spelling = found->last + found->numbered % ON_THEIR_WAY;
    const Slot *slot = slot_of(found->known, spelling);
    int64_t number = slot->number;
    if (slot->bytes == 0) {
        int64_t own = number_of(&found->unknown, found->text, spelling);
        if (own < 0) return NO_MEMORY;
        number = -1 - own;
    }
    found->word[found->numbered++] = number;
    return DONE;
}

static inline int append_word(FoundWords *found, const uint8_t *first, const uint8_t *end, uint8_t gap) {
    if (found->size - found->numbered == ON_THEIR_WAY && number_word(found) != DONE) return NO_MEMORY;
    Spelling spelling = spelling_of(first, end - first, found->end);
    __builtin_prefetch(found->known->slot + (spelling.hash & (found->known->slots - 1)));
    found->last[found->size % ON_THEIR_WAY] = spelling;
    found->gap[found->size++] = gap;
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
                   const uint8_t *cut, int64_t cut_bytes, const Jieba *jieba, int64_t *count, int64_t *word, uint8_t *gap,
                   int64_t *first_byte, int32_t *bytes, int64_t *sizes) {
    FoundWords found = {.text = text, .end = text + offset[texts], .known = known, .word = word, .gap = gap};
    CutRuns runs = {cut, cut + cut_bytes};
    JiebaSpace space = {0};
    int status = allocate_distinct(&found.unknown, first_byte, bytes);
    for (int64_t i = 0; i < texts && status == DONE; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        int is_ascii = is_visible_ascii(rest.at, rest.end);
        if (!is_ascii && !is_known(&rest)) {
            count[i] = -1;
            continue;
        }
        int64_t before = found.size;
        const uint8_t *at = rest.at, *first;
        for (uint8_t since; status == DONE && next_piece(&rest, &at, &first, &since);)
            if (is_ascii || !(character_at(&rest, first).class & HAN)) status = append_word(&found, first, at, since);
            else if (jieba) status = append_jieba(&found, first, at, since, jieba, &space);
            else status = append_han(&found, &rest, first, at, since, &runs);
        count[i] = found.size - before;
    }
    while (status == DONE && found.numbered < found.size) status = number_word(&found);
    free(found.unknown.slot);
    jieba_free(&space);
    sizes[0] = found.size;
    sizes[1] = found.unknown.size;
    return status;
}
