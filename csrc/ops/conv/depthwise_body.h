/* Depthwise rows, written once for all levels: included after a vector vocabulary (base/vec_*.h).
 *
 * Square kernels of 3 and 5 without dilation run as tiles of 2 rows x 4 columns of outputs: each input vector is loaded
 * once and used by every output it touches.  Everything else runs four outputs of a row at a time, tap by tap. */
#ifndef PR_OPS_DEPTHWISE_BODY_H
#define PR_OPS_DEPTHWISE_BODY_H

#include <stdbool.h>

#include "ops/conv/depthwise.h"

#define PR_DW_COLUMNS 4
#define PR_DW_CROWDED 256                   /* channels: pixels a multiple of this apart share cache sets */

PR_INLINE vf pr_dw_load(const float *p, int n) { return n == PR_VL ? vf_load(p) : vf_load_n(p, n); }

PR_INLINE vf pr_dw_start(const pr_depthwise_args *d, int64_t c, int n) {
    return d->bias ? pr_dw_load(d->bias + c, n) : vf_zero();
}

/* Row y of the image, which must be there. */
PR_INLINE const float *pr_dw_row(const pr_depthwise_args *d, int64_t y) {
    return d->x + (d->ring ? y % d->ring : y) * d->v.size * d->channels;
}

/* `at`: where the result belongs in y and residual. */
PR_INLINE void pr_dw_store(const pr_depthwise_args *d, ptrdiff_t at, vf v, int n) {
    if (d->residual) v = vf_add(v, pr_dw_load(d->residual + at, n));
    if (d->activation.slope != 1) v = vf_select(vf_lt(v, vf_zero()), vf_mul(v, vf_set1(d->activation.slope)), v);
    v = vf_min(vf_set1(d->activation.hi), vf_max(vf_set1(d->activation.lo), v));
    if (n == PR_VL) vf_store(d->y + at, v);
    else vf_store_n(d->y + at, v, n);
}

/* Where a tile reads.  in[r]: input row r at the tile's first column, NULL for a row of padding; pixels are `step`
 * apart.  Columns outside first .. last-1 (counted from the tile's first) are padding; only edge tiles look at them.
 * w: rows of taps, `w_step` apart.  Both begin at channel `base`. */
typedef struct pr_dw_input {
    const float *in[7], *w;
    int64_t step, w_step, base, first, last;
} pr_dw_input;

PR_INLINE void pr_dw_tile(const pr_depthwise_args *d, const pr_dw_input *t, ptrdiff_t at, int64_t c, const int rows,
                          const int columns, const int kernel, const int stride, const bool edge) {
    const float *w = t->w + (c - t->base);
    const int64_t step = t->step, w_step = t->w_step;
    vf acc[2][PR_DW_COLUMNS], start = pr_dw_start(d, c, PR_VL);
    PR_UNROLL for (int i = 0; i < rows; i++) {
        PR_UNROLL for (int j = 0; j < columns; j++) acc[i][j] = start;
    }
    PR_UNROLL for (int r = 0; r < (rows - 1) * stride + kernel; r++) {
        if (!t->in[r]) continue;
        const float *in = t->in[r] + (c - t->base);
        PR_UNROLL for (int q = 0; q < (columns - 1) * stride + kernel; q++) {
            if (edge && (q < t->first || q >= t->last)) continue;
            vf v = vf_load(in + q * step);
            PR_UNROLL for (int i = 0; i < rows; i++) {
                PR_UNROLL for (int j = 0; j < columns; j++) {
                    const int ky = r - i * stride, kx = q - j * stride;
                    if (ky >= 0 && ky < kernel && kx >= 0 && kx < kernel)
                        acc[i][j] = vf_fma(v, vf_load(w + (ky * kernel + kx) * w_step), acc[i][j]);
                }
            }
        }
    }
    const ptrdiff_t line = d->y_line, pixel = d->y_pixel;
    if (d->residual || d->activation.slope != 1) {              /* rare: not worth a test for each vector otherwise */
        PR_UNROLL for (int i = 0; i < rows; i++) {
            PR_UNROLL for (int j = 0; j < columns; j++) pr_dw_store(d, at + i * line + j * pixel + c, acc[i][j], PR_VL);
        }
        return;
    }
    float *out = d->y + at + c;
    vf lo = vf_set1(d->activation.lo), hi = vf_set1(d->activation.hi);
    PR_UNROLL for (int i = 0; i < rows; i++) {
        PR_UNROLL for (int j = 0; j < columns; j++) vf_store(out + i * line + j * pixel, vf_min(hi, vf_max(lo, acc[i][j])));
    }
}

