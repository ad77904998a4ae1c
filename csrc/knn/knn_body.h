/* Distances, written against the vector vocabulary: included once per level after base/vec_<level>.h. */
#include "knn/knn.h"
#include "ops/level.h"

#define SUMS 4                              /* hide the latency of fma */

PR_INLINE vf add_square(vf sum, vf x, vf q) {
    vf difference = vf_sub(x, q);
    return vf_fma(difference, difference, sum);
}

/* The order of the additions depends on n only: a sample has one distance, wherever it is stored. */
PR_INLINE float distance(const float *x, const float *q, int64_t n) {
    vf sum[SUMS];
    int64_t i = 0;
    PR_UNROLL for (int k = 0; k < SUMS; k++) sum[k] = vf_zero();
    for (; i + SUMS * PR_VL <= n; i += SUMS * PR_VL)
        PR_UNROLL for (int k = 0; k < SUMS; k++)
            sum[k] = add_square(sum[k], vf_load(x + i + k * PR_VL), vf_load(q + i + k * PR_VL));
    for (; i + PR_VL <= n; i += PR_VL) sum[0] = add_square(sum[0], vf_load(x + i), vf_load(q + i));
    if (i < n) sum[1] = add_square(sum[1], vf_load_n(x + i, (int)(n - i)), vf_load_n(q + i, (int)(n - i)));
    return vf_hsum(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

void PR_LEVEL_NAME(pr_knn_distances)(const float *samples, int64_t count, int64_t dimensions, const float *query,
                                     float *distances) {
    for (int64_t i = 0; i < count; i++) distances[i] = distance(samples + i * dimensions, query, dimensions);
}
