/* What the machine can do at most, for profiles to compare with: multiply-adds in registers, and reading memory. */
#ifndef PR_PEAK_H
#define PR_PEAK_H

#include <stdint.h>

/* One function per level. */
typedef struct pr_peak_kernels {
    double operations;                  /* of one round of `multiply`; an fma is two */
    /* Multiply-adds on numbers that never leave registers. */
    void (*multiply)(int64_t rounds, float *sink);
    /* Reads n floats. */
    void (*read)(const float *data, int64_t n, float *sink);
} pr_peak_kernels;

#endif
