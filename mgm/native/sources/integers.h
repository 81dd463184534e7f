/* Numbers to 16-bit integers. */

#ifndef MGM_INTEGERS_H
#define MGM_INTEGERS_H

#include <stdint.h>

static inline int16_t quantize(float value, float limit) {
    value = value > limit ? limit : value < -limit ? -limit : value; /* larger ones saturate */
    return (int16_t)(int32_t)(value + (value < 0 ? -0.5f : 0.5f));
}

#endif
