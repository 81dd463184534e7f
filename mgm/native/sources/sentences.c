/* Ends of sentences, mgm.text.segmentation.sentences. */

#include "characters.h"

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
