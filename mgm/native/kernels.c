/* Kernels of scoring: loops over the documents of a batch that would take torch many passes over memory.

   Plain C11 without intrinsics or libraries. It is compiled without contraction of floating-point operations, and every sum has
   its order written out, so that each compiler and machine gives the same bits. All functions are thread-safe and hold no lock.
   Arrays of documents are flat, with lengths beside them, as in mgm.model.batch. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, NO_MEMORY = 1 };

/* The hash of this file, by which the loader knows a library that was compiled from an older one. */
const char *mgm_kernels_source(void) { return SOURCE_HASH; }

/* ---- 64-bit hashes, as in mgm.model.hashing ---- */

#define FIRST 0x9E3779B97F4A7C15ull
#define SECOND 0xBF58476D1CE4E5B9ull
#define THIRD 0x94D049BB133111EBull

static inline uint64_t mix(uint64_t hash) {
    hash = (hash ^ (hash >> 30)) * SECOND;
    hash = (hash ^ (hash >> 27)) * THIRD;
    uint64_t sign = hash >> 63 ? 0xFFFFFFFE00000000ull : 0; /* the last shift keeps the sign, as torch's does */
    return (hash ^ (hash >> 31) ^ sign) & 0x7FFFFFFFFFFFFFFFull;
}

/* ---- counts of the features of one document ---- */

typedef struct {
    uint32_t *place; /* open addressing: 0, or 1 + the position of an item in `item` */
    uint32_t *item, *count, *slot; /* in the order of first occurrence */
    uint64_t slots, capacity;
    uint32_t size;
} Counts;

/* Make room for `occurrences` further items; all are forgotten. */
static int counts_reserve(Counts *counts, uint64_t occurrences) {
    if (occurrences > counts->capacity) {
        uint64_t slots = 1024;
        while (slots < 2 * occurrences) slots *= 2;
        free(counts->place);
        free(counts->item);
        counts->place = calloc(slots, sizeof(uint32_t));
        counts->item = malloc(3 * (slots / 2) * sizeof(uint32_t));
        if (counts->place == NULL || counts->item == NULL) return NO_MEMORY;
        counts->slots = slots;
        counts->capacity = slots / 2;
        counts->count = counts->item + counts->capacity;
        counts->slot = counts->count + counts->capacity;
        counts->size = 0;
    }
    for (uint32_t i = 0; i < counts->size; i++) counts->place[counts->slot[i]] = 0;
    counts->size = 0;
    return DONE;
}

static inline void counts_add(Counts *counts, uint32_t item) {
    uint64_t mask = counts->slots - 1, slot = ((item * FIRST) >> 32) & mask;
    for (uint32_t at; (at = counts->place[slot]) != 0; slot = (slot + 1) & mask) {
        if (counts->item[at - 1] == item) {
            counts->count[at - 1]++;
            return;
        }
    }
    counts->item[counts->size] = item;
    counts->count[counts->size] = 1;
    counts->slot[counts->size] = (uint32_t)slot;
    counts->place[slot] = ++counts->size;
}

static void counts_free(Counts *counts) {
    free(counts->place);
    free(counts->item);
}

/* ---- the wide part of documents, mgm.model.wide.documents ---- */

typedef struct {
    /* documents */
    int64_t documents;
    const int64_t *sentences;       /* (documents,) sentences of each */
    const int64_t *sentence_length; /* words of each sentence */
    const int64_t *word;            /* the type of each word */
    /* types */
    const int64_t *id; /* 0: unknown */
    const int64_t *ngram, *ngram_offset;
    const int64_t *character, *character_offset; /* NULL: all types have the n-grams within them */
    /* weights: `outputs` for each bucket */
    int64_t outputs, word_buckets, ngram_buckets, chinese_buckets, chinese_min, chinese_max;
    const float *word_weight, *word_idf, *character_weight, *character_idf;
    const float *sublinear; /* 1 + log(count), of counts up to that of the longest document's n-grams */
} Wide;

static void add_rows(const float *weight, int64_t outputs, const uint32_t *item, const float *value, uint32_t size,
                     float *restrict sum) {
    enum { AHEAD = 8, LINE = 16 };
    uint32_t i = 0;
    for (; i + 4 <= size; i += 4) {
        for (uint32_t next = i + AHEAD; next < i + AHEAD + 4 && next < size; next++)
            for (int64_t k = 0; k < outputs; k += LINE) __builtin_prefetch(weight + item[next] * outputs + k);
        const float *a = weight + item[i] * outputs, *b = weight + item[i + 1] * outputs;
        const float *c = weight + item[i + 2] * outputs, *d = weight + item[i + 3] * outputs;
        float p = value[i], q = value[i + 1], r = value[i + 2], s = value[i + 3];
        for (int64_t k = 0; k < outputs; k++) sum[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k]);
    }
    for (; i < size; i++) {
        const float *a = weight + item[i] * outputs, p = value[i];
        for (int64_t k = 0; k < outputs; k++) sum[k] += p * a[k];
    }
}

/* Add the logits of counted n-grams, whose TF-IDF values have the length 1/sqrt(2), to `logits`. */
static void add_logits(const Wide *wide, const Counts *counts, const float *weight, const float *idf, float *value,
                      uint32_t *item, float *sum, float *logits) {
    double square = 0;
    uint32_t size = 0;
    for (uint32_t i = 0; i < counts->size; i++) {
        float of_item = wide->sublinear[counts->count[i]] * idf[counts->item[i]];
        if (of_item == 0) continue; /* its row is not read */
        item[size] = counts->item[i];
        value[size++] = of_item;
        square += (double)of_item * of_item;
    }
    if (square == 0) return;
    memset(sum, 0, (size_t)wide->outputs * sizeof(float));
    add_rows(weight, wide->outputs, item, value, size, sum);
    float scale = (float)(1 / __builtin_sqrt(2 * square));
    for (int64_t k = 0; k < wide->outputs; k++) logits[k] += scale * sum[k];
}

