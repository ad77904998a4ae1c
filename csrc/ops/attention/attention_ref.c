#include <math.h>

#include "ops/attention/attention.h"

static void masked(float *s, int64_t n, float scale, const float *mask, ptrdiff_t step, int kind, float fill) {
    for (int64_t i = 0; i < n; i++) {
        const float m = kind == PR_MASK_NONE ? 0 : mask[i * step], x = scale * s[i];
        s[i] = kind == PR_MASK_NONE ? x : kind == PR_MASK_ADD ? x + m : (m != 0) == (kind == PR_MASK_KEEP) ? x : fill;
    }
}

static float exps(float *s, int64_t n, float scale) {
    float largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) largest = fmaxf(largest, scale * s[i]);
    for (int64_t i = 0; i < n; i++) sum += s[i] = expf(scale * s[i] - largest);
    return sum;
}

static void scaled(float *y, int64_t n, float by) {
    for (int64_t i = 0; i < n; i++) y[i] *= by;
}

const pr_attention_kernels pr_attention__ref = {masked, exps, scaled};
