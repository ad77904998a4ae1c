/* NEON has registers enough for a whole 3x3 kernel beside 4 x 4 sums: with stride 1 or 2 each input vector is loaded once
 * for up to nine multiply-adds.  Everything else goes the common way. */
#include <math.h>

#include "base/vec_neon.h"
#include "ops/conv/depthwise_body.h"

enum { SIDE = 4 };                          /* outputs of a tile, down and across */

/* Where a tile reads and writes.  in[r]: row r at the tile's first column, which may lie outside the image when the tile's
 * `left` says that it is padding; so may the last one.  NULL: a row of padding. */
typedef struct pr_dw_place {
    const float *in[9];
    ptrdiff_t out;
} pr_dw_place;

/* Rows of input one after the other: a row of sums begins with the first that it needs and is stored behind the last, so at
 * most three are alive, and nothing of a tile is on the stack.  That takes a fence between rows, or compilers mix them. */
PR_INLINE void pr_dw_quad(const float *const *in, ptrdiff_t c, ptrdiff_t pixel, const float *taps, vf start, vf lo, vf hi, float *y,
                          ptrdiff_t y_line, ptrdiff_t y_pixel, const int stride, const bool left, const bool right,
                          const bool high) {
    const int cells = (SIDE - 1) * stride + 3;
    vf w[3][3], acc[SIDE][SIDE];
    PR_UNROLL for (int t = 0; t < 9; t++) w[t / 3][t % 3] = vld1q_f32(taps + t * PR_VL);
    PR_UNROLL for (int r = 0; r < cells; r++) {
        if (r % stride == 0 && r / stride < SIDE) PR_UNROLL for (int j = 0; j < SIDE; j++) acc[r / stride][j] = start;
        if ((r > 0 && r < cells - 1) || in[r]) {
            PR_UNROLL for (int q = 0; q < cells; q++) {
                if ((q == 0 && left) || (q == cells - 1 && right)) continue;
                const vf v = vld1q_f32(in[r] + c + q * pixel);
                PR_UNROLL for (int i = 0; i < SIDE; i++) {
                    PR_UNROLL for (int j = 0; j < SIDE; j++) {
                        const int ky = r - i * stride, kx = q - j * stride;
                        if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3) acc[i][j] = vfmaq_f32(acc[i][j], v, w[ky][kx]);
                    }
                }
            }
        }
        if (r >= 2 && r % stride == 0) {
            PR_UNROLL for (int j = 0; j < SIDE; j++) {
                vf sum = vf_max(lo, acc[(r - 2) / stride][j]);
                vst1q_f32(y + j * y_pixel, high ? vf_min(hi, sum) : sum);
            }
            y += y_line;
        }
        __asm__ volatile("" ::: "memory");
    }
}

/* The last vector of channels may lie over the one before and write the same again. */
#define PR_DW_QUAD(stride, left, right, high) \
    static __attribute__((noinline)) void pr_dw_quad_##stride##left##right##high(const pr_depthwise_args *d, const pr_dw_place *t, \
                                                                              int64_t from, int64_t to) { \
        const float *taps = pr_dw_weight(d, from), *bias = d->bias; \
        const vf lo = vf_set1(d->activation.lo), hi = vf_set1(d->activation.hi); \
        const ptrdiff_t pixel = d->x_pixel, y_line = d->y_line, y_pixel = d->y_pixel; \
        float *const y = d->y + t->out; \
        const float *in[9]; \
        PR_UNROLL for (int r = 0; r < 3 * stride + 3; r++) in[r] = t->in[r]; \
        for (int64_t next = from; next < to; next += PR_VL, taps += 9 * PR_VL) { \
            const int64_t c = next + PR_VL <= to ? next : to - PR_VL; \
            pr_dw_quad(in, c, pixel, taps, bias ? vld1q_f32(bias + c) : vf_zero(), lo, hi, y + c, y_line, y_pixel, stride, left, \
                       right, high); \
        } \
    }
#define PR_DW_QUADS(stride, high) \
    PR_DW_QUAD(stride, 0, 0, high) PR_DW_QUAD(stride, 0, 1, high) PR_DW_QUAD(stride, 1, 0, high) PR_DW_QUAD(stride, 1, 1, high)
#define PR_DW_NAMED(stride, high) \
    {{pr_dw_quad_##stride##0##0##high, pr_dw_quad_##stride##0##1##high}, \
     {pr_dw_quad_##stride##1##0##high, pr_dw_quad_##stride##1##1##high}}
PR_DW_QUADS(1, 0) PR_DW_QUADS(1, 1) PR_DW_QUADS(2, 0) PR_DW_QUADS(2, 1)

/* [an upper bound][stride - 1][padding on the left][on the right] */
typedef void pr_dw_quad_fn(const pr_depthwise_args *d, const pr_dw_place *t, int64_t from, int64_t to);
static pr_dw_quad_fn *const pr_dw_quads[2][2][2][2] = {
    {PR_DW_NAMED(1, 0), PR_DW_NAMED(2, 0)}, {PR_DW_NAMED(1, 1), PR_DW_NAMED(2, 1)}};

/* Padding that tiles can leave out: at most one cell at either end. */
static bool pr_dw_thin(const pr_axis *a) {
    return a->before >= 0 && a->before <= 1 && a->out >= SIDE && (a->out - 1) * a->stride + 3 - a->before <= a->size + 1;
}

static void pr_dw_quad_rows(const pr_depthwise_args *d, int64_t row, int64_t from, int64_t to) {
    const pr_axis *h = &d->h, *v = &d->v;
    const int64_t cells = (SIDE - 1) * h->stride + 3, y = pr_origin(h, row);
    pr_dw_quad_fn *const (*quads)[2] = pr_dw_quads[d->activation.hi < INFINITY][h->stride - 1];
    for (int64_t done = 0; done < v->out; done += SIDE) {
        int64_t x = done + SIDE <= v->out ? done : v->out - SIDE, q = pr_origin(v, x);
        pr_dw_place t = {.out = row * d->y_line + x * d->y_pixel};
        for (int r = 0; r < cells; r++) t.in[r] = y + r < 0 || y + r >= h->size ? NULL : pr_dw_row(d, y + r) + q * d->x_pixel;
        quads[q < 0][q + cells > v->size](d, &t, from, to);
    }
}

void pr_depthwise_f32__neon(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    const pr_axis *h = &d->h, *v = &d->v;
    bool square = h->kernel == 3 && v->kernel == 3 && h->stride == v->stride && h->dilation == 1 && v->dilation == 1;
    bool plain = !d->residual && d->activation.slope == 1 && to - from >= PR_VL;
    if (rows == SIDE && square && h->stride <= 2 && plain && pr_dw_thin(h) && pr_dw_thin(v)) pr_dw_quad_rows(d, row, from, to);
    else pr_depthwise_rows(d, row, rows, from, to);
}