#define PR_DW_ARGS const pr_depthwise_args *d, const pr_dw_input *t, ptrdiff_t at, int64_t from, int64_t to
typedef void pr_dw_tile_fn(PR_DW_ARGS);

/* One tile, vector after vector of channels; the last one may lie over the one before and write the same again. */
#define PR_DW_TILE(name, rows, columns, kernel, stride, edge) \
    static __attribute__((noinline)) void pr_dw_##name##_##rows##x##columns##_k##kernel##s##stride(PR_DW_ARGS) { \
        for (int64_t c = from; c < to; c += PR_VL) \
            pr_dw_tile(d, t, at, c + PR_VL <= to ? c : to - PR_VL, rows, columns, kernel, stride, edge); \
    }
#define PR_DW_TILES(rows, kernel, stride) \
    PR_DW_TILE(inner, rows, 4, kernel, stride, false) PR_DW_TILE(edge, rows, 4, kernel, stride, true) \
    PR_DW_TILE(edge, rows, 2, kernel, stride, true) PR_DW_TILE(edge, rows, 1, kernel, stride, true)
#define PR_DW_SET(kernel, stride) PR_DW_TILES(1, kernel, stride) PR_DW_TILES(2, kernel, stride)
#define PR_DW_NAMES(rows, kernel, stride) { \
    pr_dw_inner_##rows##x4_k##kernel##s##stride, pr_dw_edge_##rows##x4_k##kernel##s##stride, \
    pr_dw_edge_##rows##x2_k##kernel##s##stride, pr_dw_edge_##rows##x1_k##kernel##s##stride}
#define PR_DW_ROWS(kernel, stride) {PR_DW_NAMES(1, kernel, stride), PR_DW_NAMES(2, kernel, stride)}

PR_DW_SET(3, 1) PR_DW_SET(3, 2) PR_DW_SET(5, 1) PR_DW_SET(5, 2)

/* [kernel 5][stride 2][two rows][inner, edge of 4, 2, 1 columns] */
static pr_dw_tile_fn *const pr_dw_tiles[2][2][2][4] = {
    {PR_DW_ROWS(3, 1), PR_DW_ROWS(3, 2)}, {PR_DW_ROWS(5, 1), PR_DW_ROWS(5, 2)}};

/* One or two output rows.  line[r]: the input rows they read, at column `start` and channel t->base; columns from
 * start + `first` to start + last - 1 are there. */
static void pr_dw_line(const pr_depthwise_args *d, pr_dw_input *t, const float *const *line, int64_t start, int64_t first,
                       int64_t last, int64_t row, int rows, int64_t from, int64_t to) {
    const pr_axis *v = &d->v;
    pr_dw_tile_fn *const *tiles = pr_dw_tiles[d->h.kernel == 5][d->h.stride == 2][rows == 2];
    int lines = (int)((rows - 1) * d->h.stride + d->h.kernel);
    for (int64_t x = 0, columns; x < v->out; x += columns) {
        int64_t left = v->out - x, origin = pr_origin(v, x) - start;
        columns = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        bool inner = columns == 4 && origin >= first && origin + 3 * v->stride + v->kernel <= last;
        for (int r = 0; r < lines; r++) t->in[r] = line[r] ? line[r] + origin * t->step : NULL;
        t->first = first - origin;
        t->last = last - origin;
        tiles[inner ? 0 : columns == 4 ? 1 : columns == 2 ? 2 : 3](d, t, row * d->y_line + x * d->y_pixel, from, to);
    }
}

