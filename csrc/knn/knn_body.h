/* Distances and the filter of a batch, written against the vector vocabulary: included once per level after
 * base/vec_<level>.h. */
#include <string.h>

#include "knn/knn.h"
#include "ops/level.h"

#define TOGETHER 4                          /* samples at once: they share the loads of the query */
#define SUMS 2                              /* per sample: with those of the others they hide the latency of fma */
#define WIDTH (2 * PR_VL)                   /* queries of a panel */
#define DEPTH 256                           /* numbers of a panel that stay in the first-level cache */

/* What is read next, a group of samples later: a line of 64 bytes at least. */
PR_INLINE void fetch(const void *from, int64_t bytes) { __builtin_prefetch((const void *)((uintptr_t)from + (uintptr_t)bytes)); }

/* PR_VL numbers of a sample minus those of the query, the first n of them where it ends. */
PR_INLINE vf difference(const float *x, vf q, vf minus_scale) {
    (void)minus_scale;
    return vf_sub(vf_load(x), q);
}
PR_INLINE vf code_difference(const int8_t *x, vf q, vf minus_scale) { return vf_fma(minus_scale, vf_load_i8(x), q); }
PR_INLINE vf last_difference(const float *x, vf q, vf minus_scale, int n) {
    (void)minus_scale;
    return vf_sub(vf_load_n(x, n), q);
}
PR_INLINE vf last_code_difference(const int8_t *x, vf q, vf minus_scale, int n) {
    int8_t padded[PR_VL] = {0};
    memcpy(padded, x, (size_t)n);
    return vf_fma(minus_scale, vf_load_i8(padded), q);
}

/* The order of the additions depends on n only: a sample has one distance, wherever it is stored and whoever is beside it.
 * scales: one per row, not read for floats. */
#define DISTANCES_OF_ROWS(name, type, difference_of, last_of, scale_of) \
    PR_INLINE void name(const type *rows, const float *scales, int count, int64_t n, const float *query, float *distances) { \
        vf sum[TOGETHER][SUMS], minus[TOGETHER]; \
        int64_t i = 0; \
        PR_UNROLL for (int r = 0; r < count; r++) { \
            minus[r] = scale_of(scales, r); \
            PR_UNROLL for (int s = 0; s < SUMS; s++) sum[r][s] = vf_zero(); \
        } \
        for (; i + SUMS * PR_VL <= n; i += SUMS * PR_VL) \
            PR_UNROLL for (int s = 0; s < SUMS; s++) { \
                const vf q = vf_load(query + i + s * PR_VL); \
                PR_UNROLL for (int r = 0; !s && r < count; r++) \
                    fetch(rows + r * n + i, 2 * TOGETHER * n * (int64_t)sizeof *rows); \
                PR_UNROLL for (int r = 0; r < count; r++) { \
                    const vf d = difference_of(rows + r * n + i + s * PR_VL, q, minus[r]); \
                    sum[r][s] = vf_fma(d, d, sum[r][s]); \
                } \
            } \
        if (i + PR_VL <= n) { \
            const vf q = vf_load(query + i); \
            PR_UNROLL for (int r = 0; r < count; r++) { \
                const vf d = difference_of(rows + r * n + i, q, minus[r]); \
                sum[r][0] = vf_fma(d, d, sum[r][0]); \
            } \
            i += PR_VL; \
        } \
        if (i < n) { \
            const vf q = vf_load_n(query + i, (int)(n - i)); \
            PR_UNROLL for (int r = 0; r < count; r++) { \
                const vf d = last_of(rows + r * n + i, q, minus[r], (int)(n - i)); \
                sum[r][1] = vf_fma(d, d, sum[r][1]); \
            } \
        } \
        PR_UNROLL for (int r = 0; r < count; r++) distances[r] = vf_hsum(vf_add(sum[r][0], sum[r][1])); \
    }
#define NO_SCALE(scales, r) ((void)(scales), vf_zero())
#define MINUS_SCALE(scales, r) vf_set1(-(scales)[r])

DISTANCES_OF_ROWS(distances_of, float, difference, last_difference, NO_SCALE)
DISTANCES_OF_ROWS(code_distances_of, int8_t, code_difference, last_code_difference, MINUS_SCALE)

void PR_LEVEL_NAME(pr_knn_distances)(const float *samples, int64_t count, int64_t dimensions, const float *query,
                                     float *distances) {
    int64_t i = 0;
    for (; i + TOGETHER <= count; i += TOGETHER)
        distances_of(samples + i * dimensions, NULL, TOGETHER, dimensions, query, distances + i);
    for (; i < count; i++) distances_of(samples + i * dimensions, NULL, 1, dimensions, query, distances + i);
}