/* Count the words and pairs of a document, and once more those of its first sentence. */
static void count_words(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences,
                        Counts *counts) {
    for (int64_t s = 0; s < sentences; word += sentence_length[s++]) {
        uint64_t before = 0;
        for (int64_t i = 0; i < sentence_length[s]; i++) {
            uint64_t id = (uint64_t)wide->id[word[i]], single = id * FIRST;
            uint64_t pair = before * FIRST + id * SECOND;
            if (id != 0) {
                counts_add(counts, (uint32_t)(mix(single) % (uint64_t)wide->word_buckets));
                if (s == 0) counts_add(counts, (uint32_t)(mix(single ^ THIRD) % (uint64_t)wide->word_buckets));
                if (before != 0) {
                    counts_add(counts, (uint32_t)(mix(pair) % (uint64_t)wide->word_buckets));
                    if (s == 0) counts_add(counts, (uint32_t)(mix(pair ^ THIRD) % (uint64_t)wide->word_buckets));
                }
            }
            before = id;
        }
    }
}

enum { LONGEST_CHINESE_NGRAM = 16 };

/* Count the n-grams within words, and of the characters of Chinese words those across words, up to the next other word. */
static void count_characters(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences,
                             Counts *counts) {
    uint64_t begun[LONGEST_CHINESE_NGRAM]; /* the hash of the n-gram that begins at each of the last characters */
    for (int64_t s = 0; s < sentences; word += sentence_length[s++]) {
        int64_t run = 0; /* characters of the present run */
        for (int64_t i = 0; i < sentence_length[s]; i++) {
            int64_t type = word[i], first = 0, last = 0;
            if (wide->character != NULL) {
                first = wide->character_offset[type];
                last = wide->character_offset[type + 1];
            }
            if (first == last) {
                run = 0;
                for (int64_t g = wide->ngram_offset[type]; g < wide->ngram_offset[type + 1]; g++)
                    counts_add(counts, (uint32_t)wide->ngram[g]);
                continue;
            }
            for (; first < last; first++, run++) {
                uint64_t point = (uint64_t)wide->character[first] * FIRST;
                begun[run % wide->chinese_max] = 0;
                int64_t longest = run + 1 < wide->chinese_max ? run + 1 : wide->chinese_max;
                for (int64_t size = 1; size <= longest; size++) {
                    uint64_t *hash = &begun[(run + 1 - size) % wide->chinese_max];
                    *hash = *hash * SECOND + point;
                    if (size >= wide->chinese_min)
                        counts_add(counts, (uint32_t)((uint64_t)wide->ngram_buckets +
                                                      mix(*hash) % (uint64_t)wide->chinese_buckets));
                }
            }
        }
    }
}

/* The most occurrences of n-grams that a document has. */
static uint64_t bound(const Wide *wide, const int64_t *word, int64_t words) {
    uint64_t total = 4 * (uint64_t)words;
    uint64_t characters = 0;
    for (int64_t i = 0; i < words; i++) {
        characters += (uint64_t)(wide->ngram_offset[word[i] + 1] - wide->ngram_offset[word[i]]);
        if (wide->character != NULL)
            characters += (uint64_t)(wide->character_offset[word[i] + 1] - wide->character_offset[word[i]]) *
                          (uint64_t)wide->chinese_max;
    }
    return characters > total ? characters : total;
}

static int64_t words_of(const int64_t *sentence_length, int64_t sentences) {
    int64_t words = 0;
    for (int64_t s = 0; s < sentences; s++) words += sentence_length[s];
    return words;
}

/* The most occurrences of n-grams in a document of the batch: the length that `sublinear` needs, less one. */
int64_t mgm_wide_bound(const Wide *wide) {
    uint64_t most = 0;
    const int64_t *word = wide->word, *length = wide->sentence_length;
    for (int64_t d = 0; d < wide->documents; length += wide->sentences[d++]) {
        int64_t words = words_of(length, wide->sentences[d]);
        uint64_t of_document = bound(wide, word, words);
        most = of_document > most ? of_document : most;
        word += words;
    }
    return (int64_t)most;
}

/* Add the wide part's logits to `logits` (documents, outputs), which hold the bias. */
int mgm_wide_logits(const Wide *wide, float *logits) {
    Counts counts = {0};
    uint64_t most = (uint64_t)mgm_wide_bound(wide);
    float *value = malloc((most + 1) * sizeof(float));
    uint32_t *item = malloc((most + 1) * sizeof(uint32_t));
    float *sum = malloc(((size_t)wide->outputs + 1) * sizeof(float));
    int status = value == NULL || item == NULL || sum == NULL ? NO_MEMORY : DONE;
    const int64_t *word = wide->word, *length = wide->sentence_length;
    for (int64_t d = 0; d < wide->documents && status == DONE; length += wide->sentences[d++]) {
        int64_t sentences = wide->sentences[d], words = words_of(length, sentences);
        uint64_t occurrences = bound(wide, word, words);
        float *of_document = logits + d * wide->outputs;
        if ((status = counts_reserve(&counts, occurrences)) != DONE) break;
        count_words(wide, word, length, sentences, &counts);
        add_logits(wide, &counts, wide->word_weight, wide->word_idf, value, item, sum, of_document);
        if ((status = counts_reserve(&counts, occurrences)) != DONE) break;
        count_characters(wide, word, length, sentences, &counts);
        add_logits(wide, &counts, wide->character_weight, wide->character_idf, value, item, sum, of_document);
        word += words;
    }
    counts_free(&counts);
    free(value);
    free(item);
    free(sum);
    return status;
}
