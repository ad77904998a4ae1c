/* Per-channel functions and normalisation on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include <math.h>

#include "ops/activation_vec.h"
#include "ops/level.h"
#include "ops/norm/norm.h"
#include "ops/unary/vec_math.h"

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

static const float lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
PR_INLINE vf load_or(const float *x, int n, vf missing) {
    return vf_select(vf_lt(vf_load(lane_numbers), vf_set1((float)n)), vf_load_n(x, n), missing);
}

/* Sums of x - shift and of its square: in float over CHUNK numbers of a lane, then in double. */
enum { CHUNK = 64, LANES = 4 * PR_VL };
typedef struct sums { double d, dd; } sums;
PR_INLINE sums sums_about(const float *x, int64_t c, float shift) {
    const vf from = vf_set1(shift);
    sums total = {0, 0};
    for (int64_t i = 0; i < c;) {
        const int64_t stop = c - i < CHUNK * LANES ? c : i + CHUNK * LANES;
        vf d[4], dd[4];
        PR_UNROLL for (int k = 0; k < 4; k++) d[k] = dd[k] = vf_zero();
        for (; i + LANES <= stop; i += LANES)
            PR_UNROLL for (int k = 0; k < 4; k++) {
                const vf v = vf_sub(vf_load(x + i + k * PR_VL), from);
                d[k] = vf_add(d[k], v), dd[k] = vf_fma(v, v, dd[k]);
            }
        for (; i < stop; i += PR_VL) {
            const vf v = vf_sub(i + PR_VL <= stop ? vf_load(x + i) : load_or(x + i, (int)(stop - i), from), from);
            d[0] = vf_add(d[0], v), dd[0] = vf_fma(v, v, dd[0]);
        }
        total.d += (double)vf_hsum(vf_add(vf_add(d[0], d[1]), vf_add(d[2], d[3])));
        total.dd += (double)vf_hsum(vf_add(vf_add(dd[0], dd[1]), vf_add(dd[2], dd[3])));
    }
    return total;
}

/* About the mean as a float, and then what that missed of the mean: both differences are small numbers. */
static void layer_norm(const float *x, const float *gamma, const float *beta, float *y, int64_t rows, int64_t c, float epsilon) {
    const double share = 1 / (double)c;
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        const float mean = (float)(sums_about(x, c, 0).d * share);
        const sums about = sums_about(x, c, mean);
        const double missed = about.d * share, variance = fmax(about.dd * share - missed * missed, 0);
        const double scale = 1 / sqrt((isnan(about.dd) ? about.dd : variance) + (double)epsilon);
        const vf from = vf_set1(mean), by = vf_set1((float)scale), rest = vf_set1((float)(-missed * scale));
        int64_t i = 0;
        for (; i + PR_VL <= c; i += PR_VL)
            vf_store(y + i, vf_fma(vf_fma(vf_sub(vf_load(x + i), from), by, rest), vf_load(gamma + i), vf_load(beta + i)));
        const int left = (int)(c - i);
        if (left)
            vf_store_n(y + i, vf_fma(vf_fma(vf_sub(vf_load_n(x + i, left), from), by, rest), vf_load_n(gamma + i, left),
                                     vf_load_n(beta + i, left)), left);
    }
}

/* z^-beta for z > 0; the exponents of well-known networks by roots */
PR_INLINE vf power_of(vf z, float beta) {
    if (beta == 0.75f) return vf_div(vf_set1(1), vf_mul(vf_sqrt(z), vf_sqrt(vf_sqrt(z))));
    if (beta == 0.5f) return vf_div(vf_set1(1), vf_sqrt(z));
    return vf_exp(vf_mul(vf_set1(-beta), vf_log(z)));
}

static void lrn(const float *x, float *y, float *squares, int64_t rows, int64_t c, const pr_lrn_attrs *attrs) {
    extern const pr_norm_kernels pr_norm__ref;
    if (!(attrs->k > 0 && attrs->scale >= 0)) {              /* powers of numbers below 0 */
        pr_norm__ref.lrn(x, y, squares, rows, c, attrs);
        return;
    }
    const int64_t window = (int64_t)attrs->before + 1 + attrs->after;
    const vf k = vf_set1(attrs->k), scale = vf_set1(attrs->scale);
    for (int64_t i = 0; i < window - 1 + c; i++) squares[i] = 0;
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        for (int64_t i = 0; i < c; i += PR_VL) {
            const int lanes = c - i < PR_VL ? (int)(c - i) : PR_VL;
            const vf v = vf_load_n(x + i, lanes);
            vf_store_n(squares + attrs->before + i, vf_mul(v, v), lanes);
        }
        for (int64_t i = 0; i < c; i += PR_VL) {
            const int lanes = c - i < PR_VL ? (int)(c - i) : PR_VL;
            vf sum = vf_zero();
            for (int64_t j = 0; j < window; j++) sum = vf_add(sum, vf_load_n(squares + i + j, lanes));
            vf_store_n(y + i, vf_mul(vf_load_n(x + i, lanes), power_of(vf_fma(scale, sum, k), attrs->beta)), lanes);
        }
    }
}

const pr_norm_kernels PR_LEVEL_NAME(pr_norm) = {affine, prelu, layer_norm, lrn};
