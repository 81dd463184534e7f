/* Words to records of integers, mgm.model.compiled.word_table: their vectors, and their products with the weights of windows. */

#include "integers.h"
#include "kernels.h"
#include "products.h"

enum { WORDS_AT_ONCE = 48, COLUMNS = 64, AHEAD = 12, LINE = 16 };

typedef struct {
    int64_t words;
    const int64_t *ngram, *ngram_bound; /* those of word i are ngram[ngram_bound[i]] to ngram[ngram_bound[i + 1] - 1] */
    const int64_t *id;                  /* (words,) */
    const int64_t *property;            /* (words, properties) */
    int64_t width;                      /* numbers of a vector */
    const float *ngram_vectors;         /* (n-grams, width); NULL: no level of characters */
    const float *id_vectors;            /* (ids, width); NULL: no level of words */
    const float *const *property_vectors;
    int64_t properties;
    const float *unit;      /* of each level that there is */
    int64_t largest;        /* integer of a record; of the rows of a window of k words, this / k */
    int64_t largest_factor; /* integer of a vector when it is multiplied */
    int64_t windows, window_width;
    const int64_t *size;   /* (windows,) words of each */
    const int16_t *weight; /* (places of all windows * window_width, padded width) */
    int64_t padded_width;  /* a multiple of 32 */
    const float *scale;    /* of the products with each weight, in units of the window's integers */
    const float *bias;     /* added to each, in the same units */
    int16_t *records;      /* (words, record): vectors of the levels, then for each window a row for each place */
    int64_t record;
} NewWords;

static inline void add_row(float *restrict to, const float *restrict row, int64_t width) {
    for (int64_t k = 0; k < width; k++) to[k] += row[k];
}

/* Write the mean of the vectors of a word's n-grams. Numbers are summed in registers, `columns` at once. */
static inline __attribute__((always_inline)) void mean_of_ngrams(const NewWords *all, int64_t i, const int columns,
                                                                 float *restrict vector) {
    int64_t begin = all->ngram_bound[i], end = all->ngram_bound[i + 1], last = all->ngram_bound[all->words];
    float count = (float)(end > begin ? end - begin : 1);
    for (int64_t k = 0; k < all->width; k += columns) {
        float sum[COLUMNS] = {0};
        for (int64_t g = begin; g < end; g++) {
            const float *row = all->ngram_vectors + all->ngram[g] * all->width + k;
            if (g + AHEAD < last) {
                const float *next = all->ngram_vectors + all->ngram[g + AHEAD] * all->width + k;
                for (int at = 0; at < columns; at += LINE) __builtin_prefetch(next + at);
            }
            for (int at = 0; at < columns; at++) sum[at] += row[at];
        }
        for (int at = 0; at < columns; at++) vector[k + at] = sum[at] / count;
    }
}

/* Write the sum of the vectors of a word's id and properties. */
static inline void sum_of_word(const NewWords *all, int64_t i, float *restrict vector) {
    memcpy(vector, all->id_vectors + all->id[i] * all->width, (size_t)all->width * sizeof(float));
    for (int64_t p = 0; p < all->properties; p++)
        add_row(vector, all->property_vectors[p] + all->property[i * all->properties + p] * all->width, all->width);
}

static inline void quantize_vector(const float *restrict vector, int64_t width, float unit, float limit, int16_t *restrict to) {
    float factor = 1 / unit;
    for (int64_t k = 0; k < width; k++) to[k] = quantize(vector[k] * factor, limit);
}

/* Write `columns` numbers of each row, divided by `unit`, as integers of at most `limit`. */
FOR_NEWER_PROCESSORS
void mgm_quantize(const float *from, int64_t rows, int64_t columns, int64_t from_stride, float unit, float limit, int16_t *to,
                  int64_t to_stride) {
    for (int64_t i = 0; i < rows; i++) quantize_vector(from + i * from_stride, columns, unit, limit, to + i * to_stride);
}

