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
ROW(CEIL, vf_neg(vf_floor(vf_neg(x))))
ROW(FLOOR, vf_floor(x))
ROW(ROUND, vf_round(x))
ROW(SIGN, vf_select(vf_lt(zero, x), one, vf_select(vf_lt(x, zero), vf_neg(one), x)))
ROW(EXP2, vf_exp2(x))
ROW(ERF, vf_erf(x))
ROW(GELU, vf_gelu(x))
ROW(GELU_TANH, vf_gelu_tanh(x))
ROW(GELU_SIGMOID, vf_mul(x, vf_sigmoid(vf_mul(x, vf_set1(1.702f)))))
PR_INLINE vf leak_below(vf x, vf a, vf b) {
    const vf y = vf_select(vf_lt(x, vf_zero()), vf_mul(a, x), x);
    return vf_select(vf_lt(b, y), b, y);
}
ROW(CLAMPED_RELU, leak_below(x, a, b))
ROW(NOT, vf_select(vf_eq(x, zero), one, zero))
ROW(EQ, vf_select(vf_eq(x, a), one, zero))
ROW(NE, vf_select(vf_eq(x, a), zero, one))
ROW(LT, vf_select(vf_lt(x, a), one, zero))
ROW(LE, vf_select(vf_le(x, a), one, zero))
ROW(GT, vf_select(vf_lt(a, x), one, zero))
ROW(GE, vf_select(vf_le(a, x), one, zero))

ROW(SQUARE, vf_mul(x, x))
ROW(RECIPROCAL, vf_div(one, x))
ROW(CUBE, vf_mul(vf_mul(x, x), x))
/* Adding 0 makes -0 to 0; the root of -infinity is NaN, its power is not. */
ROW(ROOT, vf_select(vf_eq(x, vf_set1(-INFINITY)), vf_set1(INFINITY), vf_sqrt(vf_add(x, zero))))
ROW(INVERSE_ROOT, vf_select(vf_eq(x, vf_set1(-INFINITY)), zero, vf_div(one, vf_sqrt(vf_add(x, zero)))))

extern const pr_unary_kernels pr_unary__ref;

/* Exponents that products, roots and quotients reach exactly enough; others take the reference's powf. */
static void unary_POWER(const float *in, float *out, int64_t n, float a, float b) {
    if (a == 2) unary_SQUARE(in, out, n, a, b);
    else if (a == 0.5f) unary_ROOT(in, out, n, a, b);
    else if (a == -0.5f) unary_INVERSE_ROOT(in, out, n, a, b);
    else if (a == 3) unary_CUBE(in, out, n, a, b);
    else if (a == -1) unary_RECIPROCAL(in, out, n, a, b);
    else pr_unary__ref.by_kind[PR_UNARY_POWER](in, out, n, a, b);
}

/* Numbers too large for a short reduction are done over one by one, so that neighbours do not change a result. */
#define TURN(name, formula, plain) \
    ROW(name##_NEAR, formula) \
    static void unary_##name(const float *in, float *out, int64_t n, float a, float b) { \
        float x[64]; \
        for (int64_t i = 0; i < n; i += 64) { \
            const int64_t count = n - i < 64 ? n - i : 64; \
            float largest = 0; \
            for (int64_t j = 0; j < count; j++) { \
                x[j] = in[i + j]; \
                largest = fabsf(x[j]) > largest ? fabsf(x[j]) : largest; \
            } \
            unary_##name##_NEAR(x, out + i, count, a, b); \
            if (largest > PR_NEAR_TURNS) \
                for (int64_t j = 0; j < count; j++) \
                    if (fabsf(x[j]) > PR_NEAR_TURNS) out[i + j] = plain(x[j]); \
        } \
    }
TURN(SIN, vf_sin(x), sinf)
TURN(COS, vf_cos(x), cosf)
TURN(TAN, vf_tan(x), tanf)

/* Rare ones: the C library. */
#define PLAIN(name) \
    static void unary_##name(const float *in, float *out, int64_t n, float a, float b) { \
        pr_unary__ref.by_kind[PR_UNARY_##name](in, out, n, a, b); \
    }
PLAIN(ASIN)
PLAIN(ACOS)
PLAIN(ATAN)
PLAIN(SINH)
PLAIN(COSH)
PLAIN(ASINH)
PLAIN(ACOSH)
PLAIN(ATANH)

const pr_unary_kernels PR_LEVEL_NAME(pr_unary) = {{
#define PR_UNARY(name, ...) [PR_UNARY_##name] = unary_##name,
#include "ops/unary/unary.def"
#undef PR_UNARY
}};
