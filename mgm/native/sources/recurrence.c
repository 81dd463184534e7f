/* The GRU over ragged rows in training, one direction at a time, and its gradients, mgm.model.recurrent.

   Rows are in time-major order: step t holds item t of each row that is longer than t, so that its rows are the first of step
   t - 1. In tables of states stand the initial ones first. */

#include "kernels.h"
#include "lanes.h"

typedef struct {
    int64_t width, steps;
    const int64_t *count; /* the rows of each step, which never rise */
} Rows;

enum { COLUMNS = 16, TILE = 4 }; /* what is multiplied at once, in registers */
typedef float Columns __attribute__((vector_size(COLUMNS * sizeof(float)), aligned(4)));

/* Add to `sum` (rows, columns) the product of `left` (rows, inner) and `right` (inner, columns). */
static inline __attribute__((always_inline)) void add_product(const float *left, const float *right, float *sum, int64_t rows,
                                                              int64_t inner, int64_t columns) {
    int64_t whole = columns - columns % COLUMNS, r = 0;
    for (; r + TILE <= rows; r += TILE) {
        const float *of_row = left + r * inner;
        for (int64_t c = 0; c < whole; c += COLUMNS) {
            float *to = sum + r * columns + c;
            Columns s0 = *(Columns *)to, s1 = *(Columns *)(to + columns), s2 = *(Columns *)(to + 2 * columns),
                  s3 = *(Columns *)(to + 3 * columns);
            for (int64_t k = 0; k < inner; k++) {
                Columns weight = *(const Columns *)(right + k * columns + c);
                s0 += of_row[k] * weight;
                s1 += of_row[inner + k] * weight;
                s2 += of_row[2 * inner + k] * weight;
                s3 += of_row[3 * inner + k] * weight;
            }
            *(Columns *)to = s0, *(Columns *)(to + columns) = s1;
            *(Columns *)(to + 2 * columns) = s2, *(Columns *)(to + 3 * columns) = s3;
        }
    }
    for (; r < rows; r++)
        for (int64_t c = 0; c < whole; c += COLUMNS) {
            Columns s = *(Columns *)(sum + r * columns + c);
            for (int64_t k = 0; k < inner; k++) s += left[r * inner + k] * *(const Columns *)(right + k * columns + c);
            *(Columns *)(sum + r * columns + c) = s;
        }
    for (r = 0; r < rows; r++)
        for (int64_t c = whole; c < columns; c++)
            for (int64_t k = 0; k < inner; k++) sum[r * columns + c] += left[r * inner + k] * right[k * columns + c];
}

/* One item's gates, its candidate and its state, of its input, the product of the state before it and the recurrent weights, and that
   state. */
static inline __attribute__((always_inline)) void advance(int64_t width, const float *input, const float *product,
                                                          const float *past, float *gates, float *state) {
    for (int64_t k = 0; k < 2 * width; k += LANES) {
        int64_t left = 2 * width - k;
        Lanes gate, share;
        read_lanes(&gate, input + k, left);
        read_lanes(&share, product + k, left);
        gate = -(gate + share);
        exponentials(&gate);
        gate = 1 / (1 + gate);
        write_lanes(gates + k, &gate, left);
    }
    input += 2 * width, product += 2 * width;
    const float *resets = gates, *updates = gates + width;
    for (int64_t k = 0; k < width; k += LANES) {
        int64_t left = width - k;
        Lanes new, share, reset, update, held;
        read_lanes(&new, input + k, left);
        read_lanes(&share, product + k, left);
        read_lanes(&reset, resets + k, left);
        read_lanes(&update, updates + k, left);
        read_lanes(&held, past + k, left);
        new = 2 * (new + reset * share);
        exponentials(&new);
        new = 1 - 2 / (new + 1); /* the hyperbolic tangent */
        held = new + update * (held - new);
        write_lanes(gates + 2 * width + k, &new, left);
        write_lanes(state + k, &held, left);
    }
}

/* The gradients of one item's input, and of the product of the state before it and the recurrent weights; `earlier` gets what reaches
   that state through the update gate. */
static inline __attribute__((always_inline)) void
retreat(int64_t width, const float *restrict slope, const float *restrict gates, const float *restrict share,
        const float *restrict past, float *restrict of_input, float *restrict of_product, float *restrict earlier) {
    for (int64_t k = 0; k < width; k++) {
        float reset = gates[k], update = gates[width + k], new = gates[2 * width + k];
        float to_new = slope[k] * ((1 - update) * (1 - new * new));
        float to_update = slope[k] * ((past[k] - new) * update * (1 - update));
        float to_reset = to_new * share[k] * reset * (1 - reset);
        of_input[k] = of_product[k] = to_reset;
        of_input[width + k] = of_product[width + k] = to_update;
        of_input[2 * width + k] = to_new;
        of_product[2 * width + k] = to_new * reset;
        earlier[k] += slope[k] * update;
    }
}

/* Write the states behind the initial ones, and what the gradients need: the gates (items, 3 * width) and the recurrent share of each
   candidate (items, width). `input` is as large as the gates; `recurrent` is (width, 3 * width); `product` has room for the first step. */
FOR_NEWEST_PROCESSORS
void mgm_gru_states(const Rows *rows, const float *input, const float *recurrent, float *states, float *gates, float *candidate,
                    float *product) {
    int64_t width = rows->width;
    const float *before = states;
    float *state = states + (rows->steps ? rows->count[0] * width : 0);
    for (int64_t t = 0; t < rows->steps; t++) {
        int64_t count = rows->count[t];
        const float *first = state;
        memset(product, 0, (size_t)(count * 3 * width) * sizeof *product);
        add_product(before, recurrent, product, count, width, 3 * width);
        for (int64_t r = 0; r < count; r++) {
            const float *of_state = product + r * 3 * width;
            advance(width, input, of_state, before + r * width, gates, state);
            memcpy(candidate, of_state + 2 * width, (size_t)width * sizeof *candidate);
            input += 3 * width, gates += 3 * width, candidate += width, state += width;
        }
        before = first;
    }
}

/* Turn the gradients of states, behind those of the initial ones, into those of the inputs (items, 3 * width) and of the products of
   states and recurrent weights (items, 3 * width); `past` (items, width) gets the state before each item.

   `transposed` is (3 * width, width), of the recurrent weights. */
FOR_NEWEST_PROCESSORS
void mgm_gru_gradients(const Rows *rows, const float *transposed, const float *states, const float *gates, const float *candidate,
                       float *of_state, float *of_input, float *of_product, float *past) {
    int64_t width = rows->width, start = 0;
    for (int64_t t = 0; t < rows->steps; t++) start += rows->count[t];
    for (int64_t t = rows->steps - 1; t >= 0; t--) {
        int64_t count = rows->count[t];
        start -= count;
        int64_t before = t == 0 ? 0 : rows->count[0] + start - rows->count[t - 1];
        memcpy(past + start * width, states + before * width, (size_t)(count * width) * sizeof *past);
        for (int64_t r = 0; r < count; r++) {
            int64_t i = start + r;
            retreat(width, of_state + (rows->count[0] + i) * width, gates + i * 3 * width, candidate + i * width,
                    past + i * width, of_input + i * 3 * width, of_product + i * 3 * width, of_state + (before + r) * width);
        }
        add_product(of_product + start * 3 * width, transposed, of_state + before * width, count, 3 * width, width);
    }
}
