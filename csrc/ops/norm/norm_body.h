/* Per-channel functions on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/activation_vec.h"
#include "ops/level.h"
#include "ops/norm/norm.h"

/* Few channels would leave most of a vector empty: PR_VL pixels side by side are a row of PR_VL * c channels. */
enum { FEW = 2 * PR_VL };
static void repeat(const float *from, int64_t c, float *to) {
    for (int64_t i = 0; i < PR_VL * c; i++) to[i] = from[i % c];
}

static void affine_rows(const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t c,
                        vf_activation act) {
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        int64_t i = 0;
        for (; i + PR_VL <= c; i += PR_VL)
            vf_store(y + i, vf_activate(vf_fma(vf_load(x + i), vf_load(scale + i), vf_load(shift + i)), act));
        const int left = (int)(c - i);
        if (left)
            vf_store_n(y + i, vf_activate(vf_fma(vf_load_n(x + i, left), vf_load_n(scale + i, left), vf_load_n(shift + i, left)), act), left);
    }
}

static void affine(const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t c,
                   const pr_activation *activation) {
    const vf_activation act = vf_activation_of(activation);
    const int64_t groups = rows / PR_VL;
    float scales[FEW * PR_VL], shifts[FEW * PR_VL];
    if (c < FEW && groups) {
        repeat(scale, c, scales);
        repeat(shift, c, shifts);
        affine_rows(x, scales, shifts, y, groups, PR_VL * c, act);
        x += groups * PR_VL * c, y += groups * PR_VL * c, rows -= groups * PR_VL;
    }
    affine_rows(x, scale, shift, y, rows, c, act);
}

PR_INLINE vf prelu_of(vf x, vf slope) { return vf_select(vf_lt(x, vf_zero()), vf_mul(slope, x), x); }

static void prelu_rows(const float *x, const float *slope, float *y, int64_t rows, int64_t c) {
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        int64_t i = 0;
        for (; i + PR_VL <= c; i += PR_VL) vf_store(y + i, prelu_of(vf_load(x + i), vf_load(slope + i)));
        const int left = (int)(c - i);
        if (left) vf_store_n(y + i, prelu_of(vf_load_n(x + i, left), vf_load_n(slope + i, left)), left);
    }
}

static void prelu(const float *x, const float *slope, float *y, int64_t rows, int64_t c) {
    const int64_t groups = rows / PR_VL;
    float slopes[FEW * PR_VL];
    if (c < FEW && groups) {
        repeat(slope, c, slopes);
        prelu_rows(x, slopes, y, groups, PR_VL * c);
        x += groups * PR_VL * c, y += groups * PR_VL * c, rows -= groups * PR_VL;
    }
    prelu_rows(x, slope, y, rows, c);
}

const pr_norm_kernels PR_LEVEL_NAME(pr_norm) = {affine, prelu};
