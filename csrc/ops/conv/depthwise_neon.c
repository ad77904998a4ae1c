/* NEON has registers enough for a whole 3x3 kernel beside 4 x 4 sums: with stride 1 or 2 each input vector is loaded once
 * for up to nine multiply-adds.  Everything else goes the common way. */
#include "base/vec_neon.h"
#include "ops/conv/depthwise_body.h"

enum { SIDE = 4 };                          /* outputs of a tile, down and across */

/* Where a tile reads and writes.  in[r]: row r at the tile's first column, which may lie outside the image when the tile's
 * `left` says that it is padding; so may the last one.  NULL: a row of padding. */
typedef struct pr_dw_place {
    const float *in[9];
    ptrdiff_t out;
} pr_dw_place;

PR_INLINE void pr_dw_quad(const pr_depthwise_args *d, const pr_dw_place *t, const float *taps, ptrdiff_t c, const int stride, const bool left,
                          const bool right) {
    const int cells = (SIDE - 1) * stride + 3;
    const ptrdiff_t pixel = d->x_pixel;
    vf w[3][3], acc[SIDE][SIDE];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) w[i][j] = vld1q_f32(taps + (3 * i + j) * PR_VL);
    const vf start = d->bias ? vld1q_f32(d->bias + c) : vf_zero();
    PR_UNROLL for (int i = 0; i < SIDE; i++) {
        PR_UNROLL for (int j = 0; j < SIDE; j++) acc[i][j] = start;
    }
    PR_UNROLL for (int r = 0; r < cells; r++) {
        if ((r == 0 || r == cells - 1) && !t->in[r]) continue;
        const float *in = t->in[r] + c;
        PR_UNROLL for (int q = 0; q < cells; q++) {
            if ((q == 0 && left) || (q == cells - 1 && right)) continue;
            const vf v = vld1q_f32(in + q * pixel);
            PR_UNROLL for (int i = 0; i < SIDE; i++) {
                PR_UNROLL for (int j = 0; j < SIDE; j++) {
                    const int ky = r - i * stride, kx = q - j * stride;
                    if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3) acc[i][j] = vfmaq_f32(acc[i][j], v, w[ky][kx]);
                }
            }
        }
    }
    const vf lo = vf_set1(d->activation.lo), hi = vf_set1(d->activation.hi);
    PR_UNROLL for (int i = 0; i < SIDE; i++) {
        float *out = d->y + (t->out + i * d->y_line + c);
        PR_UNROLL for (int j = 0; j < SIDE; j++) vst1q_f32(out + j * d->y_pixel, vf_min(hi, vf_max(lo, acc[i][j])));
    }
}

/* The last vector of channels may lie over the one before and write the same again. */
#define PR_DW_QUAD(stride, left, right) \
    static __attribute__((noinline)) void pr_dw_quad_##stride##left##right(const pr_depthwise_args *d, const pr_dw_place *t, \
                                                                        int64_t from, int64_t to) { \
        const float *taps = pr_dw_weight(d, from); \
        for (int64_t c = from; c < to; c += PR_VL, taps += 9 * PR_VL) \
            pr_dw_quad(d, t, taps, c + PR_VL <= to ? c : to - PR_VL, stride, left, right); \
    }
PR_DW_QUAD(1, 0, 0) PR_DW_QUAD(1, 0, 1) PR_DW_QUAD(1, 1, 0) PR_DW_QUAD(1, 1, 1)
PR_DW_QUAD(2, 0, 0) PR_DW_QUAD(2, 0, 1) PR_DW_QUAD(2, 1, 0) PR_DW_QUAD(2, 1, 1)

typedef void pr_dw_quad_fn(const pr_depthwise_args *d, const pr_dw_place *t, int64_t from, int64_t to);
static pr_dw_quad_fn *const pr_dw_quads[2][2][2] = {
    {{pr_dw_quad_100, pr_dw_quad_101}, {pr_dw_quad_110, pr_dw_quad_111}},
    {{pr_dw_quad_200, pr_dw_quad_201}, {pr_dw_quad_210, pr_dw_quad_211}}};

/* Padding that tiles can leave out: at most one cell at either end. */
static bool pr_dw_thin(const pr_axis *a) {
    return a->before >= 0 && a->before <= 1 && a->out >= SIDE && (a->out - 1) * a->stride + 3 - a->before <= a->size + 1;
}

static void pr_dw_quad_rows(const pr_depthwise_args *d, int64_t row, int64_t from, int64_t to) {
    const pr_axis *h = &d->h, *v = &d->v;
    const int64_t cells = (SIDE - 1) * h->stride + 3, y = pr_origin(h, row);
    pr_dw_quad_fn *const (*quads)[2] = pr_dw_quads[h->stride - 1];
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
