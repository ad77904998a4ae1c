/* Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
 *
 * A block of four words is a function of a counter and a key, so any thread can make any part of a stream, and the
 * numbers do not depend on who made them.  What is made of the words uses only operations that IEEE 754 rounds
 * exactly (no libm, no fused multiply-add: the files are built without contraction), so they are the same bits on
 * every board and level. */
#ifndef PR_OPS_RANDOM_PHILOX_H
#define PR_OPS_RANDOM_PHILOX_H

#include <stdint.h>

typedef struct pr_block { uint32_t word[4]; } pr_block;
typedef struct pr_stream { uint32_t key[2], call; } pr_stream;     /* the key, and which part of its stream */

static inline pr_block pr_philox(pr_block counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xd2511f53u * counter.word[0], b = (uint64_t)0xcd9e8d57u * counter.word[2];
        counter = (pr_block){{(uint32_t)(b >> 32) ^ counter.word[1] ^ key0, (uint32_t)b,
                              (uint32_t)(a >> 32) ^ counter.word[3] ^ key1, (uint32_t)a}};
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    return counter;
}

/* Words 4 * number to 4 * number + 3 of a part of a stream. */
static inline pr_block pr_stream_block(const pr_stream *stream, int64_t number) {
    const pr_block counter = {{(uint32_t)number, (uint32_t)((uint64_t)number >> 32), stream->call, 0}};
    return pr_philox(counter, stream->key[0], stream->key[1]);
}

/* [0, 1): multiples of 2^-24, all of which a float holds. */
static inline float pr_unit(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }

/* ln x for normal x > 0, relative error below 1e-10: x = m 2^e with m near 1, ln m = 2 atanh((m - 1) / (m + 1)). */
static inline double pr_log(double x) {
    union { double value; uint64_t bits; } v = {x};
    int e = (int)(v.bits >> 52) - 1023;
    v.bits = (v.bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    if (v.value > 1.4142135623730951) v.value *= 0.5, e++;
    const double s = (v.value - 1) / (v.value + 1), z = s * s;
    const double p = 1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13)))));
    return e * 0.6931471805599453 + 2 * (s + s * z * p);
}

/* e^x, relative error below 1e-10; 0 below e^-700, and e^700 above. */
static inline double pr_exp(double x) {
    if (!(x > -700)) return 0;
    if (x > 700) x = 700;
    const double turns = x * 1.4426950408889634;
    const int n = (int)(turns < 0 ? turns - 0.5 : turns + 0.5);
    const double r = x - n * 0.6931471805599453;
    double p = 1;
    for (int k = 10; k > 0; k--) p = 1 + p * r / k;         /* Taylor; |r| <= ln 2 / 2 */
    const union { uint64_t bits; double value; } scale = {(uint64_t)(n + 1023) << 52};
    return p * scale.value;
}

/* cos and sin of 2 pi word / 2^32, absolute error below 1e-10: the nearest quarter turn and at most an eighth more. */
static inline void pr_cos_sin(uint32_t word, double *cosine, double *sine) {
    const uint32_t quarter = (word + 0x20000000u) >> 30;
    const double t = (double)(int32_t)(word - (quarter << 30)) * (6.283185307179586 * 0x1p-32), z = t * t;
    const double c = 1 - z / 2 * (1 - z / 12 * (1 - z / 30 * (1 - z / 56 * (1 - z / 90 * (1 - z / 132)))));
    const double s = t * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110)))));
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
}

#endif
