/* What the NEON kernels share: tiles of any height, and the way of a tile of 4 pixels x 16 channels to memory.
 *
 * NEON multiplies by one lane of a register, so A is loaded four depths at a time, straight from its rows, and each
 * depth of the panel is one load of up to four registers. */
#ifndef PR_OPS_GEMM_NEON_BODY_H
#define PR_OPS_GEMM_NEON_BODY_H

#include <math.h>

#include "base/vec_neon.h"
#include "ops/gemm/gemm_kernel.h"

/* The empty asm makes clang step the pointer inside the load instead of adding after it. */
PR_INLINE const float *pr_load_panel(const float *b, vf out[4], const int nv) {
    if (nv == 4) {
        float32x4x4_t v = vld1q_f32_x4(b);
        out[0] = v.val[0]; out[1] = v.val[1]; out[2] = v.val[2]; out[3] = v.val[3];
    } else {
        PR_UNROLL for (int j = 0; j < nv; j++) out[j] = vld1q_f32(b + 4 * j);
    }
    b += 4 * nv;
    __asm__("" : "+r"(b));
    return b;
}

/* One depth: lane l of each row's four numbers. */
#define PR_LANE(l) { \
    vf bv[4]; \
    b = pr_load_panel(b, bv, nv); \
    PR_UNROLL for (int j = 0; j < nv; j++) \
        PR_UNROLL for (int i = 0; i < mr; i++) acc[i][j] = vfmaq_laneq_f32(acc[i][j], bv[j], av[i], l); }

/* The depths behind the last whole four of a segment: the last four again, of which the first lanes are done already. */
#define PR_REST(rows, rest, k) { \
    if ((k) >= 4) { \
        PR_UNROLL for (int i = 0; i < mr; i++) av[i] = vld1q_f32((rows)[i] + (k) - 4); \
        if ((rest) == 3) PR_LANE(1) \
        if ((rest) >= 2) PR_LANE(2) \
        PR_LANE(3) \
    } else { \
        for (int64_t p = 0; p < (rest); p++) { \
            PR_UNROLL for (int i = 0; i < mr; i++) av[i] = vld1q_dup_f32((rows)[i] + p); \
            PR_LANE(0) \
        } \
    } }

/* Residual and leak: rare, so not worth a test per vector. */
PR_INLINE void pr_tile_extras(const pr_gemm_args *g, vf acc[][4], const float *residual, int lanes, const int mr, const int nv) {
    if (residual) {
        PR_UNROLL for (int i = 0; i < mr; i++) {
            PR_UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = vf_add(acc[i][j], vf_load_n(residual + i * g->c_pixel + 4 * j, j == nv - 1 ? lanes : 4));
        }
    }
    if (g->activation.slope != 1) {
        PR_UNROLL for (int i = 0; i < mr; i++) {
            PR_UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = vf_select(vf_lt(acc[i][j], vf_zero()), vf_mul(acc[i][j], vf_set1(g->activation.slope)), acc[i][j]);
        }
    }
}

PR_INLINE void pr_tile(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                       float *c, int lanes, int64_t left, const int mr, const int nv) {
    vf acc[8][4], av[8];
    PR_UNROLL for (int j = 0; j < nv; j++) {
        vf start = !bias ? vf_zero() : vf_load_n(bias + 4 * j, j == nv - 1 ? lanes : 4);
        PR_UNROLL for (int i = 0; i < mr; i++) acc[i][j] = start;
    }
    const float *line[8];
    PR_UNROLL for (int i = 0; i < mr; i++) {
        line[i] = a;
        a += g->a_pixel;
        if (--left == 0) {
            a += g->a_line - g->pixels * g->a_pixel;
            left = g->pixels;
        }
    }
    const int64_t rest = g->k % 4;
    for (int64_t s = 0; s < g->segments; s++) {
        const float *row[8];
        PR_UNROLL for (int i = 0; i < mr; i++) row[i] = line[i] + g->segment[s];
        for (int64_t p = 0; p + 4 <= g->k; p += 4) {
            PR_UNROLL for (int i = 0; i < mr; i++) av[i] = vld1q_f32(row[i] + p);
            PR_LANE(0) PR_LANE(1) PR_LANE(2) PR_LANE(3)
        }
        if (rest) PR_REST(row, rest, g->k)
    }
    pr_tile_extras(g, acc, residual, lanes, mr, nv);
    vf lo = vf_set1(g->activation.lo), hi = vf_set1(g->activation.hi);
    PR_UNROLL for (int i = 0; i < mr; i++) {
        PR_UNROLL for (int j = 0; j < nv; j++)
            vf_store_n(c + i * g->c_pixel + 4 * j, vf_min(hi, vf_max(lo, acc[i][j])), j == nv - 1 ? lanes : 4);
    }
}

