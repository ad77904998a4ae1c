/* What a kernel does to a number on its way to memory: bias, then residual, then leak, then clamp. */
#ifndef PR_OPS_ACTIVATION_H
#define PR_OPS_ACTIVATION_H

#include <stdint.h>

/* y = clamp(x < 0 ? slope * x : x, lo, hi).  slope 1, lo -inf, hi inf: nothing.  ReLU is lo 0, ReLU6 lo 0 hi 6. */
typedef struct pr_activation {
    float slope, lo, hi;
} pr_activation;

#define PR_NO_ACTIVATION ((pr_activation){1, -__builtin_inff(), __builtin_inff()})

static inline float pr_activate(float x, const pr_activation *a) {
    float y = x < 0 ? a->slope * x : x;
    return y < a->lo ? a->lo : y > a->hi ? a->hi : y;      /* NaN stays NaN */
}

#endif
