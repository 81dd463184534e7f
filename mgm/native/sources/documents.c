/* The deep part of documents, mgm.model.compiled: records of words to pooled and normalised vectors. */

#include "kernels.h"
#include "products.h"

/* ---- layer normalisation ---- */

enum { FLOATS = 8 };
typedef float Floats __attribute__((vector_size(4 * FLOATS), aligned(4), may_alias));

typedef struct {
    int64_t from, to, columns; /* the first number of a row that it reads, the first that it writes, and how many */
    const float *gain, *bias;  /* NULL: neither */
    float epsilon;
} LayerNorm;

static inline float sum_of(const Floats *all) {
    const float *parts = (const float *)all;
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

/* Write numbers of a row less their mean, divided by their standard deviation, times the gain, plus the bias. */
static inline __attribute__((always_inline)) void normalize(const LayerNorm *layer, float *row) {
    const float *restrict from = row + layer->from;
    float *restrict to = row + layer->to;
    int64_t columns = layer->columns, whole = columns - columns % FLOATS, k;
    Floats sum = {0}, square = {0};
    for (k = 0; k < whole; k += FLOATS) sum += *(const Floats *)(from + k);
    for (; k < columns; k++) sum[k - whole] += from[k];
    float mean = sum_of(&sum) / (float)columns;
    for (k = 0; k < whole; k += FLOATS) {
        Floats centred = *(const Floats *)(from + k) - mean;
        square += centred * centred;
    }
    for (; k < columns; k++) square[k - whole] += (from[k] - mean) * (from[k] - mean);
    float factor = 1 / __builtin_sqrtf(sum_of(&square) / (float)columns + layer->epsilon);
    for (k = 0; k < columns; k++) to[k] = (from[k] - mean) * factor;
    if (layer->gain != NULL)
        for (k = 0; k < columns; k++) to[k] = to[k] * layer->gain[k] + layer->bias[k];
}

/* ---- records to normalised vectors of documents ---- */

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
    int64_t levels;         /* the vectors of a word, all of a length */
    const float *units;     /* (vectors + windows * width,) the value of the integer 1 */
    int64_t layers;         /* layer normalisations, in their order */
    const LayerNorm *layer;
    int64_t row, output; /* numbers of a document's row, and of those at its end that are returned */
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

static inline void write_pooled(const Documents *all, int64_t words, const double *total, const int32_t *sum,
                                const int16_t *largest, float *restrict pooled) {
    double share = 1 / (double)words;
    for (int64_t k = 0; k < all->vectors; k++) pooled[k] = (float)((total[k] + sum[k]) * share) * all->units[k];
    pooled += all->vectors;
    const float *units = all->units + all->vectors;
    for (int64_t k = 0; k < all->windows * all->width; k++) pooled[k] = largest[k] * units[k];
}

/* Write the sum of a pooled vector's levels. */
static inline void sum_levels(const Documents *all, const float *pooled, float *restrict sum) {
    int64_t length = all->levels > 0 ? all->vectors / all->levels : 0;
    for (int64_t k = 0; k < length; k++) sum[k] = 0;
    for (int64_t level = 0; level < all->levels; level++)
        for (int64_t k = 0; k < length; k++) sum[k] += pooled[level * length + k];
}

/* Pool the words of each document, and normalise what results.

   A document's row begins with its means of the vectors and its maxima of the windows that are above 0, then both of its lead, then
   the sum of the lead's means. The layers read and write the rest. `normalised` is (documents, output), the end of each row. */
FOR_NEWER_PROCESSORS
int mgm_pool_documents(const Documents *all, float *normalised) {
    enum { AHEAD = 12, AT_ONCE = 8, MOST_SUMMED = 65536 - AT_ONCE };
    int64_t windows = all->windows * all->width, columns = all->vectors + windows;
    double *total = malloc(((size_t)all->vectors + 1) * sizeof(double));
    int32_t *sum = malloc(((size_t)all->vectors + 1) * sizeof(int32_t));
    int16_t *largest = malloc(((size_t)windows + 1) * sizeof(int16_t));
    float *row = malloc(((size_t)all->row + 1) * sizeof(float));
    int status = total == NULL || sum == NULL || largest == NULL || row == NULL ? NO_MEMORY : DONE;
    const int64_t *word = all->word, *last_word = word;
    for (int64_t d = 0; d < all->documents; d++) last_word += all->words[d];
    for (int64_t d = 0; d < all->documents && status == DONE; d++, normalised += all->output) {
        int64_t words = all->words[d], lead = all->lead[d];
        memset(largest, 0, (size_t)windows * sizeof(int16_t));
        memset(sum, 0, (size_t)all->vectors * sizeof(int32_t));
        memset(row, 0, (size_t)(2 * columns) * sizeof(float));
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
            if (end == lead) write_pooled(all, end, total, sum, largest, row + columns);
        }
        if (words > 0) write_pooled(all, words, total, sum, largest, row);
        word += words;
        sum_levels(all, row + columns, row + 2 * columns);
        for (int64_t i = 0; i < all->layers; i++) normalize(all->layer + i, row);
        memcpy(normalised, row + all->row - all->output, (size_t)all->output * sizeof(float));
    }
    free(total);
    free(sum);
    free(largest);
    free(row);
    return status;
}

/* ---- integers times integer weights, mgm.model.compiled.dense ---- */

/* Write what is positive of the products of rows with weights, times the output's unit, plus its bias. */
FOR_NEWER_PROCESSORS
void mgm_dense_relu(const int16_t *rows, int64_t count, int64_t columns, const int16_t *weights, int64_t outputs, const float *units,
                    const float *bias, float *to) {
    for (int64_t i = 0; i < count; i += TILE_ROWS)
        for (int64_t j = 0; j < outputs; j += TILE_WEIGHTS) {
            const int16_t *row[TILE_ROWS], *weight[TILE_WEIGHTS]; /* the last ones again where there are fewer */
            int32_t product[TILE_ROWS][TILE_WEIGHTS];
            for (int64_t r = 0; r < TILE_ROWS; r++) row[r] = rows + (i + r < count ? i + r : count - 1) * columns;
            for (int64_t o = 0; o < TILE_WEIGHTS; o++) weight[o] = weights + (j + o < outputs ? j + o : outputs - 1) * columns;
            multiply_tile(row, weight, columns, &product[0][0], TILE_WEIGHTS);
            for (int64_t r = 0; r < TILE_ROWS && i + r < count; r++)
                for (int64_t o = 0; o < TILE_WEIGHTS && j + o < outputs; o++) {
                    float value = (float)product[r][o] * units[j + o] + bias[j + o];
                    to[(i + r) * outputs + j + o] = value > 0 ? value : 0;
                }
        }
}