/* The start and the end of a tile of a stack.  Most layers have no upper bound, products inside Winograd have none at all. */
PR_INLINE void pr_stack_start(const float *bias, vf acc[4][4]) {
    PR_UNROLL for (int j = 0; j < 4; j++) {
        vf start = bias ? vld1q_f32(bias + 4 * j) : vf_zero();
        PR_UNROLL for (int i = 0; i < 4; i++) acc[i][j] = start;
    }
}
PR_INLINE void pr_stack_store(const pr_gemm_args *g, vf acc[4][4], float *c, const int low, const int high) {
    const ptrdiff_t ldc = g->c_pixel;
    const vf lo = vf_set1(g->activation.lo), hi = vf_set1(g->activation.hi);
    PR_UNROLL for (int i = 0; i < 4; i++) {
        PR_UNROLL for (int j = 0; j < 4; j++) {
            if (low) acc[i][j] = vf_max(lo, acc[i][j]);
            if (high) acc[i][j] = vf_min(hi, acc[i][j]);
            vst1q_f32(c + i * ldc + 4 * j, acc[i][j]);
        }
    }
}
PR_INLINE void pr_stack_end(const pr_gemm_args *g, vf acc[4][4], const float *residual, float *c) {
    if (residual || g->activation.slope != 1) pr_tile_extras(g, acc, residual, 4, 4, 4);
    if (g->activation.hi < INFINITY) pr_stack_store(g, acc, c, 1, 1);
    else if (g->activation.lo > -INFINITY) pr_stack_store(g, acc, c, 1, 0);
    else pr_stack_store(g, acc, c, 0, 0);
}

#define PR_TILE(mr, nv) \
    static __attribute__((noinline)) void pr_tile_##mr##x##nv(const pr_gemm_args *g, const float *a, const float *b, \
            const float *bias, const float *residual, float *c, int lanes, int64_t left, const float *ahead) \
        { (void)ahead; pr_tile(g, a, b, bias, residual, c, lanes, left, mr, nv); }
#define PR_TILES_TO_4(nv) PR_TILE(1, nv) PR_TILE(2, nv) PR_TILE(3, nv) PR_TILE(4, nv)
#define PR_TILES_TO_8(nv) PR_TILES_TO_4(nv) PR_TILE(5, nv) PR_TILE(6, nv) PR_TILE(7, nv) PR_TILE(8, nv)
#define PR_ROWS_TO_4(nv) 0, pr_tile_1x##nv, pr_tile_2x##nv, pr_tile_3x##nv, pr_tile_4x##nv
#define PR_ROWS_TO_8(nv) PR_ROWS_TO_4(nv), pr_tile_5x##nv, pr_tile_6x##nv, pr_tile_7x##nv, pr_tile_8x##nv

PR_TILES_TO_8(1)
PR_TILES_TO_8(2)
PR_TILES_TO_4(3)
PR_TILES_TO_4(4)

#define PR_NEON_TILES {{0}, {PR_ROWS_TO_8(1)}, {PR_ROWS_TO_8(2)}, {PR_ROWS_TO_4(3)}, {PR_ROWS_TO_4(4)}}

#endif