void PR_LEVEL_NAME(pr_knn_code_distances)(const int8_t *codes, const float *scales, int64_t count, int64_t dimensions,
                                          const float *query, float *distances) {
    int64_t i = 0;
    for (; i + TOGETHER <= count; i += TOGETHER)
        code_distances_of(codes + i * dimensions, scales + i, TOGETHER, dimensions, query, distances + i);
    for (; i < count; i++) code_distances_of(codes + i * dimensions, scales + i, 1, dimensions, query, distances + i);
}

void PR_LEVEL_NAME(pr_knn_expand)(const int8_t *codes, const float *scales, int64_t count, int64_t dimensions, float *rows) {
    for (int64_t i = 0; i < count; i++, codes += dimensions, rows += dimensions) {
        const vf scale = vf_set1(scales[i]);
        int64_t j = 0;
        for (; j + PR_VL <= dimensions; j += PR_VL) vf_store(rows + j, vf_mul(scale, vf_load_i8(codes + j)));
        for (; j < dimensions; j++) rows[j] = scales[i] * (float)codes[j];
    }
}

/* above(count, WIDTH) = its old values, or 0 when `begin` is 0, + products of the numbers begin..end-1 of each row. */
PR_INLINE void multiply(const float *rows, int count, int64_t n, int64_t begin, int64_t end, const float *panel, float *above) {
    vf sum[PR_KNN_TILE][2];
    PR_UNROLL for (int r = 0; r < count; r++)
        PR_UNROLL for (int half = 0; half < 2; half++)
            sum[r][half] = begin ? vf_load(above + r * WIDTH + half * PR_VL) : vf_zero();
    for (int64_t j = begin; j < end; j++) {
        const vf q0 = vf_load(panel + j * WIDTH), q1 = vf_load(panel + j * WIDTH + PR_VL);
        PR_UNROLL for (int r = 0; r < count; r++) {
            const vf x = vf_set1(rows[r * n + j]);
            sum[r][0] = vf_fma(x, q0, sum[r][0]);
            sum[r][1] = vf_fma(x, q1, sum[r][1]);
        }
    }
    PR_UNROLL for (int r = 0; r < count; r++)
        PR_UNROLL for (int half = 0; half < 2; half++) vf_store(above + r * WIDTH + half * PR_VL, sum[r][half]);
}

/* Turns products into what the filter compares; whether any of the rows is not above 0, NaN included. */
PR_INLINE int compare(int count, const float *norms, const float *bounds, float *above) {
    const vf minus_two = vf_set1(-2);
    vf hit = vf_zero();
    PR_UNROLL for (int r = 0; r < count; r++)
        PR_UNROLL for (int half = 0; half < 2; half++) {
            float *at = above + r * WIDTH + half * PR_VL;
            const vf over = vf_sub(vf_fma(minus_two, vf_load(at), vf_set1(norms[r])), vf_load(bounds + half * PR_VL));
            vf_store(at, over);
            hit = vf_add(hit, vf_select(vf_lt(vf_zero(), over), vf_zero(), vf_set1(1)));
        }
    return vf_hmax(hit) > 0;
}

int64_t PR_LEVEL_NAME(pr_knn_filter)(const float *rows, int64_t count, int64_t dimensions, const float *panel,
                                     const float *norms, const float *bounds, float *above, int32_t *found) {
    const int64_t whole = count / PR_KNN_TILE * PR_KNN_TILE;
    for (int64_t begin = 0; begin < dimensions; begin += DEPTH) {
        const int64_t end = begin + DEPTH < dimensions ? begin + DEPTH : dimensions;
        int64_t i = 0;
        for (; i < whole; i += PR_KNN_TILE)
            multiply(rows + i * dimensions, PR_KNN_TILE, dimensions, begin, end, panel, above + i * WIDTH);
        for (; i < count; i++) multiply(rows + i * dimensions, 1, dimensions, begin, end, panel, above + i * WIDTH);
    }
    int64_t hits = 0, i = 0;
    for (; i < whole; i += PR_KNN_TILE)
        if (compare(PR_KNN_TILE, norms + i, bounds, above + i * WIDTH))
            for (int r = 0; r < PR_KNN_TILE; r++) found[hits++] = (int32_t)(i + r);
    for (; i < count; i++)
        if (compare(1, norms + i, bounds, above + i * WIDTH)) found[hits++] = (int32_t)i;
    return hits;
}

const int PR_LEVEL_NAME(pr_knn_width) = WIDTH;
