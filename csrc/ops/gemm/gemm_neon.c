/* For cores that reorder instructions.  The usual product is in assembly (gemm_neon_loop.h), everything else in C. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include <stdbool.h>

#include "ops/gemm/gemm_neon_body.h"
#include "ops/gemm/gemm_neon_loop.h"

enum { mr = 4, nv = 4 };

/* The usual product, one segment of fours (two at least) without extras: what is left around the loop is the start and the
 * end.  bound: PR_FREE, PR_LOW, PR_LOW_AND_HIGH. */
#define PR_PLAIN_STACK(name, bound) \
    static void pr_plain_##name(const pr_gemm_args *g, const float *a, const float *panel, const float *bias, float *c, \
                                int64_t tiles) { \
        static const float none[16]; \
        const ptrdiff_t lda = g->a_pixel, ldc = g->c_pixel * (ptrdiff_t)sizeof(float); \
        const int64_t fours = g->k / 4; \
        register vf low __asm__("v12") = vf_set1(g->activation.lo), high __asm__("v13") = vf_set1(g->activation.hi); \
        bias = bias ? bias : none; \
        for (a += g->segment[0]; tiles; tiles--, a += 4 * lda) { \
            const float *b = panel, *r0 = a, *r1 = a + lda, *r2 = a + 2 * lda, *r3 = a + 3 * lda; \
            int64_t left = fours - 1; \
            __asm__ volatile(PR_NEON_TILE(bound) \
                             : [b] "+r"(b), [c] "+r"(c), [r0] "+r"(r0), [r1] "+r"(r1), [r2] "+r"(r2), [r3] "+r"(r3), \
                               [left] "+r"(left) \
                             : [bias] "r"(bias), [ldc] "r"(ldc), "w"(low), "w"(high) \
                             : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16", "v17", "v18", \
                               "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", \
                               "cc", "memory"); \
        } \
    }
PR_PLAIN_STACK(free, PR_FREE)
PR_PLAIN_STACK(low, PR_LOW)
PR_PLAIN_STACK(low_and_high, PR_LOW_AND_HIGH)

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
    bool plain = g->segments == 1 && g->k >= 8 && g->k % 4 == 0 && !residual && g->activation.slope == 1;
    if (!plain) pr_any_stack(g, a, b, bias, residual, c, tiles);
    else if (g->activation.hi < INFINITY) pr_plain_low_and_high(g, a, b, bias, c, tiles);
    else if (g->activation.lo > -INFINITY) pr_plain_low(g, a, b, bias, c, tiles);
    else pr_plain_free(g, a, b, bias, c, tiles);
}

const pr_gemm_tiles pr_gemm_f32__neon = PR_NEON_TILES;
