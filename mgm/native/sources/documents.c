/* The deep part of documents, mgm.model.compiled: words to records of integers, records to pooled vectors, and their normalisation. */

#include "integers.h"
#include "kernels.h"

/* ---- words to records ---- */

/* Write `columns` numbers of each row, divided by `unit`, as integers of at most `limit`. */
FOR_NEWER_PROCESSORS
void mgm_quantize(const float *from, int64_t rows, int64_t columns, int64_t from_stride, float unit, float limit, int16_t *to,
                  int64_t to_stride) {
    float factor = 1 / unit;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            to[i * to_stride + k] = quantize(from[i * from_stride + k] * factor, limit);
}

/* ---- records to pooled vectors ---- */

enum { LANES = 16, BLOCK = 2 * LANES }; /* a block of numbers is one line of the processor's cache */
typedef int16_t Lanes __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

typedef struct {
    int64_t documents;
    const int64_t *words; /* (documents,) words of each */
    const int64_t *lead;  /* (documents,) words of its first sentence */
    const int64_t *word;  /* the record of each word */
    const int16_t *records;
    int64_t record;         /* numbers of a record: its vectors, and for each window a row of `width` for each place */
    int64_t vectors;        /* numbers of the vectors */
    int64_t windows, width; /* the width is a multiple of BLOCK */
    const int64_t *size;    /* (windows,) words of each */
} Documents;

static inline void keep_larger(Lanes *most, const Lanes *sum) {
    Lanes is_larger = *sum > *most;
    *most = (*sum & is_larger) | (*most & ~is_larger);
}

/* Sum a window's rows around word i, and keep the largest sums. Sums do not overflow: a number is at most 32767 / size.

   Numbers are summed in registers, `lanes` * LANES at once. */
static inline __attribute__((always_inline)) void add_window(const Documents *all, const int64_t *word, int64_t words, int64_t i,
                                                             int64_t size, int64_t at, const int lanes, int16_t *restrict largest) {
    enum { MOST_LANES = 6 };
    int64_t begin = i - (size - 1) / 2, first = begin < 0 ? -begin : 0;
    int64_t last = begin + size > words ? words - begin : size;
    for (int64_t k = 0; k < all->width; k += lanes * LANES) {
        Lanes sum[MOST_LANES] = {{0}}, *most = (Lanes *)(largest + k);
        for (int64_t place = first; place < last; place++) {
            const Lanes *row = (const Lanes *)(all->records + word[begin + place] * all->record + at + place * all->width + k);
            for (int lane = 0; lane < lanes; lane++) sum[lane] += row[lane];
        }
        for (int lane = 0; lane < lanes; lane++) keep_larger(most + lane, sum + lane);
    }
}

/* Add the vectors of a few words, four at once, as the sum is in memory. */
static inline __attribute__((always_inline)) void add_vectors(const Documents *all, const int64_t *word, int64_t words,
                                                              int32_t *restrict sum) {
    int64_t i = 0;
    for (; i + 4 <= words; i += 4) {
        const int16_t *first = all->records + word[i] * all->record, *second = all->records + word[i + 1] * all->record;
        const int16_t *third = all->records + word[i + 2] * all->record, *fourth = all->records + word[i + 3] * all->record;
        for (int64_t k = 0; k < all->vectors; k++) sum[k] += (first[k] + second[k]) + (third[k] + fourth[k]);
    }
    for (; i < words; i++) {
        const int16_t *vectors = all->records + word[i] * all->record;
        for (int64_t k = 0; k < all->vectors; k++) sum[k] += vectors[k];
    }
}

/* Fetch a word's record into the second cache: the first has no room for as many as must be under way. */
static inline void fetch_record(const Documents *all, int64_t word) {
    const int16_t *record = all->records + word * all->record;
    for (int64_t k = 0; k < all->record; k += BLOCK) __builtin_prefetch(record + k, 0, 2);
}

static void write_pooled(const Documents *all, int64_t words, const double *total, const int32_t *sum, const int16_t *largest,
                         float *pooled) {
    for (int64_t k = 0; k < all->vectors; k++) pooled[k] = (float)((total[k] + sum[k]) / (double)words);
    for (int64_t k = 0; k < all->windows * all->width; k++) pooled[all->vectors + k] = largest[k];
}

