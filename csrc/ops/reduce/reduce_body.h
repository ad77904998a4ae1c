/* Folding on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined.
 * Sums run in float over CHUNK numbers of a lane and then in double, in an order that depends on the shape only. */
#include <math.h>

#include "ops/level.h"
#include "ops/reduce/reduce.h"
#include "ops/unary/vec_math.h"

enum { CHUNK = 64, LANES = 4 * PR_VL };

PR_INLINE vf same(vf x) { return x; }
PR_INLINE vf square(vf x) { return vf_mul(x, x); }

/* Four accumulators hide the latency of the addition. */
#define SUM_ROW(name, term, end) \
    static void row_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        double s = 0; \
        (void)stride, (void)width, (void)a; \
        for (int64_t i = 0; i < n;) { \
            const int64_t stop = n - i < CHUNK * LANES ? n : i + CHUNK * LANES; \
            vf sum[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()}; \
            for (; i + LANES <= stop; i += LANES) \
                PR_UNROLL for (int k = 0; k < 4; k++) sum[k] = vf_add(sum[k], term(vf_load(x + i + k * PR_VL))); \
            for (; i + PR_VL <= stop; i += PR_VL) sum[0] = vf_add(sum[0], term(vf_load(x + i))); \
            if (i < stop) sum[1] = vf_add(sum[1], term(vf_load_n(x + i, (int)(stop - i)))); \
            i = stop; \
            s += (double)vf_hsum(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3]))); \
        } \
        *y = (float)(end); \
    }
/* Columns j .. of `vectors` vectors (the last one of n lanes), rows from .. to-1; every `phases`-th row has its own sums. */
#define SUM_PART(name, term, vectors, phases) \
    PR_INLINE void part_##name##_##vectors(const float *x, int64_t stride, int64_t from, int64_t to, float *part, int n) { \
        vf sum[phases][vectors]; \
        PR_UNROLL for (int h = 0; h < phases; h++) PR_UNROLL for (int k = 0; k < vectors; k++) sum[h][k] = vf_zero(); \
        for (; from < to; from += phases) \
            PR_UNROLL for (int h = 0; h < phases; h++) { \
                const float *row = x + (from + h) * stride; \
                if (from + h < to) PR_UNROLL for (int k = 0; k < vectors; k++) \
                    sum[h][k] = vf_add(sum[h][k], term(n == PR_VL ? vf_load(row + k * PR_VL) : vf_load_n(row + k * PR_VL, n))); \
            } \
        PR_UNROLL for (int k = 0; k < vectors; k++) { \
            PR_UNROLL for (int h = 1; h < phases; h++) sum[0][k] = vf_add(sum[0][k], sum[h][k]); \
            vf_store(part + k * PR_VL, sum[0][k]); \
        } \
    }
#define SUM_COLUMNS(name, term, end) \
    SUM_PART(name, term, 4, 2) \
    SUM_PART(name, term, 1, 4) \
    static void columns_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        double total[PR_REDUCE_WIDTH] = {0}; \
        float part[PR_REDUCE_WIDTH]; \
        (void)a; \
        for (int64_t i = 0, stop; i < n; i = stop) { \
            int64_t j = 0; \
            stop = n - i < CHUNK ? n : i + CHUNK; \
            for (; j + LANES <= width; j += LANES) part_##name##_4(x + j, stride, i, stop, part + j, PR_VL); \
            for (; j + PR_VL <= width; j += PR_VL) part_##name##_1(x + j, stride, i, stop, part + j, PR_VL); \
            if (j < width) part_##name##_1(x + j, stride, i, stop, part + j, (int)(width - j)); \
            for (j = 0; j < width; j++) total[j] += (double)part[j]; \
        } \
        for (int64_t j = 0; j < width; j++) { \
            const double s = total[j]; \
            y[j] = (float)(end); \
        } \
    }