/* Straight from the image. */
static void pr_dw_in_place(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    pr_dw_input t = {.w = d->w, .step = d->channels, .w_step = d->channels};
    for (int done = 0, part; done < rows; done += part) {
        part = rows - done >= 2 ? 2 : 1;
        const float *line[7];
        for (int r = 0; r < (part - 1) * d->h.stride + d->h.kernel; r++) {
            int64_t y = pr_origin(&d->h, row + done) + r;
            line[r] = y < 0 || y >= d->h.size ? NULL : pr_dw_row(d, y);
        }
        pr_dw_line(d, &t, line, 0, 0, d->v.size, row + done, part, from, to);
    }
}

/* With a power of two of channels, the pixels of a tile fall on few sets of the first-level cache and drive each other
 * out.  So PR_DW_STAGE channels of the rows are copied to where they lie side by side, with zeros for the padding. */
#define PR_DW_STAGE 32
#define PR_DW_STAGE_FLOATS 7168

static void pr_dw_copy_line(const pr_depthwise_args *d, int64_t y, int64_t c, int64_t width, float *out) {
    const float *in = y < 0 || y >= d->h.size ? NULL : pr_dw_row(d, y) + c;
    for (int64_t q = 0, x = -d->v.before; q < width; q++, x++, out += PR_DW_STAGE)
        PR_UNROLL for (int i = 0; i < PR_DW_STAGE; i += PR_VL)
            vf_store(out + i, in && x >= 0 && x < d->v.size ? vf_load(in + x * d->channels + i) : vf_zero());
}

static int64_t pr_dw_width(const pr_depthwise_args *d) { return (d->v.out - 1) * d->v.stride + d->v.kernel; }
static int64_t pr_dw_lines(const pr_depthwise_args *d, int rows) { return (rows - 1) * d->h.stride + d->h.kernel; }
static bool pr_dw_fits(const pr_depthwise_args *d, int rows) {
    return pr_dw_lines(d, rows) * pr_dw_width(d) * PR_DW_STAGE <= PR_DW_STAGE_FLOATS;
}

static void pr_dw_staged(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    _Alignas(64) float stage[PR_DW_STAGE_FLOATS], w[25 * PR_DW_STAGE];
    const int64_t width = pr_dw_width(d), taps = d->h.kernel * d->v.kernel;
    for (int64_t c = from; c < to; c += PR_DW_STAGE) {
        pr_dw_input t = {.w = w, .step = PR_DW_STAGE, .w_step = PR_DW_STAGE, .base = c};
        for (int64_t i = 0; i < taps; i++)
            PR_UNROLL for (int j = 0; j < PR_DW_STAGE; j += PR_VL)
                vf_store(w + i * PR_DW_STAGE + j, vf_load(d->w + i * d->channels + c + j));
        for (int64_t r = 0; r < pr_dw_lines(d, rows); r++)
            pr_dw_copy_line(d, pr_origin(&d->h, row) + r, c, width, stage + r * width * PR_DW_STAGE);
        for (int done = 0, part; done < rows; done += part) {
            const float *line[7];
            part = rows - done >= 2 ? 2 : 1;
            for (int64_t r = 0; r < pr_dw_lines(d, part); r++)
                line[r] = stage + (done * d->h.stride + r) * width * PR_DW_STAGE;
            pr_dw_line(d, &t, line, -d->v.before, 0, width, row + done, part, c, c + PR_DW_STAGE);
        }
    }
}

PR_INLINE void pr_dw_tiled_rows(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    bool crowded = d->channels % PR_DW_CROWDED == 0 && from % PR_DW_STAGE == 0 && to % PR_DW_STAGE == 0;
    for (int done = 0, part; done < rows; done += part) {
        part = rows - done;
        if (part > 2 && !pr_dw_fits(d, part)) part = 2;
        if (crowded && pr_dw_fits(d, part)) pr_dw_staged(d, row + done, part, from, to);
        else pr_dw_in_place(d, row + done, part, from, to);
    }
}

