/* The wide part of documents, mgm.model.wide: logits by n-grams of words and characters. */

#include "integers.h"
#include "kernels.h"

/* ---- counts of the features of one document ---- */

typedef struct {
    uint32_t *place; /* open addressing: 0, or 1 + the position of an item in `item` */
    uint32_t *item, *count, *slot; /* in the order of first occurrence */
    float *summed, *squared; /* of n-grams within words: what the sums of its words hold of each, and of its square */
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
        counts->item = malloc(5 * (slots / 2) * sizeof(uint32_t));
        if (counts->place == NULL || counts->item == NULL) return NO_MEMORY;
        counts->slots = slots;
        counts->capacity = slots / 2;
        counts->count = counts->item + counts->capacity;
        counts->slot = counts->count + counts->capacity;
        counts->summed = (float *)(counts->slot + counts->capacity);
        counts->squared = counts->summed + counts->capacity;
        counts->size = 0;
    }
    for (uint32_t i = 0; i < counts->size; i++) counts->place[counts->slot[i]] = 0;
    counts->size = 0;
    return DONE;
}

/* The position of an item, which joins the others with a count of 0 if it is new. */
static inline uint32_t counts_position(Counts *counts, uint32_t item) {
    uint64_t mask = counts->slots - 1, slot = ((item * FIRST) >> 32) & mask;
    for (uint32_t at; (at = counts->place[slot]) != 0; slot = (slot + 1) & mask)
        if (counts->item[at - 1] == item) return at - 1;
    counts->item[counts->size] = item;
    counts->count[counts->size] = 0;
    counts->slot[counts->size] = (uint32_t)slot;
    counts->place[slot] = counts->size + 1;
    return counts->size++;
}

static inline void counts_add(Counts *counts, uint32_t item) { counts->count[counts_position(counts, item)]++; }

static void counts_free(Counts *counts) {
    free(counts->place);
    free(counts->item);
}

/* ---- the wide part of documents ---- */

typedef struct {
    /* documents */
    int64_t documents;
    const int64_t *sentences;       /* (documents,) sentences of each */
    const int64_t *sentence_length; /* words of each sentence */
    const int64_t *word;            /* the type of each word */
    /* types */
    const int64_t *id; /* 0: unknown */
    const int32_t *ngram; /* rows of the table of characters: of the n-grams within a type that have one */
    const int64_t *ngram_offset;
    const int64_t *character, *character_offset; /* NULL: all types have the n-grams within them */
    /* weights: a row of `outputs` for each n-gram that has one; `row_of` an n-gram is -1 where it has none */
    int64_t outputs, word_buckets, ngram_buckets, chinese_buckets, chinese_min, chinese_max, character_rows;
    const int32_t *word_row_of, *character_row_of;
    const float *word_weight, *word_idf, *character_weight, *character_idf;
    const float *sublinear; /* 1 + log(count), of counts up to that of the longest document's n-grams */
    /* the weights in integers, `stride` for each row, times its scale; NULL: those above are read */
    const int16_t *word_row, *character_row;
    const float *word_scale, *character_scale;
    int64_t stride;
    /* of types the sum of their n-grams' rows times their IDF, mgm_sum_ngrams */
    const int16_t *type_row;
    const float *type_scale, *type_square;
    int64_t summed_types; /* those from here on have no sum */
} Wide;

typedef struct {
    const float *weight, *idf;
    const int16_t *row;
    const float *scale;
} NgramTable;

typedef struct {
    float *value, *sum;
    uint32_t *item;
} Scratch;

