/* Words of Chinese as jieba cuts them: the most probable words of its dictionary, and between them those of a hidden Markov model.

   The order of all sums and what decides between equal ones are jieba's, so that the words are.

   Source: https://github.com/fxsjy/jieba, MIT License. */

#include "jieba.h"

enum { FIRST_HAN = 0x3400, LAST_HAN = 0x9FFF };
enum { FIRST_IN_MODEL = 0x4E00 - FIRST_HAN, LAST_IN_MODEL = 0x9FD5 - FIRST_HAN };
enum { NO_TAG = 0 };
enum State { BEGINS, ENDS, MIDDLE, SINGLE, STATES };

static int reserve(JiebaSpace *space, int64_t characters) {
    if (characters <= space->capacity) return DONE;
    jieba_free(space);
    size_t capacity = 2 * (size_t)characters;
    space->point = malloc(capacity * sizeof(uint16_t));
    space->end = malloc(capacity * sizeof(int32_t));
    space->next = malloc(capacity * sizeof(int32_t));
    space->best = malloc((capacity + 1) * sizeof(double));
    space->before = malloc(STATES * capacity);
    int has_all = space->point && space->end && space->next && space->best && space->before;
    space->capacity = has_all ? (int64_t)capacity : 0;
    return has_all ? DONE : NO_MEMORY;
}

void jieba_free(JiebaSpace *space) {
    free(space->point);
    free(space->end);
    free(space->next);
    free(space->best);
    free(space->before);
    *space = (JiebaSpace){0};
}

/* The node of the children of `node` with this character; 0: there is none, as node 0 is no child. */
static inline uint32_t child_of(const Jieba *jieba, uint32_t node, uint16_t character) {
    uint32_t first = jieba->child[node], size = jieba->child[node + 1] - first;
    if (size == 0) return 0;
    while (size > 1) {
        uint32_t half = size / 2;
        first = jieba->character[first + half] <= character ? first + half : first;
        size -= half;
    }
    return jieba->character[first] == character ? first : 0;
}

/* Whether the characters from `first` to `last` are a word of the dictionary; `node` gets that where they end. */
static int is_word(const Jieba *jieba, const uint16_t *point, int64_t first, int64_t last, uint32_t *node) {
    uint32_t at = jieba->node_of[point[first]];
    if (at-- == 0) return 0;
    for (int64_t i = first + 1; i < last; i++)
        if ((at = child_of(jieba, at, point[i] + FIRST_HAN)) == 0) return 0;
    *node = at;
    return jieba->frequency[at] != 0;
}

/* Find the best words from each character on, from the last to the first. */
static void find_best(const Jieba *jieba, JiebaSpace *space, int64_t size) {
    const uint16_t *point = space->point;
    double *best = space->best;
    best[size] = 0;
    for (int64_t i = size - 1; i >= 0; i--) {
        double most = 0;
        int64_t end = -1, j = i + 1;
        uint32_t node = jieba->node_of[point[i]];
        while (node != 0) {
            if (j == i + 1) node--; /* now a node, and from here on 0 where there is none */
            if (jieba->frequency[node] != 0) {
                double sum = jieba->log[jieba->frequency[node]] + best[j];
                if (end < 0 || sum >= most) {
                    most = sum;
                    end = j;
                }
            }
            if (j == size) break;
            node = child_of(jieba, node, point[j++] + FIRST_HAN);
        }
        best[i] = end < 0 ? jieba->unknown + best[i + 1] : most;
        space->next[i] = (int32_t)(end < 0 ? i + 1 : end);
    }
}

