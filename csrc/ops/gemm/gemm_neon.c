/* For cores that reorder instructions: 64 multiply-adds cost 10 other instructions. */
#include "ops/gemm/gemm_neon_body.h"

enum { mr = 4, nv = 4 };

void pr_gemm_stack__neon(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                       float *c, int64_t tiles) {
    const ptrdiff_t lda = g->a_pixel, ldc = g->c_pixel, fours = (ptrdiff_t)(g->k / 4 * 4);
    const int64_t rest = g->k % 4;
    const float *const panel = b;
    for (; tiles; tiles--, a += 4 * lda, c += 4 * ldc) {
        vf acc[4][4], av[4];
        pr_stack_start(bias, acc);
        b = panel;
        for (int64_t s = 0; s < g->segments; s++) {
            const float *row[4];
            PR_UNROLL for (int i = 0; i < 4; i++) row[i] = a + g->segment[s] + i * lda;
            const float *end[4] = {row[0] + fours, row[1] + fours, row[2] + fours, row[3] + fours};
            for (ptrdiff_t p = -fours; p; p += 4) {         /* counted to 0: no comparison */
                PR_UNROLL for (int i = 0; i < 4; i++) av[i] = vld1q_f32(end[i] + p);
                PR_LANE(0) PR_LANE(1) PR_LANE(2) PR_LANE(3)
            }
            if (rest) PR_REST(row, rest, g->k)
        }
        pr_stack_end(g, acc, residual, c);
        if (residual) residual += 4 * ldc;
    }
}

const pr_gemm_tiles pr_gemm_f32__neon = PR_NEON_TILES;
