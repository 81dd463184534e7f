/* Eight numbers at once, as vectors of the compiler: every one of them has the same bits on each machine. */

#ifndef MGM_LANES_H
#define MGM_LANES_H

#include <stdint.h>
#include <string.h>

enum { LANES = 8 }; /* gcc compares no more numbers at once */

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef int32_t Integers __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4)));

/* Read and write the numbers that are left of a row, at most LANES of them. */
static inline __attribute__((always_inline)) void read_lanes(Lanes *to, const float *from, int64_t left) {
    if (left >= LANES) {
        *to = *(const Lanes *)from;
        return;
    }
    memset(to, 0, sizeof *to);
    memcpy(to, from, (size_t)left * sizeof *from);
}

static inline __attribute__((always_inline)) void write_lanes(float *to, const Lanes *from, int64_t left) {
    if (left >= LANES)
        *(Lanes *)to = *from;
    else
        memcpy(to, from, (size_t)left * sizeof *to);
}

/* Replace numbers where a comparison holds. */
static inline __attribute__((always_inline)) void replace_lanes(Lanes *of, const Integers *where, float number) {
    const Lanes none = {0};
    *of = (Lanes)(((Integers)*of & ~*where) | ((Integers)(none + number) & *where));
}

/* Turn numbers into their exponentials, within two units in the last place: 2 to the nearest whole power, times a polynomial of the rest,
   whose coefficients are those of Cephes, expf. Compilers turn a loop over single numbers into branches. */
static inline __attribute__((always_inline)) void exponentials(Lanes *of) {
    const float shifter = 12582912; /* 1.5 * 2^23: a sum with it has no digits behind the point, and the last bits are those before it */
    const Lanes none = {0};
    const Integers shifter_bits = (Integers)(none + shifter);
    Integers is_high = *of > 88, is_low = *of < -87;
    replace_lanes(of, &is_high, 88);
    replace_lanes(of, &is_low, -87);
    Lanes x = *of, shifted = x * 1.44269504f + shifter, power = shifted - shifter;
    Lanes rest = x - power * 0.693359375f + power * 2.12194440e-4f;
    Lanes sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    sum = sum * rest + 8.3334519073e-3f;
    sum = sum * rest + 4.1665795894e-2f;
    sum = sum * rest + 1.6666665459e-1f;
    sum = sum * rest + 5.0000001201e-1f;
    sum = sum * (rest * rest) + rest + 1;
    Integers scale = ((Integers)shifted - shifter_bits + 127) << 23;
    *of = sum * (Lanes)scale;
}

#endif