/* Cut the characters from `first` to `last`, which the model knows, by the most probable states. */
static int32_t *cut_by_states(const Jieba *jieba, JiebaSpace *space, int64_t first, int64_t last, int32_t *end) {
    static const uint8_t may_precede[STATES][2] = {{ENDS, SINGLE}, {BEGINS, MIDDLE}, {BEGINS, MIDDLE}, {ENDS, SINGLE}};
    const double *emission = jieba->emission + STATES * (int64_t)space->point[first];
    const double impossible = -3.14e100;
    double sum[STATES] = {jieba->begins + emission[BEGINS], impossible + emission[ENDS], impossible + emission[MIDDLE],
                          jieba->is_single + emission[SINGLE]};
    uint8_t *before = space->before;
    for (int64_t i = first + 1; i < last; i++, before += STATES) {
        double next[STATES];
        emission = jieba->emission + STATES * (int64_t)space->point[i];
        for (int state = 0; state < STATES; state++) {
            int a = may_precede[state][0], b = may_precede[state][1];
            double of_a = sum[a] + jieba->transition[STATES * a + state] + emission[state];
            double of_b = sum[b] + jieba->transition[STATES * b + state] + emission[state];
            next[state] = of_b >= of_a ? of_b : of_a;
            before[state] = (uint8_t)(of_b >= of_a ? b : a);
        }
        memcpy(sum, next, sizeof(sum));
    }
    /* the ends are written from the last to the first, behind one another, then turned */
    int state = sum[SINGLE] >= sum[ENDS] ? SINGLE : ENDS;
    int32_t *begin = end;
    *end++ = (int32_t)last;
    for (int64_t i = last - 1; i > first; i--) {
        before -= STATES;
        state = before[state];
        if (state == ENDS || state == SINGLE) *end++ = (int32_t)i;
    }
    for (int32_t *a = begin, *b = end - 1; a < b; a++, b--) {
        int32_t swapped = *a;
        *a = *b;
        *b = swapped;
    }
    return end;
}

static inline int is_in_model(uint16_t point) { return point >= FIRST_IN_MODEL && point <= LAST_IN_MODEL; }

/* Cut the characters from `first` to `last` by the model; those that it does not know are one word as far as they follow one another. */
static int32_t *cut_by_model(const Jieba *jieba, JiebaSpace *space, int64_t first, int64_t last, int32_t *end) {
    while (first < last) {
        int is_known = is_in_model(space->point[first]);
        int64_t i = first + 1;
        while (i < last && is_in_model(space->point[i]) == is_known) i++;
        if (is_known) end = cut_by_states(jieba, space, first, i, end);
        else *end++ = (int32_t)i;
        first = i;
    }
    return end;
}

int64_t jieba_cut(const Jieba *jieba, const uint8_t *at, int64_t bytes, JiebaSpace *space) {
    int64_t size = bytes / 3, first = 0; /* of the characters that are each no word of several */
    if (reserve(space, size) != DONE) return -1;
    for (int64_t i = 0; i < size; i++, at += 3)
        space->point[i] = (uint16_t)(((at[0] & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F)) - FIRST_HAN);
    find_best(jieba, space, size);
    int32_t *end = space->end;
    for (int64_t i = 0; i <= size; i = i < size ? space->next[i] : size + 1) {
        if (i < size && space->next[i] == i + 1) continue;
        uint32_t node;
        if (i > first + 1 && !is_word(jieba, space->point, first, i, &node)) end = cut_by_model(jieba, space, first, i, end);
        else
            while (first < i) *end++ = (int32_t)++first;
        if (i < size) *end++ = space->next[i];
        first = i < size ? space->next[i] : size;
    }
    return end - space->end;
}

enum { TAGS = 64, TAGGED = 4 * TAGS, ENDS_TAGGED = 2 * TAGS, SINGLE_TAGGED = 3 * TAGS, LONGEST_GUESSED = 16 };

/* The part of speech that the model of tags gives a word: that of the longest word into which it cuts it, of equal ones the last;
   NO_TAG: the word is too long. */
