/* Numbers to 16-bit integers. */

#ifndef MGM_INTEGERS_H
#define MGM_INTEGERS_H

#include <stdint.h>

static inline int16_t quantize(float value, float limit) {
    value = value < limit ? value : limit; /* larger ones saturate */
    value = value > -limit ? value : -limit;
    return (int16_t)(int32_t)(value + __builtin_copysignf(0.5f, value));
}

#endif