#define SUM(name, term, end) SUM_ROW(name, term, end) SUM_COLUMNS(name, term, end)
SUM(SUM, same, s)
SUM(MEAN, same, s / (double)n)
SUM(SUM_SQUARE, square, s)
SUM(L1, vf_abs, s)
SUM(L2, square, sqrt(s))

/* better(s, x): x takes over.  Missing lanes hold the start value. */
PR_INLINE vm greater(vf s, vf x) { return vf_lt(s, x); }
PR_INLINE vm smaller(vf s, vf x) { return vf_lt(x, s); }
static const float lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
PR_INLINE vf load_or(const float *x, int n, float missing) {
    return vf_select(vf_lt(vf_load(lane_numbers), vf_set1((float)n)), vf_load_n(x, n), vf_set1(missing));
}
PR_INLINE float highest(vf x) { return vf_hmax(x); }
PR_INLINE float lowest(vf x) { return -vf_hmax(vf_neg(x)); }
/* A NaN that was seen stays, lane by lane, beside the best of the others. */
PR_INLINE vf keep_nan(vf seen, vf x) { return vf_select(vf_eq(x, x), seen, x); }
PR_INLINE vf nan_lanes(vf x) { return vf_select(vf_eq(x, x), vf_zero(), vf_set1(1)); }

/* Counts of positions in floats are exact below this. */
#define EXACT ((int64_t)1 << 24)

#define EXTREME(name, start, better, across) \
    PR_INLINE vf best_##name(vf s, vf x) { return vf_select(better(s, x), x, s); } \
    static void row_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        vf s[4], seen[4]; \
        int64_t i = 0; \
        (void)stride, (void)width, (void)a; \
        PR_UNROLL for (int k = 0; k < 4; k++) s[k] = vf_set1(start), seen[k] = vf_zero(); \
        for (; i + LANES <= n; i += LANES) \
            PR_UNROLL for (int k = 0; k < 4; k++) { \
                const vf v = vf_load(x + i + k * PR_VL); \
                s[k] = best_##name(s[k], v), seen[k] = keep_nan(seen[k], v); \
            } \
        for (; i < n; i += PR_VL) { \
            const vf v = i + PR_VL <= n ? vf_load(x + i) : load_or(x + i, (int)(n - i), start); \
            s[0] = best_##name(s[0], v), seen[0] = keep_nan(seen[0], v); \
        } \
        const vf any = vf_add(vf_add(seen[0], seen[1]), vf_add(seen[2], seen[3])); \
        *y = across(best_##name(best_##name(s[0], s[1]), best_##name(s[2], s[3]))) + vf_hsum(any); \
    } \
    static void columns_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        (void)a; \
        for (int64_t j = 0; j < width; j += PR_VL) { \
            const int lanes = width - j < PR_VL ? (int)(width - j) : PR_VL; \
            vf s = vf_set1(start), seen = vf_zero(); \
            for (int64_t i = 0; i < n; i++) { \
                const vf v = lanes == PR_VL ? vf_load(x + i * stride + j) : vf_load_n(x + i * stride + j, lanes); \
                s = best_##name(s, v), seen = keep_nan(seen, v); \
            } \
            vf_store_n(y + j, vf_add(s, seen), lanes); \
        } \
    }
EXTREME(MAX, -INFINITY, greater, highest)
EXTREME(MIN, INFINITY, smaller, lowest)

