/* Depthwise rows, written once for all levels: included after a vector vocabulary (base/vec_*.h).
 *
 * Square kernels of 3 and 5 without dilation run as tiles of 2 rows x 4 columns of outputs: each input vector is loaded
 * once and used by every output it touches.  Everything else runs four outputs of a row at a time, tap by tap. */
#ifndef PR_OPS_DEPTHWISE_BODY_H
#define PR_OPS_DEPTHWISE_BODY_H

#include <stdbool.h>

#include "ops/conv/depthwise.h"

#define PR_DW_CROWDED 256                   /* channels: pixels a multiple of this apart share cache sets */

PR_INLINE vf pr_dw_load(const float *p, int n) { return n == PR_VL ? vf_load(p) : vf_load_n(p, n); }

PR_INLINE vf pr_dw_start(const pr_depthwise_args *d, int64_t c, int n) {
    return d->bias ? pr_dw_load(d->bias + c, n) : vf_zero();
}

/* Row y of the image, which must be there. */
PR_INLINE const float *pr_dw_row(const pr_depthwise_args *d, int64_t y) {
    return d->x + (d->ring ? y % d->ring : y) * d->x_line;
}

/* Weights of channels c, c+1, .. of tap 0; those of the next tap are PR_VL on (depthwise.h). */
PR_INLINE const float *pr_dw_weight(const pr_depthwise_args *d, int64_t c) {
    const int64_t most = d->channels > PR_VL ? d->channels - PR_VL : 0, start = c / PR_VL * PR_VL;
    return d->w + start * d->h.kernel * d->v.kernel + (c - (start < most ? start : most));
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
 * apart, and it begins at channel `base`.  Columns outside first .. last-1 (counted from the tile's first) are padding. */
typedef struct pr_dw_input {
    const float *in[7];
    int64_t step, base, first, last;
} pr_dw_input;

/* Which columns a tile looks at before it reads them: none; as many at either end as half a kernel has; all. */
typedef enum pr_dw_edge { PR_DW_INNER, PR_DW_NEAR, PR_DW_ANY } pr_dw_edge;

/* Keeps the compiler from turning an address into sums of others, one per load. */
#define PR_DW_OPAQUE(x) __asm__("" : "+r"(x))

/* Column q of a row: x86 adds {1, 2, 4, 8} * stride to an address, so few multiples need a register. */
typedef struct pr_dw_columns { ptrdiff_t one, three, five, seven, nine; } pr_dw_columns;
PR_INLINE vf pr_dw_column(const char *row, const pr_dw_columns *s, const int q) {
    const ptrdiff_t odd[] = {s->one, s->three, s->five, s->seven, s->nine};
    const int twice = q && q % 2 == 0 ? __builtin_ctz((unsigned)q) : 0;
    return vf_load((const float *)(const void *)(q ? row + odd[(q >> twice) / 2] * (1 << twice) : row));
}

/* Sums of `rows` x `columns` outputs and a vector of channels, clamped, to y.  skip: which rows are padding. */
PR_INLINE void pr_dw_sums(const char *const *in, const pr_dw_columns *s, const pr_dw_input *t, const float *w, vf start, vf lo, vf hi,
                          float *const *y, ptrdiff_t pixel, const int rows, const int columns, const int kernel, const int stride,
                          const pr_dw_edge edge) {
    const int cells = (columns - 1) * stride + kernel;
    vf acc[2][PR_DW_COLUMNS];
    PR_UNROLL for (int i = 0; i < rows; i++) {
        PR_UNROLL for (int j = 0; j < columns; j++) acc[i][j] = start;
    }
    PR_UNROLL for (int r = 0; r < (rows - 1) * stride + kernel; r++) {
        if (!t->in[r]) continue;
        PR_UNROLL for (int q = 0; q < cells; q++) {
            const int margin = edge == PR_DW_ANY ? cells : edge == PR_DW_NEAR ? kernel / 2 : 0;
            if ((q < margin && q < t->first) || (q >= cells - margin && q >= t->last)) continue;
            vf v = pr_dw_column(in[r], s, q);
            PR_UNROLL for (int i = 0; i < rows; i++) {
                PR_UNROLL for (int j = 0; j < columns; j++) {
                    const int ky = r - i * stride, kx = q - j * stride;
                    if (ky >= 0 && ky < kernel && kx >= 0 && kx < kernel)
                        acc[i][j] = vf_fma(v, vf_load(w + (ky * kernel + kx) * PR_VL), acc[i][j]);
                }
            }
        }
    }
    PR_UNROLL for (int i = 0; i < rows; i++) {
        PR_UNROLL for (int j = 0; j < columns; j++) vf_store(y[i] + j * pixel, vf_min(hi, vf_max(lo, acc[i][j])));
    }
}

/* Channels from..to-1; the last vector may lie over the one before and write the same again. */
PR_INLINE void pr_dw_tile(const pr_depthwise_args *d, const pr_dw_input *t, ptrdiff_t at, int64_t from, int64_t to, vf lo, vf hi,
                          const int rows, const int columns, const int kernel, const int stride, const pr_dw_edge edge) {
    const int lines = (rows - 1) * stride + kernel;
    const char *in[7];
    float *y[2];
    const float *w = pr_dw_weight(d, from), *bias = d->bias ? d->bias + from : NULL;
    ptrdiff_t pixel = d->y_pixel, step = t->step * (ptrdiff_t)sizeof(float);
    pr_dw_columns s = {step, 3 * step, 5 * step, 7 * step, 9 * step};
    PR_DW_OPAQUE(s.one);
    PR_DW_OPAQUE(s.three);
    PR_DW_OPAQUE(s.five);
    PR_DW_OPAQUE(s.seven);
    PR_DW_OPAQUE(s.nine);
    PR_UNROLL for (int r = 0; r < lines; r++) in[r] = (const char *)(const void *)(t->in[r] + (t->in[r] ? from - t->base : 0));
    PR_UNROLL for (int i = 0; i < rows; i++) y[i] = d->y + at + i * d->y_line + from;
    for (int64_t left = to - from; left > 0; left -= PR_VL) {
        const ptrdiff_t back = left < PR_VL ? left - PR_VL : 0, ahead = PR_VL * (ptrdiff_t)sizeof(float);
        PR_UNROLL for (int r = 0; r < lines; r++) {
            in[r] += back * (ptrdiff_t)sizeof(float);
            PR_DW_OPAQUE(in[r]);
        }
        PR_UNROLL for (int i = 0; i < rows; i++) {
            y[i] += back;
            PR_DW_OPAQUE(y[i]);
        }
        pr_dw_sums(in, &s, t, w, bias ? vf_load(bias + back) : vf_zero(), lo, hi, y, pixel, rows, columns, kernel, stride, edge);
        PR_UNROLL for (int r = 0; r < lines; r++) in[r] += ahead;
        PR_UNROLL for (int i = 0; i < rows; i++) y[i] += PR_VL;
        w += kernel * kernel * PR_VL;
        if (bias) bias += PR_VL;
    }
}

/* What is rarely asked for, on sums that a tile has stored. */
static __attribute__((noinline)) void pr_dw_finish(const pr_depthwise_args *d, ptrdiff_t at, int rows, int columns, int64_t from, int64_t to) {
    for (int i = 0; i < rows * columns; i++) {
        const ptrdiff_t here = at + i / columns * d->y_line + i % columns * d->y_pixel;
        for (int64_t c = from; c < to; c += PR_VL) {
            const int n = to - c < PR_VL ? (int)(to - c) : PR_VL;
            pr_dw_store(d, here + c, pr_dw_load(d->y + here + c, n), n);
        }
    }
}

#define PR_DW_ARGS const pr_depthwise_args *d, const pr_dw_input *t, ptrdiff_t at, int64_t from, int64_t to
typedef void pr_dw_tile_fn(PR_DW_ARGS);

#define PR_DW_TILE(name, rows, columns, kernel, stride, edge) \
    static __attribute__((noinline)) void pr_dw_##name##_##rows##x##columns##_k##kernel##s##stride(PR_DW_ARGS) { \
        const bool rare = d->residual || d->activation.slope != 1; \
        const vf lo = vf_set1(rare ? -__builtin_inff() : d->activation.lo), hi = vf_set1(rare ? __builtin_inff() : d->activation.hi); \
        pr_dw_tile(d, t, at, from, to, lo, hi, rows, columns, kernel, stride, edge); \
        if (rare) pr_dw_finish(d, at, rows, columns, from, to); \
    }
#define PR_DW_TILES(rows, kernel, stride) \
    PR_DW_TILE(inner, rows, 4, kernel, stride, PR_DW_INNER) PR_DW_TILE(near, rows, 4, kernel, stride, PR_DW_NEAR) \
    PR_DW_TILE(any, rows, 4, kernel, stride, PR_DW_ANY) PR_DW_TILE(any, rows, 1, kernel, stride, PR_DW_ANY)
#define PR_DW_SET(kernel, stride) PR_DW_TILES(1, kernel, stride) PR_DW_TILES(2, kernel, stride)
#define PR_DW_NAMES(rows, kernel, stride) { \
    pr_dw_inner_##rows##x4_k##kernel##s##stride, pr_dw_near_##rows##x4_k##kernel##s##stride, \
    pr_dw_any_##rows##x4_k##kernel##s##stride, pr_dw_any_##rows##x1_k##kernel##s##stride}
#define PR_DW_ROWS(kernel, stride) {PR_DW_NAMES(1, kernel, stride), PR_DW_NAMES(2, kernel, stride)}

PR_DW_SET(3, 1) PR_DW_SET(3, 2) PR_DW_SET(5, 1) PR_DW_SET(5, 2)

/* [kernel 5][stride 2][two rows][inner, near, any of 4 columns, any of 1] */
static pr_dw_tile_fn *const pr_dw_tiles[2][2][2][4] = {
    {PR_DW_ROWS(3, 1), PR_DW_ROWS(3, 2)}, {PR_DW_ROWS(5, 1), PR_DW_ROWS(5, 2)}};

/* One or two output rows.  line[r]: the input rows they read, at column `start` and channel t->base; columns from
 * start + `first` to start + last - 1 are there. */
static void pr_dw_line(const pr_depthwise_args *d, pr_dw_input *t, const float *const *line, int64_t start, int64_t first,
                       int64_t last, int64_t row, int rows, int64_t from, int64_t to) {
    const pr_axis *v = &d->v;
    pr_dw_tile_fn *const *tiles = pr_dw_tiles[d->h.kernel == 5][d->h.stride == 2][rows == 2];
    int lines = (int)((rows - 1) * d->h.stride + d->h.kernel);
    for (int64_t done = 0, columns; done < v->out; done += columns) {
        columns = v->out < PR_DW_COLUMNS ? 1 : PR_DW_COLUMNS;
        int64_t x = done + columns <= v->out ? done : v->out - columns;     /* the last one again over the one before */
        int64_t origin = pr_origin(v, x) - start, cells = (columns - 1) * v->stride + v->kernel, margin = v->kernel / 2;
        for (int r = 0; r < lines; r++) t->in[r] = line[r] ? line[r] + origin * t->step : NULL;
        t->first = first - origin;
        t->last = last - origin;
        int edge = t->first <= 0 && t->last >= cells ? 0 : t->first <= margin && t->last >= cells - margin ? 1 : 2;
        tiles[columns == 1 ? 3 : edge](d, t, row * d->y_line + x * d->y_pixel, from, to);
    }
}

/* Straight from the image. */
static void pr_dw_in_place(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    pr_dw_input t = {.step = d->x_pixel};
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

/* With a power of two of channels (or of floats between pixels), the pixels of a tile fall on few sets of the first-level cache and drive each other
 * out.  So PR_DW_STAGE channels of the rows are copied to where they lie side by side, with zeros for the padding. */
#define PR_DW_STAGE 32
#define PR_DW_STAGE_FLOATS 7168

static void pr_dw_copy_line(const pr_depthwise_args *d, int64_t y, int64_t c, int64_t width, float *out) {
    const float *in = y < 0 || y >= d->h.size ? NULL : pr_dw_row(d, y) + c;
    for (int64_t q = 0, x = -d->v.before; q < width; q++, x++, out += PR_DW_STAGE)
        PR_UNROLL for (int i = 0; i < PR_DW_STAGE; i += PR_VL)
            vf_store(out + i, in && x >= 0 && x < d->v.size ? vf_load(in + x * d->x_pixel + i) : vf_zero());
}

static int64_t pr_dw_width(const pr_depthwise_args *d) { return (d->v.out - 1) * d->v.stride + d->v.kernel; }
static int64_t pr_dw_lines(const pr_depthwise_args *d, int rows) { return (rows - 1) * d->h.stride + d->h.kernel; }
static bool pr_dw_fits(const pr_depthwise_args *d, int rows) {
    return pr_dw_lines(d, rows) * pr_dw_width(d) * PR_DW_STAGE <= PR_DW_STAGE_FLOATS;
}

static void pr_dw_staged(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    _Alignas(64) float stage[PR_DW_STAGE_FLOATS];
    const int64_t width = pr_dw_width(d);
    for (int64_t c = from; c < to; c += PR_DW_STAGE) {
        pr_dw_input t = {.step = PR_DW_STAGE, .base = c};
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
    bool crowded = d->x_pixel % PR_DW_CROWDED == 0 && from % PR_DW_STAGE == 0 && to % PR_DW_STAGE == 0;
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
    const int64_t step = d->v.stride * d->x_pixel, block = d->h.kernel * d->v.kernel * PR_VL;
    const float *weights = pr_dw_weight(d, c);
    vf acc[4][4];
    PR_UNROLL for (int j = 0; j < vectors; j++) {
        vf start = pr_dw_start(d, c + j * PR_VL, n);
        PR_UNROLL for (int i = 0; i < columns; i++) acc[i][j] = start;
    }
    for (int64_t ky = ky0; ky < ky1; ky++)
        for (int64_t kx = kx0; kx < kx1; kx++) {
            const float *w = weights + (ky * d->v.kernel + kx) * PR_VL;
            int64_t y = pr_origin(&d->h, row) + ky * d->h.dilation, q = pr_origin(&d->v, x) + kx * d->v.dilation;
            const float *in = pr_dw_row(d, y) + q * d->x_pixel + c;
            PR_UNROLL for (int j = 0; j < vectors; j++) {
                vf weight = pr_dw_load(w + j * block, n);
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
