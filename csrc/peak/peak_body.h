/* Included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/level.h"
#include "peak/peak.h"

/* Chains that do not wait for each other: as many as fill two units of four cycles with room to spare, in 16 registers. */
#define PR_CHAINS 12
#define PR_INNER 64

static void multiply(int64_t rounds, float *sink) {
    const vf factor = vf_set1(0.5f), more = vf_set1(1.0f);
    vf sum[PR_CHAINS];
    PR_UNROLL for (int i = 0; i < PR_CHAINS; i++) sum[i] = vf_set1((float)i);
    for (int64_t r = 0; r < rounds * PR_INNER; r++)
        PR_UNROLL for (int i = 0; i < PR_CHAINS; i++) sum[i] = vf_fma(sum[i], factor, more);
    PR_UNROLL for (int i = 1; i < PR_CHAINS; i++) sum[0] = vf_add(sum[0], sum[i]);
    *sink = vf_hsum(sum[0]);
}

static void read_all(const float *data, int64_t n, float *sink) {
    vf sum[8];
    PR_UNROLL for (int i = 0; i < 8; i++) sum[i] = vf_zero();
    for (int64_t at = 0; at + 8 * PR_VL <= n; at += 8 * PR_VL)
        PR_UNROLL for (int i = 0; i < 8; i++) sum[i] = vf_add(sum[i], vf_load(data + at + i * PR_VL));
    PR_UNROLL for (int i = 1; i < 8; i++) sum[0] = vf_add(sum[0], sum[i]);
    *sink = vf_hsum(sum[0]);
}

const pr_peak_kernels PR_LEVEL_NAME(pr_peak) = {2.0 * PR_VL * PR_CHAINS * PR_INNER, multiply, read_all};