/* What is at place `at` takes over: it is better, or the first NaN of its lane. */
typedef struct found { vf s, at; } found;
#define POSITION(name, start, better, across) \
    PR_INLINE found find_##name(found f, vf v, vf at) { \
        const vm m = better(f.s, v); \
        const vf s = vf_select(m, v, f.s), place = vf_select(m, at, f.at); \
        const vf later = vf_select(vf_eq(v, v), vf_zero(), vf_select(vf_eq(f.s, f.s), vf_set1(1), vf_zero())); \
        const vm first = vf_lt(vf_zero(), later); \
        return (found){vf_select(first, v, s), vf_select(first, at, place)}; \
    } \
    static void row_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        extern const pr_reduce_kernels pr_reduce__ref; \
        found f = {vf_set1(start), vf_zero()}; \
        vf at = vf_load(lane_numbers); \
        int64_t i = 0; \
        if (n > EXACT) { \
            pr_reduce__ref.row[PR_REDUCE_##name](x, y, n, stride, width, a); \
            return; \
        } \
        for (; i < n; i += PR_VL, at = vf_add(at, vf_set1(PR_VL))) \
            f = find_##name(f, i + PR_VL <= n ? vf_load(x + i) : load_or(x + i, (int)(n - i), start), at); \
        const vf bad = nan_lanes(f.s); \
        const vm chosen = vf_hsum(bad) > 0 ? vf_lt(vf_zero(), bad) : vf_eq(f.s, vf_set1(across(f.s))); \
        *y = lowest(vf_select(chosen, f.at, vf_set1(INFINITY))); \
    } \
    static void columns_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        extern const pr_reduce_kernels pr_reduce__ref; \
        if (n > EXACT) { \
            pr_reduce__ref.columns[PR_REDUCE_##name](x, y, n, stride, width, a); \
            return; \
        } \
        for (int64_t j = 0; j < width; j += PR_VL) { \
            const int lanes = width - j < PR_VL ? (int)(width - j) : PR_VL; \
            found f = {vf_set1(start), vf_zero()}; \
            for (int64_t i = 0; i < n; i++) f = find_##name(f, vf_load_n(x + i * stride + j, lanes), vf_set1((float)i)); \
            vf_store_n(y + j, f.at, lanes); \
        } \
    }
POSITION(ARG_MAX, -INFINITY, greater, highest)
POSITION(ARG_MIN, INFINITY, smaller, lowest)

static void row_LOG_SUM_EXP(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) {
    float top;
    double s = 0;
    row_MAX(x, &top, n, stride, width, a);
    *y = top;
    if (!(fabsf(top) < INFINITY)) return;   /* infinity and NaN are their own answer; nothing gives -infinity */
    for (int64_t i = 0; i < n;) {
        const int64_t stop = n - i < CHUNK * PR_VL ? n : i + CHUNK * PR_VL;
        vf sum = vf_zero();
        for (; i < stop; i += PR_VL) {
            const vf v = i + PR_VL <= n ? vf_load(x + i) : load_or(x + i, (int)(n - i), -INFINITY);
            sum = vf_add(sum, vf_exp_falling(vf_sub(v, vf_set1(top))));
        }
        s += (double)vf_hsum(sum);
    }
    *y = (float)((double)top + log(s));
}

/* Rare ones: the reference. */
#define PLAIN(name) \
    static void row_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        extern const pr_reduce_kernels pr_reduce__ref; \
        pr_reduce__ref.columns[PR_REDUCE_##name](x, y, n, stride, width, a); \
    } \
    static void columns_##name(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) { \
        row_##name(x, y, n, stride, width, a); \
    }
PLAIN(PROD)
PLAIN(LOG_SUM)

static void columns_LOG_SUM_EXP(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a) {
    extern const pr_reduce_kernels pr_reduce__ref;
    pr_reduce__ref.columns[PR_REDUCE_LOG_SUM_EXP](x, y, n, stride, width, a);
}

#define PR_REDUCE_ARG PR_REDUCE
#define PR_REDUCE_TWICE PR_REDUCE
const pr_reduce_kernels PR_LEVEL_NAME(pr_reduce) = {{
#define PR_REDUCE(name, ...) [PR_REDUCE_##name] = row_##name,
#include "ops/reduce/reduce.def"
#undef PR_REDUCE
}, {
#define PR_REDUCE(name, ...) [PR_REDUCE_##name] = columns_##name,
#include "ops/reduce/reduce.def"
#undef PR_REDUCE
}};
#undef PR_REDUCE_ARG
#undef PR_REDUCE_TWICE