/* Pool the words of each document: the mean of the vectors, the maxima of the windows that are above 0, then both of its lead.

   `pooled` is (documents, 2, vectors + windows * width), in units of the integers, and holds zeros. */
FOR_NEWER_PROCESSORS
int mgm_pool_documents(const Documents *all, float *pooled) {
    enum { AHEAD = 12, AT_ONCE = 8, MOST_SUMMED = 65536 - AT_ONCE };
    int64_t windows = all->windows * all->width, columns = all->vectors + windows;
    double *total = malloc(((size_t)all->vectors + 1) * sizeof(double));
    int32_t *sum = malloc(((size_t)all->vectors + 1) * sizeof(int32_t));
    int16_t *largest = malloc(((size_t)windows + 1) * sizeof(int16_t));
    int status = total == NULL || sum == NULL || largest == NULL ? NO_MEMORY : DONE;
    const int64_t *word = all->word, *last_word = word;
    for (int64_t d = 0; d < all->documents; d++) last_word += all->words[d];
    for (int64_t d = 0; d < all->documents && status == DONE; d++, pooled += 2 * columns) {
        int64_t words = all->words[d], lead = all->lead[d];
        memset(largest, 0, (size_t)windows * sizeof(int16_t));
        memset(sum, 0, (size_t)all->vectors * sizeof(int32_t));
        for (int64_t k = 0; k < all->vectors; k++) total[k] = 0;
        for (int64_t begin = 0, end; begin < words; begin = end) {
            end = begin + AT_ONCE < words ? begin + AT_ONCE : words;
            if (begin < lead && lead < end) end = lead;
            add_vectors(all, word + begin, end - begin, sum);
            for (int64_t i = begin; i < end; i++) {
                if (word + i + AHEAD < last_word) fetch_record(all, word[i + AHEAD]);
                int64_t at = all->vectors;
                for (int64_t w = 0; w < all->windows; at += all->size[w++] * all->width) {
                    int16_t *of_window = largest + w * all->width;
                    if (all->width % (6 * LANES) == 0) add_window(all, word, words, i, all->size[w], at, 6, of_window);
                    else add_window(all, word, words, i, all->size[w], at, 2, of_window);
                }
            }
            if (end / MOST_SUMMED > begin / MOST_SUMMED)
                for (int64_t k = 0; k < all->vectors; k++) {
                    total[k] += sum[k];
                    sum[k] = 0;
                }
            if (end == lead) write_pooled(all, end, total, sum, largest, pooled + columns);
        }
        if (words > 0) write_pooled(all, words, total, sum, largest, pooled);
        word += words;
    }
    free(total);
    free(sum);
    free(largest);
    return status;
}

/* ---- layer normalisation, mgm.model.compiled.layer_norm ---- */

enum { FLOATS = 8 };
typedef float Floats __attribute__((vector_size(4 * FLOATS), aligned(4), may_alias));

static inline float sum_of(const Floats *all) {
    const float *parts = (const float *)all;
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

/* Write rows less their mean, divided by their standard deviation, times `gain`, plus `bias`; NULL: neither.

   The columns are a multiple of FLOATS. */
FOR_NEWER_PROCESSORS
void mgm_normalize(const float *from, int64_t rows, int64_t columns, int64_t from_stride, const float *gain, const float *bias,
                   float epsilon, float *to, int64_t to_stride) {
    for (int64_t row = 0; row < rows; row++, from += from_stride, to += to_stride) {
        Floats sum = {0}, square = {0};
        for (int64_t k = 0; k < columns; k += FLOATS) sum += *(const Floats *)(from + k);
        float mean = sum_of(&sum) / (float)columns;
        for (int64_t k = 0; k < columns; k += FLOATS) {
            Floats centred = *(const Floats *)(from + k) - mean;
            square += centred * centred;
        }
        float factor = 1 / __builtin_sqrtf(sum_of(&square) / (float)columns + epsilon);
        for (int64_t k = 0; k < columns; k += FLOATS) {
            Floats value = (*(const Floats *)(from + k) - mean) * factor;
            if (gain != NULL) value = value * *(const Floats *)(gain + k) + *(const Floats *)(bias + k);
            *(Floats *)(to + k) = value;
        }
    }
}
