/* The functions of unary.def on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined.
 * A tail is loaded and stored in part, so a number's result does not depend on its place. */
#include <math.h>

#include "ops/level.h"
#include "ops/unary/unary.h"
#include "ops/unary/vec_math.h"

#define ROW(name, formula) \
    static void unary_##name(const float *in, float *out, int64_t n, float a_, float b_) { \
        const vf a = vf_set1(a_), b = vf_set1(b_), zero = vf_zero(), one = vf_set1(1); \
        int64_t i = 0; \
        (void)a, (void)b, (void)zero, (void)one; \
        for (; i + PR_VL <= n; i += PR_VL) { \
            const vf x = vf_load(in + i); \
            vf_store(out + i, formula); \
        } \
        if (i < n) { \
            const vf x = vf_load_n(in + i, (int)(n - i)); \
            vf_store_n(out + i, formula, (int)(n - i)); \
        } \
    }

ROW(LINEAR, vf_fma(a, x, b))
ROW(LEAKY_RELU, vf_select(vf_lt(x, zero), vf_mul(a, x), x))
ROW(THRESHOLDED_RELU, vf_select(vf_le(a, x), x, zero))
ROW(CLIP, vf_select(vf_lt(x, a), a, vf_select(vf_lt(b, x), b, x)))
ROW(TANH, vf_tanh(x))
ROW(SCALED_TANH, vf_mul(a, vf_tanh(vf_mul(b, x))))
ROW(SIGMOID, vf_sigmoid(x))
ROW(SIGMOID_HARD, vf_min(one, vf_max(zero, vf_fma(a, x, b))))
ROW(ELU, vf_select(vf_lt(x, zero), vf_mul(a, vf_expm1_falling(x)), x))
ROW(SOFTSIGN, vf_div(x, vf_add(one, vf_abs(x))))
ROW(SOFTPLUS, vf_softplus(x))
ROW(SQRT, vf_sqrt(x))
ROW(RSQRT, vf_div(one, vf_sqrt(vf_add(x, a))))
ROW(INVERSE, vf_div(one, vf_add(x, a)))
ROW(EXP, vf_exp(x))
ROW(LOG, vf_log(x))
ROW(ABS, vf_abs(x))
ROW(THRESHOLD, vf_select(vf_lt(x, a), a, x))
ROW(SQUARE, vf_mul(x, x))
ROW(RECIPROCAL, vf_div(one, x))
ROW(CUBE, vf_mul(vf_mul(x, x), x))

/* Exponents that products, roots and quotients reach exactly enough; others take the reference's powf. */
static void unary_POWER(const float *in, float *out, int64_t n, float a, float b) {
    extern const pr_unary_kernels pr_unary__ref;
    if (a == 2) unary_SQUARE(in, out, n, a, b);
    else if (a == 3) unary_CUBE(in, out, n, a, b);
    else if (a == -1) unary_RECIPROCAL(in, out, n, a, b);
    else pr_unary__ref.by_kind[PR_UNARY_POWER](in, out, n, a, b);
}

const pr_unary_kernels PR_LEVEL_NAME(pr_unary) = {{
#define PR_UNARY(name, ...) [PR_UNARY_##name] = unary_##name,
#include "ops/unary/unary.def"
#undef PR_UNARY
}};