/* Write the vectors of a word to its record, and their sum in integers of at most `largest_factor` to `whole`; return the sum's unit. */
static inline __attribute__((always_inline)) float write_vectors(const NewWords *all, int64_t i, float *restrict vector,
                                                                 float *restrict sum, int16_t *restrict whole) {
    int16_t *record = all->records + i * all->record;
    const float *unit = all->unit;
    memset(sum, 0, (size_t)all->width * sizeof(float));
    if (all->ngram_vectors != NULL) {
        if (all->width % COLUMNS == 0) mean_of_ngrams(all, i, COLUMNS, vector);
        else mean_of_ngrams(all, i, 1, vector);
        quantize_vector(vector, all->width, *unit++, (float)all->largest, record);
        add_row(sum, vector, all->width);
        record += all->width;
    }
    if (all->id_vectors != NULL) {
        sum_of_word(all, i, vector);
        quantize_vector(vector, all->width, *unit, (float)all->largest, record);
        add_row(sum, vector, all->width);
    }
    float limit = (float)all->largest_factor, of_whole = largest_size(sum, all->width) / limit;
    quantize_vector(sum, all->width, of_whole > 0 ? of_whole : 1, limit, whole);
    return of_whole;
}

/* Write one row of a window's products for each of some words, from column `at` of their records on. */
static inline __attribute__((always_inline)) void write_place(const NewWords *all, int64_t first, int64_t count, int64_t at,
                                                              int64_t row, float limit, const int16_t *whole,
                                                              const float *of_whole, int32_t *restrict products) {
    int64_t width = all->window_width, padded = all->padded_width / 32 * 32; /* which the compiler then knows */
    const float *restrict scale = all->scale + row, *restrict bias = all->bias + row;
    for (int64_t i = 0; i < count; i += TILE_ROWS) {
        const int16_t *word[TILE_ROWS], *weight[TILE_WEIGHTS];
        for (int64_t n = 0; n < TILE_ROWS; n++) word[n] = whole + (i + n) * padded;
        for (int64_t k = 0; k < width; k += TILE_WEIGHTS) {
            for (int64_t j = 0; j < TILE_WEIGHTS; j++) weight[j] = all->weight + (row + k + j) * padded;
            multiply_tile(word, weight, padded, products + k, width);
        }
        for (int64_t n = 0; n < TILE_ROWS && i + n < count; n++) {
            int16_t *restrict to = all->records + (first + i + n) * all->record + at;
            for (int64_t k = 0; k < width; k++)
                to[k] = quantize((float)products[n * width + k] * (of_whole[i + n] * scale[k]) + bias[k], limit);
        }
    }
}

/* Write the records of new words. */
FOR_NEWER_PROCESSORS
int mgm_write_words(const NewWords *all) {
    size_t width = (size_t)all->width, padded = (size_t)all->padded_width;
    float *vectors = malloc((2 * width + 1) * sizeof(float));
    int16_t *whole = calloc(WORDS_AT_ONCE * padded + 1, sizeof(int16_t));
    int32_t *products = malloc((TILE_ROWS * (size_t)all->window_width + 1) * sizeof(int32_t));
    int status = vectors == NULL || whole == NULL || products == NULL ? NO_MEMORY : DONE;
    int64_t levels = (all->ngram_vectors != NULL) + (all->id_vectors != NULL);
    for (int64_t first = 0; first < all->words && status == DONE; first += WORDS_AT_ONCE) {
        int64_t count = all->words - first < WORDS_AT_ONCE ? all->words - first : WORDS_AT_ONCE;
        float of_whole[WORDS_AT_ONCE];
        for (int64_t i = 0; i < count; i++)
            of_whole[i] = write_vectors(all, first + i, vectors, vectors + width, whole + (size_t)i * padded);
        int64_t at = levels * all->width, row = 0;
        for (int64_t w = 0; w < all->windows; w++)
            for (int64_t place = 0; place < all->size[w]; place++, at += all->window_width, row += all->window_width)
                write_place(all, first, count, at, row, (float)(all->largest / all->size[w]), whole, of_whole, products);
    }
    free(vectors);
    free(whole);
    free(products);
    return status;
}
