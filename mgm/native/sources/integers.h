/* Numbers to 16-bit integers. */

#ifndef MGM_INTEGERS_H
#define MGM_INTEGERS_H

#include <stdint.h>
#include <string.h>

static inline int16_t quantize(float value, float limit) {
    value = value < limit ? value : limit; /* larger ones saturate */
    value = value > -limit ? value : -limit;
    return (int16_t)(int32_t)(value + __builtin_copysignf(0.5f, value));
}

/* The largest size of a vector's numbers, found among their bits, as compilers compare several of these at once. */
static inline float largest_size(const float *vector, int64_t width) {
    int32_t largest = 0;
    for (int64_t k = 0; k < width; k++) {
        int32_t bits;
        memcpy(&bits, vector + k, sizeof bits);
        bits &= INT32_MAX;
        largest = bits > largest ? bits : largest;
    }
    float size;
    memcpy(&size, &largest, sizeof size);
    return size;
}

#endif
