/* Rows of tables of embeddings: the gradients of those that a batch reads, mgm.model.embedding_table, and their updates,
   mgm.training.row_optimizer. */

#include "kernels.h"

#include <math.h>

/* Add the gradient of each word to the rows of which it read the mean: those of id[bound[t]] to id[bound[t + 1]], or that of id[t]
   alone where `bound` is NULL.

   Rows that are read for the first time join the `size` ones of `row`, in this order; returns how many these are then. */
FOR_NEWER_PROCESSORS
int64_t mgm_add_row_gradients(const float *from, int64_t words, int64_t width, const int64_t *id, const int64_t *bound,
                              float *gradient, uint8_t *is_read, int64_t *row, int64_t size) {
    for (int64_t t = 0; t < words; t++, from += width) {
        int64_t first = bound == NULL ? t : bound[t], last = bound == NULL ? t + 1 : bound[t + 1];
        float share = last > first ? 1 / (float)(last - first) : 0;
        for (int64_t i = first; i < last; i++) {
            float *to = gradient + id[i] * width;
            if (!is_read[id[i]]) {
                is_read[id[i]] = 1;
                row[size++] = id[i];
            }
            for (int64_t k = 0; k < width; k++) to[k] += from[k] * share;
        }
    }
    return size;
}

/* The sum of the squares of rows, each of which is summed in eight parts. */
FOR_NEWER_PROCESSORS
double mgm_square_rows(const float *gradient, int64_t width, const int64_t *row, int64_t rows) {
    enum { PARTS = 8 };
    double all = 0;
    for (int64_t i = 0; i < rows; i++) {
        const float *of_row = gradient + row[i] * width;
        float part[PARTS] = {0}, rest = 0;
        int64_t k = 0;
        for (; k + PARTS <= width; k += PARTS)
            for (int64_t p = 0; p < PARTS; p++) part[p] += of_row[k + p] * of_row[k + p];
        for (; k < width; k++) rest += of_row[k] * of_row[k];
        for (int64_t p = 0; p < PARTS; p++) rest += part[p];
        all += rest;
    }
    return all;
}

typedef struct {
    int64_t width, step;
    const int64_t *row;
    float *weight, *gradient, *square, *average; /* tables of `width` numbers a row */
    int64_t *last;                               /* the step of each row's last update */
    uint8_t *is_read;
    const double *log_product; /* of the average's decays up to each step of their warm-up */
    int64_t warm_up;
    double log_decay, log_beta; /* of a decay after the warm-up, and of that of the mean of squares */
    float clip, rate, shrink, correction, epsilon, decay;
} RowUpdate;

/* The logarithm of the product of the average's decays up to a step. */
static inline double log_product_at(const RowUpdate *update, int64_t step) {
    int64_t warm = step < update->warm_up ? step : update->warm_up;
    return update->log_product[warm] + (double)(step - warm) * update->log_decay;
}

/* Update rows by their gradients, which are zeros afterwards. Of the steps since a row's last one, its mean of squares and its
   average catch up, as if it had been there with a gradient of 0 and had not moved. */
FOR_NEWER_PROCESSORS
void mgm_update_rows(const RowUpdate *update, int64_t rows) {
    int64_t width = update->width;
    float beta = (float)exp(update->log_beta);
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = update->row[i], gap = update->step - update->last[row];
        float *restrict weight = update->weight + row * width, *restrict gradient = update->gradient + row * width;
        float *restrict square = update->square + row * width, *restrict average = update->average + row * width;
        int is_zero = 1;
        for (int64_t k = 0; k < width; k++) is_zero &= gradient[k] == 0;
        update->is_read[row] = 0;
        if (is_zero) continue;
        float kept = gap > 1 ? (float)exp(update->log_beta * (double)gap) : beta;
        float stale = 1;
        if (gap > 1) stale = (float)exp(log_product_at(update, update->step - 1) - log_product_at(update, update->last[row]));
        for (int64_t k = 0; k < width; k++) {
            float slope = gradient[k] * update->clip, before = weight[k];
            float mean = square[k] * kept + (1 - beta) * (slope * slope);
            float now = before * update->shrink - update->rate * (slope / (__builtin_sqrtf(mean) * update->correction + update->epsilon));
            float past = before + stale * (average[k] - before);
            square[k] = mean;
            weight[k] = now;
            average[k] = now + update->decay * (past - now);
            gradient[k] = 0;
        }
        update->last[row] = update->step;
    }
}
