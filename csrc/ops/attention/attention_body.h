/* Rows of scores on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined.
 * Sums run in lanes and then across them, in an order that depends on n only. */
#include <math.h>

#include "ops/attention/attention.h"
#include "ops/level.h"
#include "ops/unary/vec_math.h"

PR_INLINE vf mask_at(const float *mask, ptrdiff_t step, int64_t i, int lanes) {
    return step ? vf_load_n(mask + i, lanes) : vf_set1(*mask);
}

PR_INLINE void masked_by(float *s, int64_t n, vf scale, const float *mask, ptrdiff_t step, const int kind, vf fill) {
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = n - i < PR_VL ? (int)(n - i) : PR_VL;
        vf x = vf_mul(lanes == PR_VL ? vf_load(s + i) : vf_load_n(s + i, lanes), scale);
        if (kind != PR_MASK_NONE) {
            const vf m = mask_at(mask, step, i, lanes);
            const vm zero = vf_eq(m, vf_zero());
            x = kind == PR_MASK_ADD ? vf_add(x, m) : kind == PR_MASK_KEEP ? vf_select(zero, fill, x) : vf_select(zero, x, fill);
        }
        if (lanes == PR_VL) vf_store(s + i, x);
        else vf_store_n(s + i, x, lanes);
    }
}

static void masked(float *s, int64_t n, float scale, const float *mask, ptrdiff_t step, int kind, float fill) {
    const vf by = vf_set1(scale), other = vf_set1(fill);
    if (kind == PR_MASK_NONE) masked_by(s, n, by, mask, step, PR_MASK_NONE, other);
    else if (kind == PR_MASK_ADD) masked_by(s, n, by, mask, step, PR_MASK_ADD, other);
    else if (kind == PR_MASK_KEEP) masked_by(s, n, by, mask, step, PR_MASK_KEEP, other);
    else masked_by(s, n, by, mask, step, PR_MASK_DROP, other);
}

/* The last lanes of a row that ends early. */
static const float lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
PR_INLINE vf tail_or(const float *x, int n, float missing) {
    return vf_select(vf_lt(vf_load(lane_numbers), vf_set1((float)n)), vf_load_n(x, n), vf_set1(missing));
}

/* Powers of 2: the product with log2 e is the scale's.  The largest is subtracted first, so large scores lose no digits. */
static float exps(float *s, int64_t n, float scale) {
    const vf by = vf_set1(scale * 0x1.715476p0f);
    vf top[4], sum[2] = {vf_zero(), vf_zero()};
    int64_t i = 0;
    PR_UNROLL for (int k = 0; k < 4; k++) top[k] = vf_set1(-INFINITY);
    for (; i + 4 * PR_VL <= n; i += 4 * PR_VL)
        PR_UNROLL for (int k = 0; k < 4; k++) top[k] = vf_max(top[k], vf_load(s + i + k * PR_VL));
    for (; i + PR_VL <= n; i += PR_VL) top[0] = vf_max(top[0], vf_load(s + i));
    if (i < n) top[1] = vf_max(top[1], tail_or(s + i, (int)(n - i), -INFINITY));
    const vf largest = vf_set1(vf_hmax(vf_max(vf_max(top[0], top[1]), vf_max(top[2], top[3]))));
    for (i = 0; i + 2 * PR_VL <= n; i += 2 * PR_VL)
        PR_UNROLL for (int k = 0; k < 2; k++) {
            const vf e = vf_exp2_falling(vf_mul(vf_sub(vf_load(s + i + k * PR_VL), largest), by));
            vf_store(s + i + k * PR_VL, e);
            sum[k] = vf_add(sum[k], e);
        }
    for (; i < n; i += PR_VL) {
        const int lanes = n - i < PR_VL ? (int)(n - i) : PR_VL;
        const vf e = vf_exp2_falling(vf_mul(vf_sub(tail_or(s + i, lanes, -INFINITY), largest), by));
        vf_store_n(s + i, e, lanes);
        sum[0] = vf_add(sum[0], e);
    }
    return vf_hsum(vf_add(sum[0], sum[1]));
}

static void scaled(float *y, int64_t n, float by) {
    const vf factor = vf_set1(by);
    int64_t i = 0;
    for (; i + PR_VL <= n; i += PR_VL) vf_store(y + i, vf_mul(vf_load(y + i), factor));
    if (i < n) vf_store_n(y + i, vf_mul(vf_load_n(y + i, (int)(n - i)), factor), (int)(n - i));
}

const pr_attention_kernels PR_LEVEL_NAME(pr_attention) = {masked, exps, scaled};