static int8_t guess_tag(const Jieba *jieba, const uint16_t *point, int64_t size) {
    const double impossible = -3.14e100;
    double score[2][TAGGED];
    uint8_t before[LONGEST_GUESSED][TAGGED];
    if (size > LONGEST_GUESSED) return NO_TAG;
    for (uint32_t a = jieba->tagged[point[0]]; a < jieba->tagged[point[0] + 1]; a++)
        score[0][jieba->tagged_state[a]] = jieba->tag_start[jieba->tagged_state[a]] + jieba->tagged_emission[a];
    for (int64_t i = 1; i < size; i++) {
        const double *last = score[(i - 1) & 1];
        double *best = score[i & 1];
        uint32_t first = jieba->tagged[point[i]], end = jieba->tagged[point[i] + 1];
        for (uint32_t b = first; b < end; b++) best[jieba->tagged_state[b]] = impossible;
        for (uint32_t a = jieba->tagged[point[i - 1]]; a < jieba->tagged[point[i - 1] + 1]; a++) {
            uint8_t from = jieba->tagged_state[a];
            const double *transition = jieba->tag_transition + TAGGED * from;
            if (last[from] <= impossible) continue;
            for (uint32_t b = first; b < end; b++) {
                uint8_t state = jieba->tagged_state[b];
                double sum = last[from] + transition[state] + jieba->tagged_emission[b];
                if (transition[state] > impossible && sum > best[state]) {
                    best[state] = sum;
                    before[i][state] = from;
                }
            }
        }
    }
    double best = impossible;
    uint8_t state = 0, found = TAGS;
    const double *last = score[(size - 1) & 1];
    for (uint32_t a = jieba->tagged[point[size - 1]]; a < jieba->tagged[point[size - 1] + 1]; a++)
        if (jieba->tagged_state[a] >= ENDS_TAGGED && last[jieba->tagged_state[a]] > best) {
            state = jieba->tagged_state[a];
            best = last[state];
        }
    if (best <= impossible) return jieba->tag_of[TAGS];
    int64_t longest = 0, length = 0;
    uint8_t tag = 0;
    for (int64_t i = size - 1; i >= 0; i--) {
        if (state >= ENDS_TAGGED) {
            tag = state % TAGS;
            length = 0;
        }
        length++;
        int is_first = state < TAGS || state >= SINGLE_TAGGED;
        if (is_first && length > longest) {
            longest = length;
            found = tag;
        }
        if (i > 0) state = before[i][state];
    }
    return jieba->tag_of[found];
}

/* Whether all characters of a word are Han that the dictionary has. */
static int can_cut(const uint8_t *at, int64_t bytes) {
    if (bytes == 0 || bytes % 3 != 0) return 0;
    for (const uint8_t *end = at + bytes; at < end; at += 3) {
        int32_t point = (at[0] & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F);
        if (at[0] < 0xE0 || at[0] >= 0xF0 || point < FIRST_HAN || point > LAST_HAN) return 0;
    }
    return 1;
}

/* Write the part of speech of each word: that of the last of the words into which jieba cuts it; NO_TAG: it is unknown here. */
int mgm_tag_words(const Jieba *jieba, const uint8_t *text, const int64_t *offset, int64_t words, int8_t *tag) {
    JiebaSpace space = {0};
    int status = DONE;
    for (int64_t i = 0; i < words && status == DONE; i++) {
        int64_t bytes = offset[i + 1] - offset[i], size = bytes / 3;
        tag[i] = NO_TAG;
        if (!can_cut(text + offset[i], bytes)) continue;
        int64_t count = jieba_cut(jieba, text + offset[i], bytes, &space);
        if (count < 0) {
            status = NO_MEMORY;
            break;
        }
        uint32_t node;
        int64_t first = count > 1 ? space.end[count - 2] : 0;
        tag[i] = is_word(jieba, space.point, first, size, &node) ? jieba->tag[node]
                                                                 : guess_tag(jieba, space.point + first, size - first);
    }
    jieba_free(&space);
    return status;
}
