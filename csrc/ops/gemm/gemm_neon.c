/* For cores that reorder instructions: 64 multiply-adds cost 10 other instructions. */
#include <stdbool.h>

#include "ops/gemm/gemm_neon_body.h"

enum { mr = 4, nv = 4 };

/* The usual product, one segment of whole fours without extras: what is left around the loop is the start and the end.
 * low, high: whether there are such bounds. */
PR_INLINE void pr_plain_stack(const pr_gemm_args *g, const float *a, const float *panel, const float *bias, float *c,
                              int64_t tiles, const int low, const int high) {
    const ptrdiff_t lda = g->a_pixel, ldc = g->c_pixel, k = (ptrdiff_t)g->k;
    static const float none[16];
    bias = bias ? bias : none;
    for (a += g->segment[0] + k; tiles; tiles--, a += 4 * lda, c += 4 * ldc) {
        const float *b = panel, *end[4] = {a, a + lda, a + 2 * lda, a + 3 * lda};
        vf acc[4][4], av[4];
        pr_stack_start(bias, acc);
        ptrdiff_t p = -k;                                   /* counted to 0: no comparison */
        do {
            PR_UNROLL for (int i = 0; i < 4; i++) av[i] = vld1q_f32(end[i] + p);
            PR_LANE(0) PR_LANE(1) PR_LANE(2) PR_LANE(3)
        } while (p += 4);
        pr_stack_store(g, acc, c, low, high);
    }
}

static void pr_any_stack(const pr_gemm_args *g, const float *a, const float *panel, const float *bias, const float *residual,
                         float *c, int64_t tiles) {
    const ptrdiff_t lda = g->a_pixel, ldc = g->c_pixel;
    const int64_t rest = g->k % 4;
    for (; tiles; tiles--, a += 4 * lda, c += 4 * ldc) {
        vf acc[4][4], av[4];
        pr_stack_start(bias, acc);
        const float *b = panel;
        for (int64_t s = 0; s < g->segments; s++) {
            const float *row[4];
            PR_UNROLL for (int i = 0; i < 4; i++) row[i] = a + g->segment[s] + i * lda;
            for (int64_t p = 0; p + 4 <= g->k; p += 4) {
                PR_UNROLL for (int i = 0; i < 4; i++) av[i] = vld1q_f32(row[i] + p);
                PR_LANE(0) PR_LANE(1) PR_LANE(2) PR_LANE(3)
            }
            if (rest) PR_REST(row, rest, g->k)
        }
        pr_stack_end(g, acc, residual, c);
        if (residual) residual += 4 * ldc;
    }
}

void pr_gemm_stack__neon(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                         float *c, int64_t tiles) {
    bool plain = g->segments == 1 && g->k >= 4 && g->k % 4 == 0 && !residual && g->activation.slope == 1;
    if (!plain) pr_any_stack(g, a, b, bias, residual, c, tiles);
    else if (g->activation.hi < INFINITY) pr_plain_stack(g, a, b, bias, c, tiles, 1, 1);
    else if (g->activation.lo > -INFINITY) pr_plain_stack(g, a, b, bias, c, tiles, 1, 0);
    else pr_plain_stack(g, a, b, bias, c, tiles, 0, 0);
}

const pr_gemm_tiles pr_gemm_f32__neon = PR_NEON_TILES;