FOR_NEWER_PROCESSORS
static void add_rows(const float *weight, int64_t outputs, const uint32_t *item, const float *value, uint32_t size,
                     float *restrict sum) {
    enum { AHEAD = 8, LINE = 16 };
    uint32_t i = 0;
    for (; i + 4 <= size; i += 4) {
        for (uint32_t next = i + AHEAD; next < i + AHEAD + 4 && next < size; next++)
            for (int64_t k = 0; k < outputs; k += LINE) __builtin_prefetch(weight + (int64_t)item[next] * outputs + k);
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

FOR_NEWER_PROCESSORS
static void add_integer_rows(const int16_t *row, int64_t stride, const uint32_t *item, const float *value, uint32_t size,
                             float *restrict sum) {
    enum { AHEAD = 12, LINE = 32 };
    uint32_t i = 0;
    for (; i + 4 <= size; i += 4) {
        for (uint32_t next = i + AHEAD; next < i + AHEAD + 4 && next < size; next++)
            for (int64_t k = 0; k < stride; k += LINE) __builtin_prefetch(row + item[next] * stride + k);
        const int16_t *a = row + item[i] * stride, *b = row + item[i + 1] * stride;
        const int16_t *c = row + item[i + 2] * stride, *d = row + item[i + 3] * stride;
        float p = value[i], q = value[i + 1], r = value[i + 2], s = value[i + 3];
        for (int64_t k = 0; k < stride; k++)
            sum[k] += (p * (float)a[k] + q * (float)b[k]) + (r * (float)c[k] + s * (float)d[k]);
    }
    for (; i < size; i++) {
        const int16_t *a = row + item[i] * stride;
        for (int64_t k = 0; k < stride; k++) sum[k] += value[i] * (float)a[k];
    }
}

static void begin_sum(const Wide *wide, Scratch scratch) {
    memset(scratch.sum, 0, (size_t)(wide->outputs > wide->stride ? wide->outputs : wide->stride) * sizeof(float));
}

/* Add the sum of rows to the logits of a document, whose TF-IDF values then have the length 1/sqrt(2). */
static void end_sum(const Wide *wide, Scratch scratch, double square, float *logits) {
    float scale = (float)(1 / __builtin_sqrt(2 * square));
    for (int64_t k = 0; k < wide->outputs; k++) logits[k] += scale * scratch.sum[k];
}

/* Add the logits of counted n-grams. */
static void add_logits(const Wide *wide, const Counts *counts, NgramTable table, Scratch scratch, float *logits) {
    double square = 0;
    uint32_t size = 0;
    for (uint32_t i = 0; i < counts->size; i++) {
        float of_item = wide->sublinear[counts->count[i]] * table.idf[counts->item[i]];
        scratch.item[size] = counts->item[i];
        scratch.value[size++] = table.row == NULL ? of_item : of_item * table.scale[counts->item[i]];
        square += (double)of_item * of_item;
    }
    if (square == 0) return;
    begin_sum(wide, scratch);
    if (table.row == NULL) add_rows(table.weight, wide->outputs, scratch.item, scratch.value, size, scratch.sum);
    else add_integer_rows(table.row, wide->stride, scratch.item, scratch.value, size, scratch.sum);
    end_sum(wide, scratch, square, logits);
}

/* Add the logits of n-grams within words by the sums of the words: only the rows of n-grams of several words are read,
   and those of words without a sum. */
static void add_logits_of_sums(const Wide *wide, const Counts *types, const Counts *counts, NgramTable table, Scratch scratch,
                               float *logits) {
    double square = 0;
    uint32_t size = 0;
    begin_sum(wide, scratch);
    for (uint32_t t = 0; t < types->size; t++) {
        uint32_t type = types->item[t];
        if (type >= wide->summed_types) continue;
        float weight = wide->sublinear[types->count[t]];
        square += (double)(weight * weight) * wide->type_square[type];
        scratch.item[size] = type;
        scratch.value[size++] = weight * wide->type_scale[type];
    }
    add_integer_rows(wide->type_row, wide->stride, scratch.item, scratch.value, size, scratch.sum);
    size = 0;
    for (uint32_t at = 0; at < counts->size; at++) {
        uint32_t ngram = counts->item[at];
        float idf = table.idf[ngram], weight = wide->sublinear[counts->count[at]];
        square += ((double)(weight * weight) - counts->squared[at]) * ((double)idf * idf);
        scratch.item[size] = ngram;
        scratch.value[size++] = (weight - counts->summed[at]) * idf * table.scale[ngram];
    }
    add_integer_rows(table.row, wide->stride, scratch.item, scratch.value, size, scratch.sum);
    if (square > 0) end_sum(wide, scratch, square, logits);
}

/* Count the words and pairs of a document, and once more those of its first sentence, as far as they have rows.

   Their buckets are listed first, so that the rows of all are on their way before one is read; `list` has room for them. */
static void count_words(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences,
                        uint32_t *list, Counts *counts) {
    uint64_t buckets = (uint64_t)wide->word_buckets, size = 0;
    for (int64_t s = 0; s < sentences; word += sentence_length[s++]) {
        uint64_t before = 0;
        for (int64_t i = 0; i < sentence_length[s]; i++) {
            uint64_t id = (uint64_t)wide->id[word[i]], single = id * FIRST;
            uint64_t pair = before * FIRST + id * SECOND;
            if (id != 0) {
                list[size++] = bucket_of(mix(single), buckets);
                if (s == 0) list[size++] = bucket_of(mix(single ^ THIRD), buckets);
                if (before != 0) {
                    list[size++] = bucket_of(mix(pair), buckets);
                    if (s == 0) list[size++] = bucket_of(mix(pair ^ THIRD), buckets);
                }
            }
            before = id;
        }
    }
    for (uint64_t i = 0; i < size; i++) __builtin_prefetch(wide->word_row_of + list[i]);
    for (uint64_t i = 0; i < size; i++) {
        int32_t row = wide->word_row_of[list[i]];
        if (row >= 0) counts_add(counts, (uint32_t)row);
    }
}

enum { LONGEST_CHINESE_NGRAM = 16 };

/* Count the n-grams within words, and of the characters of Chinese words those across words, up to the next other word.

   They are listed first, those of Chinese by their bucket, so that the rows of all buckets are on their way before one is read;
   `list` has room for them. */
static void count_characters(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences,
                             uint32_t *list, Counts *counts) {
    const uint32_t is_row = 1u << 31; /* of an item that is a row, not a bucket: both are smaller */
    uint64_t begun[LONGEST_CHINESE_NGRAM] = {0}; /* the hash of the n-gram of each length that ends at the last character */
    const int32_t *row_of = wide->character_row_of + wide->ngram_buckets;
    uint64_t buckets = (uint64_t)wide->chinese_buckets, size = 0;
    for (int64_t s = 0; s < sentences; word += sentence_length[s++]) {
        int64_t run = 0; /* characters of the present run */
        for (int64_t i = 0; i < sentence_length[s]; i++) {
            int64_t type = word[i], first = wide->character_offset[type], last = wide->character_offset[type + 1];
            if (first == last) {
                run = 0;
                for (int64_t g = wide->ngram_offset[type]; g < wide->ngram_offset[type + 1]; g++)
                    list[size++] = (uint32_t)wide->ngram[g] | is_row;
                continue;
            }
            for (; first < last; first++) {
                uint64_t point = (uint64_t)wide->character[first] * FIRST;
                if (run < wide->chinese_max) run++;
                for (int64_t length = run; length > 1; length--) begun[length - 1] = begun[length - 2] * SECOND + point;
                begun[0] = point;
                for (int64_t length = wide->chinese_min; length <= run; length++) {
                    uint32_t bucket = bucket_of(mix(begun[length - 1]), buckets);
                    __builtin_prefetch(row_of + bucket);
                    list[size++] = bucket;
                }
            }
        }
    }
    for (uint64_t i = 0; i < size; i++) {
        int32_t row = list[i] & is_row ? (int32_t)(list[i] & ~is_row) : row_of[list[i]];
        if (row >= 0) counts_add(counts, (uint32_t)row);
    }
}

/* The bit of an n-gram, which is then set if `value` is 1. */
static inline uint64_t take_bit(uint64_t *bits, uint64_t ngram, uint64_t value) {
    uint64_t *word = bits + (ngram >> 6), bit = ngram & 63, before = *word >> bit & 1;
    *word |= value << bit;
    return before;
}

/* Count the n-grams within the words of a document that has no Chinese: those of a word that occurs often are read once.

   Where words have sums, only the n-grams of which these do not hold all are counted: those of several words, and those of words
   without a sum. They are found by a bit for each n-gram, all of which stay in the processor's cache. `seen` and `shared` hold none
   of them, before and after; `list` has room for all occurrences. */
static int count_within_words(const Wide *wide, const int64_t *word, int64_t words, Counts *types, Counts *counts, uint64_t *seen,
                              uint64_t *shared, uint32_t *list) {
    enum { AHEAD = 4, LINE = 64 / sizeof(int32_t) };
    if (counts_reserve(types, (uint64_t)words) != DONE) return NO_MEMORY;
    for (int64_t i = 0; i < words; i++) counts_add(types, (uint32_t)word[i]);
    uint64_t size = 0;
    for (uint32_t t = 0; t < types->size; t++) {
        if (t + AHEAD < types->size) {
            const int64_t *next = wide->ngram_offset + types->item[t + AHEAD];
            for (int64_t g = next[0]; g < next[1]; g += LINE) __builtin_prefetch(wide->ngram + g);
        }
        const int64_t *of_type = wide->ngram_offset + types->item[t];
        uint64_t has_no_sum = types->item[t] >= wide->summed_types;
        for (int64_t g = of_type[0]; g < of_type[1]; g++) {
            list[size] = (uint32_t)wide->ngram[g];
            size += take_bit(seen, (uint64_t)wide->ngram[g], 1) | has_no_sum;
        }
    }
    for (uint64_t i = 0; i < size; i++) {
        take_bit(shared, list[i], 1);
        counts_position(counts, list[i]);
    }
    for (uint32_t i = 0; i < counts->size; i++) counts->summed[i] = counts->squared[i] = 0;
    for (uint32_t t = 0; t < types->size; t++) {
        const int64_t *of_type = wide->ngram_offset + types->item[t];
        float weight = types->item[t] < wide->summed_types ? wide->sublinear[types->count[t]] : 0;
        size = 0;
        for (int64_t g = of_type[0]; g < of_type[1]; g++) {
            list[size] = (uint32_t)wide->ngram[g];
            size += take_bit(shared, (uint64_t)wide->ngram[g], 0);
            seen[wide->ngram[g] >> 6] = 0;
        }
        for (uint64_t i = 0; i < size; i++) {
            uint32_t at = counts_position(counts, list[i]);
            counts->count[at] += types->count[t];
            counts->summed[at] += weight;
            counts->squared[at] += weight * weight;
        }
    }
    for (uint32_t i = 0; i < counts->size; i++) shared[counts->item[i] >> 6] = 0;
    return DONE;
}

static int has_chinese(const Wide *wide, const int64_t *word, int64_t words) {
    if (wide->character == NULL) return 0;
    for (int64_t i = 0; i < words; i++)
        if (wide->character_offset[word[i]] < wide->character_offset[word[i] + 1]) return 1;
    return 0;
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

/* Add the wide part's logits to `logits` (documents, outputs), which hold the bias; `most` is mgm_wide_bound. */
int mgm_wide_logits(const Wide *wide, int64_t most, float *logits) {
    Counts counts = {0}, types = {0};
    size_t columns = (size_t)(wide->outputs > wide->stride ? wide->outputs : wide->stride) + 1;
    Scratch scratch = {malloc(((size_t)most + 1) * sizeof(float)), malloc(columns * sizeof(float)),
                       malloc(((size_t)most + 1) * sizeof(uint32_t))};
    size_t bits = (size_t)wide->character_rows / 64 + 1;
    uint64_t *seen = calloc(2 * bits, sizeof(uint64_t));
    NgramTable words = {wide->word_weight, wide->word_idf, wide->word_row, wide->word_scale};
    NgramTable characters = {wide->character_weight, wide->character_idf, wide->character_row, wide->character_scale};
    int status = scratch.value == NULL || scratch.sum == NULL || scratch.item == NULL || seen == NULL ? NO_MEMORY : DONE;
    const int64_t *word = wide->word, *length = wide->sentence_length;
    for (int64_t d = 0; d < wide->documents && status == DONE; length += wide->sentences[d++]) {
        int64_t sentences = wide->sentences[d], size = words_of(length, sentences);
        uint64_t occurrences = bound(wide, word, size);
        float *of_document = logits + d * wide->outputs;
        if ((status = counts_reserve(&counts, occurrences)) != DONE) break;
        count_words(wide, word, length, sentences, scratch.item, &counts);
        add_logits(wide, &counts, words, scratch, of_document);
        if ((status = counts_reserve(&counts, occurrences)) != DONE) break;
        if (has_chinese(wide, word, size)) {
            count_characters(wide, word, length, sentences, scratch.item, &counts);
            add_logits(wide, &counts, characters, scratch, of_document);
        } else {
            status = count_within_words(wide, word, size, &types, &counts, seen, seen + bits, scratch.item);
            if (status != DONE) break;
            if (wide->summed_types == 0) add_logits(wide, &counts, characters, scratch, of_document);
            else add_logits_of_sums(wide, &types, &counts, characters, scratch, of_document);
        }
        word += size;
    }
    counts_free(&counts);
    counts_free(&types);
    free(seen);
    free(scratch.value);
    free(scratch.sum);
    free(scratch.item);
    return status;
}

/* ---- rows of integers ---- */

/* Write each row as integers of at most `limit`, times a scale of its own. */
FOR_NEWER_PROCESSORS
void mgm_quantize_rows(const float *from, int64_t rows, int64_t columns, float limit, int16_t *to,
                       int64_t to_stride, float *scale) {
    for (int64_t i = 0; i < rows; i++, from += columns, to += to_stride) {
        float largest = 0;
        scale[i] = 0;
        for (int64_t k = 0; k < columns; k++) {
            float size = from[k] < 0 ? -from[k] : from[k];
            largest = size > largest ? size : largest;
        }
        if (!(largest > 1e-30f)) continue;
        scale[i] = largest / limit;
        float factor = limit / largest;
        for (int64_t k = 0; k < columns; k++) to[k] = quantize(from[k] * factor, limit);
    }
}

/* Write for each type the sum of the rows of its n-grams, each times its IDF, as integers with a scale; and the sum of the squares
   of the IDF.

   Of a document whose words have no n-gram in common, the sums of the words are that of the n-grams: fewer rows to read. */
int mgm_sum_ngrams(const int32_t *ngram, const int64_t *ngram_offset, int64_t types, const int16_t *row, const float *idf,
                   const float *scale, int64_t stride, float limit, int16_t *type_row, float *type_scale, float *type_square) {
    float *sum = malloc(((size_t)stride + 1) * sizeof(float));
    if (sum == NULL) return NO_MEMORY;
    for (int64_t t = 0; t < types; t++, type_row += stride) {
        double square = 0;
        memset(sum, 0, (size_t)stride * sizeof(float));
        for (int64_t g = ngram_offset[t]; g < ngram_offset[t + 1]; g++) {
            const int16_t *of_ngram = row + (int64_t)ngram[g] * stride;
            float of_idf = idf[ngram[g]], value = of_idf * scale[ngram[g]];
            square += (double)of_idf * of_idf;
            for (int64_t k = 0; k < stride; k++) sum[k] += value * (float)of_ngram[k];
        }
        memset(type_row, 0, (size_t)stride * sizeof(int16_t));
        mgm_quantize_rows(sum, 1, stride, limit, type_row, stride, type_scale + t);
        type_square[t] = (float)square;
    }
    free(sum);
    return DONE;
}
