/* One row of pooling, written once for all levels: included after a vector vocabulary (base/vec_*.h). */
#ifndef PR_OPS_POOL_BODY_H
#define PR_OPS_POOL_BODY_H

#include <math.h>

#include "ops/pool/pool_kernel.h"

PR_INLINE vf pr_pool_load(const float *p, int n) { return n == PR_VL ? vf_load(p) : vf_load_n(p, n); }

/* Real cells of a window: `planes` x `rows` x `columns` from `in` on, and the floats from one to the next. */
typedef struct pr_pool_cells {
    const float *in;
    int64_t planes, rows, columns;
    ptrdiff_t plane, line, pixel;
} pr_pool_cells;

/* `vectors` vectors of n lanes at channel c; an average divides by `divisor`. */
PR_INLINE void pr_pool_window(const pr_pool_cells *w, int64_t c, float divisor, float *out, int n, const int kind, const int vectors) {
    vf acc[4];
    PR_UNROLL for (int j = 0; j < vectors; j++) acc[j] = kind == PR_POOL_MAX ? vf_set1(-INFINITY) : vf_zero();
    for (int64_t d = 0; d < w->planes; d++)
        for (int64_t r = 0; r < w->rows; r++)
            for (int64_t q = 0; q < w->columns; q++) {
                PR_UNROLL for (int j = 0; j < vectors; j++) {
                    vf v = pr_pool_load(w->in + d * w->plane + r * w->line + q * w->pixel + c + j * PR_VL, n);
                    acc[j] = kind == PR_POOL_MAX ? vf_max(acc[j], v) : kind == PR_POOL_AVERAGE ? vf_add(acc[j], v) : vf_fma(v, v, acc[j]);
                }
            }
    PR_UNROLL for (int j = 0; j < vectors; j++) {
        vf v = kind == PR_POOL_MAX ? acc[j] : kind == PR_POOL_AVERAGE ? vf_div(acc[j], vf_set1(divisor)) : vf_sqrt(acc[j]);
        if (n == PR_VL) vf_store(out + c + j * PR_VL, v);
        else vf_store_n(out + c + j * PR_VL, v, n);
    }
}

/* Cells of the window of output o, padding included; what hangs over the padding is no cell, as in Caffe and PyTorch. */
PR_INLINE int64_t pr_pool_extent(const pr_axis *a, int64_t o) {
    int64_t room = a->size + a->past - pr_origin(a, o);
    return room < a->kernel ? room : a->kernel;
}

PR_INLINE void pr_pool_kind_row(const pr_pool_args *p, int64_t row, int64_t from, int64_t to, const int kind) {
    const int64_t C = p->channels, z = row / p->h.out, y = row % p->h.out;
    int64_t front, back, top, bottom, left, right;
    pr_taps(&p->d, z, &front, &back);
    pr_taps(&p->h, y, &top, &bottom);
    pr_pool_cells w = {.planes = back - front, .rows = bottom - top, .pixel = C, .line = p->v.size * C, .plane = p->h.size * p->v.size * C};
    int64_t area = pr_pool_extent(&p->d, z) * pr_pool_extent(&p->h, y);
    for (int64_t x = 0; x < p->v.out; x++) {
        pr_taps(&p->v, x, &left, &right);
        w.columns = right - left;
        int64_t real = w.planes * w.rows * w.columns, cells = p->real_cells_only ? real : area * pr_pool_extent(&p->v, x);
        float divisor = cells > 0 ? (float)cells : 1;
        w.in = p->x;
        if (real > 0)
            w.in += (pr_origin(&p->d, z) + front) * w.plane + (pr_origin(&p->h, y) + top) * w.line + (pr_origin(&p->v, x) + left) * C;
        float *out = p->y + (row * p->v.out + x) * p->y_pixel;
        int64_t c = from;
        for (; c + 4 * PR_VL <= to; c += 4 * PR_VL) pr_pool_window(&w, c, divisor, out, PR_VL, kind, 4);
        for (; c + PR_VL <= to; c += PR_VL) pr_pool_window(&w, c, divisor, out, PR_VL, kind, 1);
        if (c < to) pr_pool_window(&w, c, divisor, out, (int)(to - c), kind, 1);
    }
}

PR_INLINE void pr_pool_row(const pr_pool_args *p, int64_t row, int64_t from, int64_t to) {
    if (p->kind == PR_POOL_MAX) pr_pool_kind_row(p, row, from, to, PR_POOL_MAX);
    else if (p->kind == PR_POOL_AVERAGE) pr_pool_kind_row(p, row, from, to, PR_POOL_AVERAGE);
    else pr_pool_kind_row(p, row, from, to, PR_POOL_L2);
}

#endif