/* `columns` outputs of one row from x on, `vectors` vectors of channels from c on, over the taps that are not padding. */
PR_INLINE void pr_dw_taps(const pr_depthwise_args *d, int64_t row, int64_t x, int64_t c, int n, int64_t ky0, int64_t ky1,
                          int64_t kx0, int64_t kx1, const int columns, const int vectors) {
    const int64_t C = d->channels, step = d->v.stride * C;
    vf acc[4][4];
    PR_UNROLL for (int j = 0; j < vectors; j++) {
        vf start = pr_dw_start(d, c + j * PR_VL, n);
        PR_UNROLL for (int i = 0; i < columns; i++) acc[i][j] = start;
    }
    for (int64_t ky = ky0; ky < ky1; ky++)
        for (int64_t kx = kx0; kx < kx1; kx++) {
            const float *w = d->w + (ky * d->v.kernel + kx) * C + c;
            int64_t y = pr_origin(&d->h, row) + ky * d->h.dilation, q = pr_origin(&d->v, x) + kx * d->v.dilation;
            const float *in = pr_dw_row(d, y) + q * C + c;
            PR_UNROLL for (int j = 0; j < vectors; j++) {
                vf weight = pr_dw_load(w + j * PR_VL, n);
                PR_UNROLL for (int i = 0; i < columns; i++)
                    acc[i][j] = vf_fma(pr_dw_load(in + i * step + j * PR_VL, n), weight, acc[i][j]);
            }
        }
    PR_UNROLL for (int i = 0; i < columns; i++) {
        PR_UNROLL for (int j = 0; j < vectors; j++)
            pr_dw_store(d, row * d->y_line + (x + i) * d->y_pixel + c + j * PR_VL, acc[i][j], n);
    }
}

PR_INLINE void pr_dw_any_row(const pr_depthwise_args *d, int64_t row, int64_t from, int64_t to) {
    int64_t ky0, ky1, kx0, kx1, ignore;
    pr_taps(&d->h, row, &ky0, &ky1);
    for (int64_t x = 0; x < d->v.out;) {
        pr_taps(&d->v, x, &kx0, &kx1);
        int64_t c = from, full = -1;
        if (kx0 == 0 && x + 4 <= d->v.out) pr_taps(&d->v, x + 3, &ignore, &full);
        if (full == d->v.kernel) {
            for (; c + 2 * PR_VL <= to; c += 2 * PR_VL) pr_dw_taps(d, row, x, c, PR_VL, ky0, ky1, 0, full, 4, 2);
            for (; c + PR_VL <= to; c += PR_VL) pr_dw_taps(d, row, x, c, PR_VL, ky0, ky1, 0, full, 4, 1);
            if (c < to) pr_dw_taps(d, row, x, c, (int)(to - c), ky0, ky1, 0, full, 4, 1);
            x += 4;
        } else {
            for (; c + 4 * PR_VL <= to; c += 4 * PR_VL) pr_dw_taps(d, row, x, c, PR_VL, ky0, ky1, kx0, kx1, 1, 4);
            for (; c + PR_VL <= to; c += PR_VL) pr_dw_taps(d, row, x, c, PR_VL, ky0, ky1, kx0, kx1, 1, 1);
            if (c < to) pr_dw_taps(d, row, x, c, (int)(to - c), ky0, ky1, kx0, kx1, 1, 1);
            x++;
        }
    }
}

PR_INLINE void pr_depthwise_rows(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    const pr_axis *h = &d->h, *v = &d->v;
    bool square = h->kernel == v->kernel && h->stride == v->stride && h->dilation == 1 && v->dilation == 1;
    if (square && (h->kernel == 3 || h->kernel == 5) && h->stride <= 2 && to - from >= PR_VL) {
        pr_dw_tiled_rows(d, row, rows, from, to);
        return;
    }
    for (int i = 0; i < rows; i++) pr_dw_any_row(d, row + i, from, to);
}

#endif
