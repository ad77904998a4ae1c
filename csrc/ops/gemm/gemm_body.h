/* The tile for levels that broadcast from memory: included after a vector vocabulary (base/vec_*.h).
 *
 * A stays where it is: each of mr rows gives one number per depth, which meets nv vectors of the packed panel.  The
 * sums live in registers until the epilogue has added, clamped and stored them. */
#ifndef PR_OPS_GEMM_BODY_H
#define PR_OPS_GEMM_BODY_H

#include "ops/gemm/gemm_kernel.h"

/* High tiles have no register for each row's address: rows share one, and x86 adds {0, 1, 2} * stride. */
#define PR_TILE_GROUP(mr) ((mr) <= PR_GEMM_STRADDLE ? 1 : 3)
/* Few rows have too few sums to hide the latency of fma, so each part of the depth gets its own.  The parts also are as many
 * streams through B, and memory answers several sooner than one. */
#define PR_TILE_SPLIT(mr) ((mr) == 1 ? PR_CODES_SPLIT : 2)

/* What happens on the way to memory, one step after the other for the whole tile: a test per step, not per vector. */
PR_INLINE void pr_tile_store(const pr_gemm_args *g, vf acc[][PR_GEMM_VECTORS], const float *residual, float *c,
                             int lanes, const int mr, const int nv) {
    const ptrdiff_t ldc = g->c_pixel;
    const int last = nv - 1;
    if (residual) {
        PR_UNROLL for (int i = 0; i < mr; i++) {
            PR_UNROLL for (int j = 0; j < last; j++) acc[i][j] = vf_add(acc[i][j], vf_load(residual + i * ldc + j * PR_VL));
            acc[i][last] = vf_add(acc[i][last], vf_load_n(residual + i * ldc + last * PR_VL, lanes));
        }
    }
    if (g->activation.slope != 1) {
        vf slope = vf_set1(g->activation.slope);
        PR_UNROLL for (int i = 0; i < mr; i++) {
            PR_UNROLL for (int j = 0; j < nv; j++)
                acc[i][j] = vf_select(vf_lt(acc[i][j], vf_zero()), vf_mul(acc[i][j], slope), acc[i][j]);
        }
    }
    vf lo = vf_set1(g->activation.lo), hi = vf_set1(g->activation.hi);
    PR_UNROLL for (int i = 0; i < mr; i++) {
        PR_UNROLL for (int j = 0; j < nv; j++) acc[i][j] = vf_min(hi, vf_max(lo, acc[i][j]));
        PR_UNROLL for (int j = 0; j < last; j++) vf_store(c + i * ldc + j * PR_VL, acc[i][j]);
    }
    if (lanes == PR_VL) {
        PR_UNROLL for (int i = 0; i < mr; i++) vf_store(c + i * ldc + last * PR_VL, acc[i][last]);
    } else {
        PR_UNROLL for (int i = 0; i < mr; i++) vf_store_n(c + i * ldc + last * PR_VL, acc[i][last], lanes);
    }
}

PR_INLINE vf pr_tile_start(const float *bias, int lanes, const int j, const int nv) {
    if (!bias) return vf_zero();
    return j == nv - 1 ? vf_load_n(bias + j * PR_VL, lanes) : vf_load(bias + j * PR_VL);
}

/* Addresses of every PR_TILE_GROUP-th row. */
PR_INLINE void pr_tile_bases(const pr_gemm_args *g, const float *a, int64_t left, const float *base[PR_GEMM_ROWS], const int mr) {
    const ptrdiff_t step = g->a_pixel, wrap = g->a_line - g->pixels * g->a_pixel;
    if (PR_TILE_GROUP(mr) > 1) {
        PR_UNROLL for (int i = 0; i < mr; i += PR_TILE_GROUP(mr)) base[i / PR_TILE_GROUP(mr)] = a + i * step;
        return;
    }
    PR_UNROLL for (int i = 0; i < mr; i++) {
        base[i] = a;
        a += step;
        if (--left == 0) {
            a += wrap;
            left = g->pixels;
        }
    }
}

