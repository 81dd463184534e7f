/* Support vector machines, mgm.training.svm. */

#include "kernels.h"

#include <math.h>

typedef struct {
    int64_t rows, columns;
    const int64_t *start;  /* rows + 1 */
    const int32_t *column; /* of each value */
    const float *value;
} Sparse;

static uint64_t next_random(uint64_t *state) {
    *state += FIRST;
    return mix(*state);
}

/* The scalar product, in four sums, so that no addition waits for the one before it. */
static inline float product(const Sparse *x, int64_t row, const float *weight) {
    int64_t at = x->start[row], end = x->start[row + 1];
    float a = 0, b = 0, c = 0, d = 0;
    for (; at + 4 <= end; at += 4) {
        a += x->value[at] * weight[x->column[at]];
        b += x->value[at + 1] * weight[x->column[at + 1]];
        c += x->value[at + 2] * weight[x->column[at + 2]];
        d += x->value[at + 3] * weight[x->column[at + 3]];
    }
    for (; at < end; at++) a += x->value[at] * weight[x->column[at]];
    return (a + b) + (c + d);
}

static inline void prefetch_row(const Sparse *x, int64_t row) {
    const char *column = (const char *)(x->column + x->start[row]), *value = (const char *)(x->value + x->start[row]);
    int64_t bytes = (x->start[row + 1] - x->start[row]) * 4;
    for (int64_t at = 0; at < bytes; at += 64) {
        __builtin_prefetch(column + at);
        __builtin_prefetch(value + at);
    }
}

/* Improve a linear support vector machine with the squared hinge loss on some rows: dual coordinate descent with shrinking,
   algorithm 3 of Hsieh et al. 2008. The intercept is regularised as a weight is.

   `sign` is 1 or -1 for each row. `alpha` has the dual variable of each row, and `model` and `intercept` the weights and the
   intercept that follow from those of all rows, these and others: at first all are 0. `bounds` gets the lowest and the highest
   slope of the first pass, whose difference is at most `tolerance` at the solution. */
int mgm_solve_svm(const Sparse *x, const int8_t *sign, double c, double tolerance, int64_t max_passes, double *alpha, float *model,
                  double *intercept, double *bounds) {
    int64_t rows = x->rows, active = rows;
    int64_t *order = malloc((size_t)rows * sizeof(int64_t));
    double *curvature = malloc((size_t)rows * sizeof(double));
    if (order == NULL || curvature == NULL) {
        free(order);
        free(curvature);
        return NO_MEMORY;
    }
    double diagonal = 0.5 / c, bias = *intercept, largest = INFINITY; /* `largest`: above it a row is left out */
    uint64_t random = 0;
    for (int64_t row = 0; row < rows; row++) {
        double square = diagonal + 1;
        for (int64_t at = x->start[row]; at < x->start[row + 1]; at++) square += (double)x->value[at] * x->value[at];
        curvature[row] = square;
        order[row] = row;
    }
    for (int64_t pass = 0; pass < max_passes; pass++) {
        double highest = -INFINITY, lowest = INFINITY;
        for (int64_t i = 0; i < active; i++) {
            int64_t other = i + (int64_t)(next_random(&random) % (uint64_t)(active - i)), row = order[i];
            order[i] = order[other];
            order[other] = row;
        }
        for (int64_t i = 0; i < active; i++) {
            int64_t row = order[i];
            if (i + 2 < active) prefetch_row(x, order[i + 2]);
            double slope = sign[row] * (product(x, row, model) + bias) - 1 + alpha[row] * diagonal, projected = slope;
            if (alpha[row] == 0) {
                if (slope > largest) {
                    order[i--] = order[--active];
                    order[active] = row;
                    continue;
                }
                if (slope > 0) projected = 0;
            }
            if (projected > highest) highest = projected;
            if (projected < lowest) lowest = projected;
            if (projected < 1e-12 && projected > -1e-12) continue;
            double old = alpha[row], now = old - slope / curvature[row];
            alpha[row] = now > 0 ? now : 0;
            double step = (alpha[row] - old) * sign[row];
            bias += step;
            for (int64_t at = x->start[row]; at < x->start[row + 1]; at++)
                model[x->column[at]] += (float)step * x->value[at];
        }
        if (pass == 0) {
            bounds[0] = lowest;
            bounds[1] = highest;
        }
        if (highest - lowest <= tolerance) {
            if (active == rows) break;
            active = rows;
            largest = INFINITY;
            continue;
        }
        largest = highest > 0 ? highest : INFINITY;
    }
    *intercept = bias;
    free(order);
    free(curvature);
    return DONE;
}
