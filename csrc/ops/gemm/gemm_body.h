/* The tile for levels that broadcast from memory: included after a vector vocabulary (base/vec_*.h).
 *
 * A stays where it is: each of mr rows gives one number per depth, which meets nv vectors of the packed panel.  The
 * sums live in registers until the epilogue has added, clamped and stored them. */
#ifndef PR_OPS_GEMM_BODY_H
#define PR_OPS_GEMM_BODY_H

#include "ops/gemm/gemm_kernel.h"

/* Rows that share a base pointer: x86 addresses base + {0, 1, 2} * stride with one register for the stride. */
#define PR_TILE_GROUP 3
#define PR_TILE_BASES ((PR_GEMM_ROWS + PR_TILE_GROUP - 1) / PR_TILE_GROUP)
/* A single row has nv sums only, too few to hide the latency of fma: this many depths at a time get their own. */
#define PR_TILE_SPLIT 4

PR_INLINE void pr_tile_store(const pr_gemm_args *g, vf acc[][PR_GEMM_VECTORS], const float *residual, float *c,
                             int lanes, const int mr, const int nv) {
    vf lo = vf_set1(g->activation.lo), hi = vf_set1(g->activation.hi), slope = vf_set1(g->activation.slope);
    int leaks = g->activation.slope != 1;
    PR_UNROLL for (int i = 0; i < mr; i++) {
        PR_UNROLL for (int j = 0; j < nv; j++) {
            int part = j == nv - 1 && lanes != PR_VL;
            ptrdiff_t at = i * g->c_pixel + j * PR_VL;
            vf v = acc[i][j];
            if (residual) v = vf_add(v, part ? vf_load_n(residual + at, lanes) : vf_load(residual + at));
            if (leaks) v = vf_select(vf_lt(v, vf_zero()), vf_mul(v, slope), v);
            v = vf_min(hi, vf_max(lo, v));
            if (part) vf_store_n(c + at, v, lanes);
            else vf_store(c + at, v);
        }
    }
}

PR_INLINE vf pr_tile_start(const float *bias, int lanes, const int j, const int nv) {
    if (!bias) return vf_zero();
    return j == nv - 1 && lanes != PR_VL ? vf_load_n(bias + j * PR_VL, lanes) : vf_load(bias + j * PR_VL);
}

PR_INLINE void pr_tile(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                       float *c, int lanes, const float *ahead, const int mr, const int nv) {
    vf acc[PR_GEMM_ROWS][PR_GEMM_VECTORS];
    PR_UNROLL for (int j = 0; j < nv; j++) {
        vf start = pr_tile_start(bias, lanes, j, nv);
        PR_UNROLL for (int i = 0; i < mr; i++) acc[i][j] = start;
    }
    const ptrdiff_t lda = g->a_pixel;
    for (int64_t s = 0; s < g->segments; s++) {
        const float *base[PR_TILE_BASES];
        PR_UNROLL for (int i = 0; i < mr; i += PR_TILE_GROUP) base[i / PR_TILE_GROUP] = a + g->segment[s] + i * lda;
        for (int64_t n = g->k; n; n--) {
            vf bv[PR_GEMM_VECTORS];
            PR_UNROLL for (int j = 0; j < nv; j++) bv[j] = vf_load(b + j * PR_VL);
            __builtin_prefetch(ahead, 0, 2);
            ahead += 16;
            b += nv * PR_VL;
            PR_UNROLL for (int i = 0; i < mr; i++) {
                vf av = vf_set1(base[i / PR_TILE_GROUP][(i % PR_TILE_GROUP) * lda]);
                PR_UNROLL for (int j = 0; j < nv; j++) acc[i][j] = vf_fma(av, bv[j], acc[i][j]);
            }
            PR_UNROLL for (int i = 0; i < mr; i += PR_TILE_GROUP) base[i / PR_TILE_GROUP]++;
        }
    }
    pr_tile_store(g, acc, residual, c, lanes, mr, nv);
}

/* One row: a matrix-vector product, bound by how fast B arrives. */
PR_INLINE void pr_tile_row(const pr_gemm_args *g, const float *a, const float *b, const float *bias,
                           const float *residual, float *c, int lanes, const int nv) {
    vf acc[PR_TILE_SPLIT][PR_GEMM_VECTORS];
    PR_UNROLL for (int j = 0; j < nv; j++) {
        acc[0][j] = pr_tile_start(bias, lanes, j, nv);
        PR_UNROLL for (int i = 1; i < PR_TILE_SPLIT; i++) acc[i][j] = vf_zero();
    }
    for (int64_t s = 0; s < g->segments; s++) {
        const float *p = a + g->segment[s];
        int64_t n = g->k;
        for (; n >= PR_TILE_SPLIT; n -= PR_TILE_SPLIT, p += PR_TILE_SPLIT, b += PR_TILE_SPLIT * nv * PR_VL)
            PR_UNROLL for (int i = 0; i < PR_TILE_SPLIT; i++) {
                vf av = vf_set1(p[i]);
                PR_UNROLL for (int j = 0; j < nv; j++)
                    acc[i][j] = vf_fma(av, vf_load(b + (i * nv + j) * PR_VL), acc[i][j]);
            }
        for (; n; n--, p++, b += nv * PR_VL)
            PR_UNROLL for (int j = 0; j < nv; j++) acc[0][j] = vf_fma(vf_set1(*p), vf_load(b + j * PR_VL), acc[0][j]);
    }
    PR_UNROLL for (int j = 0; j < nv; j++)
        acc[0][j] = vf_add(vf_add(acc[0][j], acc[1][j]), vf_add(acc[2][j], acc[3][j]));
    pr_tile_store(g, acc, residual, c, lanes, 1, nv);
}

#define PR_TILE_ARGS const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual, \
                     float *c, int lanes, const float *ahead
#define PR_TILE(mr, nv) \
    static __attribute__((noinline)) void pr_tile_##mr##x##nv(PR_TILE_ARGS) \
        { pr_tile(g, a, b, bias, residual, c, lanes, ahead, mr, nv); }
#define PR_TILE_ROW(nv) \
    static __attribute__((noinline)) void pr_tile_1x##nv(PR_TILE_ARGS) \
        { (void)ahead; pr_tile_row(g, a, b, bias, residual, c, lanes, nv); }

#endif
