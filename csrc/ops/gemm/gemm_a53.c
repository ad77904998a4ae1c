/* For the Cortex-A53, which issues in order: the same tile, its loads where the core has room for them.  It takes more
 * instructions than gemm_neon.c and fewer cycles, on this core only. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "ops/gemm/gemm_a53_loop.h"
#include "ops/gemm/gemm_neon_body.h"

enum { mr = 4, nv = 4 };

/* The sums of k depths, a multiple of 8 above 0, and a bias.  They are pinned to the registers that the text of
 * gemm_a53_loop.h names; as gcc counts, there is no operand left. */
PR_INLINE const float *pr_eights(vf acc[4][4], const float *a, ptrdiff_t lda, const float *b, const float *bias, int64_t k) {
    const float *r0 = a, *r1 = a + lda, *r2 = a + 2 * lda, *r3 = a + 3 * lda;
    int64_t left = k / 8 - 1;
#define PR_SUM(i, j, v) register vf s##i##j __asm__(#v);
    PR_SUM(0, 0, v16) PR_SUM(1, 0, v17) PR_SUM(2, 0, v18) PR_SUM(3, 0, v19)
    PR_SUM(0, 1, v20) PR_SUM(1, 1, v21) PR_SUM(2, 1, v22) PR_SUM(3, 1, v23)
    PR_SUM(0, 2, v24) PR_SUM(1, 2, v25) PR_SUM(2, 2, v26) PR_SUM(3, 2, v27)
    PR_SUM(0, 3, v28) PR_SUM(1, 3, v29) PR_SUM(2, 3, v30) PR_SUM(3, 3, v31)
#undef PR_SUM
    __asm__ volatile(
        "ldp q16, q20, [%[bias]]; ldp q24, q28, [%[bias], #32]\n"
        "ldr q0, [%[r0]]; mov v17.16b, v16.16b; mov v18.16b, v16.16b; mov v19.16b, v16.16b\n"
        "ldr q1, [%[r1]]; mov v21.16b, v20.16b; mov v22.16b, v20.16b; mov v23.16b, v20.16b\n"
        "ldr q2, [%[r2]]; mov v25.16b, v24.16b; mov v26.16b, v24.16b; mov v27.16b, v24.16b\n"
        "ldr q3, [%[r3]]; mov v29.16b, v28.16b; mov v30.16b, v28.16b; mov v31.16b, v28.16b\n"
        "ldp q8, q9, [%[b]]; ldp q10, q11, [%[b], #32]\n"
        "cbz %[left], 2f\n"
        "1:\n"
        PR_A53_DEPTHS
        "add %[b], %[b], #512; add %[r0], %[r0], #32; add %[r1], %[r1], #32; add %[r2], %[r2], #32; add %[r3], %[r3], #32\n"
        "subs %[left], %[left], #1\n"
        "b.ne 1b\n"
        "2:\n"
        PR_A53_LAST
        "add %[b], %[b], #512\n"
        : "=w"(s00), "=w"(s10), "=w"(s20), "=w"(s30), "=w"(s01), "=w"(s11), "=w"(s21), "=w"(s31), "=w"(s02), "=w"(s12),
          "=w"(s22), "=w"(s32), "=w"(s03), "=w"(s13), "=w"(s23), "=w"(s33), [b] "+r"(b), [r0] "+r"(r0), [r1] "+r"(r1),
          [r2] "+r"(r2), [r3] "+r"(r3), [left] "+r"(left)
        : [bias] "r"(bias)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "x16", "x17",
          "cc", "memory");
    acc[0][0] = s00, acc[1][0] = s10, acc[2][0] = s20, acc[3][0] = s30, acc[0][1] = s01, acc[1][1] = s11, acc[2][1] = s21;
    acc[3][1] = s31, acc[0][2] = s02, acc[1][2] = s12, acc[2][2] = s22, acc[3][2] = s32, acc[0][3] = s03, acc[1][3] = s13;
    acc[2][3] = s23, acc[3][3] = s33;
    return b;
}

/* One segment of at least eight depths; a product of several takes the plain tile. */
void pr_gemm_stack__a53(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                        float *c, int64_t tiles) {
    static const float none[16];
    const ptrdiff_t lda = g->a_pixel, ldc = g->c_pixel, eights = (ptrdiff_t)(g->k / 8 * 8);
    const int64_t rest = g->k % 4;
    const float *const panel = b;
    if (g->segments != 1 || !eights) {
        pr_gemm_stack__neon(g, a, b, bias, residual, c, tiles);
        return;
    }
    for (; tiles; tiles--, a += 4 * lda, c += 4 * ldc) {
        vf acc[4][4], av[4];
        const float *row[4];
        PR_UNROLL for (int i = 0; i < 4; i++) row[i] = a + g->segment[0] + i * lda;
        b = pr_eights(acc, row[0], lda, panel, bias ? bias : none, eights);
        if (g->k & 4) {
            PR_UNROLL for (int i = 0; i < 4; i++) av[i] = vld1q_f32(row[i] + eights);
            PR_LANE(0) PR_LANE(1) PR_LANE(2) PR_LANE(3)
        }
        if (rest) PR_REST(row, rest, g->k)
        pr_stack_end(g, acc, residual, c);
        if (residual) residual += 4 * ldc;
    }
}

const pr_gemm_tiles pr_gemm_f32__a53 = PR_NEON_TILES;
