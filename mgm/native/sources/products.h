/* Products of rows of 16-bit integers with rows of weights. Sums of integers are exact in any order; callers see to it that none
   overflows. */

#ifndef MGM_PRODUCTS_H
#define MGM_PRODUCTS_H

#include <stdint.h>

enum { TILE_ROWS = 4, TILE_WEIGHTS = 2 }; /* products that are summed at once, in registers */

/* Write the products of some rows with some weights, `stride` from row to row. */
static inline __attribute__((always_inline)) void multiply_tile(const int16_t *const *row, const int16_t *const *weight,
                                                                int64_t columns, int32_t *restrict product, int64_t stride) {
#if defined(__clang__) && defined(__x86_64__)
    /* clang multiplies and adds pairs in one instruction only where one sum alone reads them, and 16 numbers at once. */
    for (int i = 0; i < TILE_ROWS; i++)
        for (int j = 0; j < TILE_WEIGHTS; j++) {
            const int16_t *a = row[i], *b = weight[j];
            int32_t sum = 0;
#pragma clang loop vectorize_width(16)
            for (int64_t k = 0; k < columns; k++) sum += a[k] * b[k];
            product[i * stride + j] = sum;
        }
#else
    const int16_t *r0 = row[0], *r1 = row[1], *r2 = row[2], *r3 = row[3], *w0 = weight[0], *w1 = weight[1];
    int32_t p00 = 0, p01 = 0, p10 = 0, p11 = 0, p20 = 0, p21 = 0, p30 = 0, p31 = 0;
    for (int64_t k = 0; k < columns; k++) {
        p00 += r0[k] * w0[k], p01 += r0[k] * w1[k];
        p10 += r1[k] * w0[k], p11 += r1[k] * w1[k];
        p20 += r2[k] * w0[k], p21 += r2[k] * w1[k];
        p30 += r3[k] * w0[k], p31 += r3[k] * w1[k];
    }
    product[0] = p00, product[1] = p01, product[stride] = p10, product[stride + 1] = p11;
    product += 2 * stride;
    product[0] = p20, product[1] = p21, product[stride] = p30, product[stride + 1] = p31;
#endif
}

#endif