PR_INLINE void pr_tile(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                       float *c, int lanes, int64_t left, const float *ahead, const int mr, const int nv) {
    vf acc[PR_GEMM_ROWS][PR_GEMM_VECTORS];
    const float *base[PR_GEMM_ROWS];
    const ptrdiff_t lda = g->a_pixel;
    const int group = PR_TILE_GROUP(mr);
    pr_tile_bases(g, a, left, base, mr);
    PR_UNROLL for (int j = 0; j < nv; j++) {
        vf start = pr_tile_start(bias, lanes, j, nv);
        PR_UNROLL for (int i = 0; i < mr; i++) acc[i][j] = start;
    }
    const ptrdiff_t step = g->ahead_step;
    for (int64_t s = 0; s < g->segments; s++) {
        for (int64_t p = g->segment[s], end = p + g->k; p < end; p++) {
            vf bv[PR_GEMM_VECTORS];
            PR_UNROLL for (int j = 0; j < nv; j++) bv[j] = vf_load(b + j * PR_VL);
            __builtin_prefetch(ahead, 0, 2);
            ahead += step;
            b += nv * PR_VL;
            PR_UNROLL for (int i = 0; i < mr; i++) {
                vf av = vf_set1(base[i / group][(i % group) * lda + p]);
                PR_UNROLL for (int j = 0; j < nv; j++) acc[i][j] = vf_fma(av, bv[j], acc[i][j]);
            }
        }
    }
    pr_tile_store(g, acc, residual, c, lanes, mr, nv);
}

/* A product of few rows, bound by how fast B arrives.  Low strips of a higher product are no such thing: their sums have the
 * order of all others, so that a row does not depend on where it is cut.  What a depth that does not divide leaves over
 * belongs to the first part. */
PR_INLINE void pr_tile_few(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                           float *c, int lanes, int64_t left, const int mr, const int nv) {
    const int split = PR_TILE_SPLIT(mr);
    vf acc[PR_CODES_SPLIT][PR_GEMM_ROWS][PR_GEMM_VECTORS];
    PR_UNROLL for (int j = 0; j < nv; j++) {
        vf start = pr_tile_start(bias, lanes, j, nv);
        PR_UNROLL for (int q = 0; q < split; q++) PR_UNROLL for (int i = 0; i < mr; i++) acc[q][i][j] = q ? vf_zero() : start;
    }
    const float *base[PR_GEMM_ROWS];
    pr_tile_bases(g, a, left, base, mr);
    const int64_t part = g->k / split;
    for (int64_t s = 0; s < g->segments; s++, b += g->k * nv * PR_VL) {
        const float *row[PR_GEMM_ROWS], *panel = b;
        PR_UNROLL for (int i = 0; i < mr; i++) row[i] = base[i] + g->segment[s];
        for (int64_t p = 0; p < part; p++, panel += nv * PR_VL)
            PR_UNROLL for (int q = 0; q < split; q++) {
                vf av[PR_GEMM_ROWS];
                PR_UNROLL for (int i = 0; i < mr; i++) av[i] = vf_set1(row[i][p + q * part]);
                PR_UNROLL for (int j = 0; j < nv; j++) {
                    vf bv = vf_load(panel + q * part * nv * PR_VL + j * PR_VL);
                    PR_UNROLL for (int i = 0; i < mr; i++) acc[q][i][j] = vf_fma(av[i], bv, acc[q][i][j]);
                }
            }
        for (int64_t p = split * part; p < g->k; p++)
            PR_UNROLL for (int j = 0; j < nv; j++) PR_UNROLL for (int i = 0; i < mr; i++)
                acc[0][i][j] = vf_fma(vf_set1(row[i][p]), vf_load(b + (p * nv + j) * PR_VL), acc[0][i][j]);
    }
    PR_UNROLL for (int i = 0; i < mr; i++) PR_UNROLL for (int j = 0; j < nv; j++) {
        acc[0][i][j] = vf_add(acc[0][i][j], acc[1][i][j]);
        if (split == 4) acc[0][i][j] = vf_add(acc[0][i][j], vf_add(acc[2][i][j], acc[3][i][j]));
    }
    pr_tile_store(g, acc[0], residual, c, lanes, mr, nv);
}

#define PR_TILE_ARGS const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual, \
                     float *c, int lanes, int64_t left, const float *ahead
#define PR_TILE(mr, nv) \
    static __attribute__((noinline)) void pr_tile_##mr##x##nv(PR_TILE_ARGS) \
        { pr_tile(g, a, b, bias, residual, c, lanes, left, ahead, mr, nv); }
#define PR_TILE_FEW(mr, nv) \
    static __attribute__((noinline)) void pr_tile_##mr##x##nv(PR_TILE_ARGS) \
    { \
        if (g->few) pr_tile_few(g, a, b, bias, residual, c, lanes, left, mr, nv); \
        else pr_tile(g, a, b, bias, residual, c, lanes, left, ahead, mr, nv); \
    }
#define PR_TILES_TO_3(nv) PR_TILE_FEW(1, nv) PR_TILE_FEW(2, nv) PR_TILE_FEW(3, nv)

#endif
