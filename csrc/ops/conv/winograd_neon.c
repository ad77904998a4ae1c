/* The transforms of 4 x 4 outputs of a 3x3 kernel, m = 4, are most of what the others are worth: whole tiles have code
 * without a branch here, whose constants are lanes of one register, so that the numbers of a tile find room. */
#include <math.h>
#include <stdbool.h>

#include "base/vec_neon.h"
#include "ops/conv/winograd.h"

static void input_6_neon(const pr_winograd_in *t);
static void output_4_of_6_neon(const pr_winograd_out *t);
#define PR_LEVEL neon
#define PR_INPUT_6 input_6_neon
#define PR_OUTPUT_4_OF_6 output_4_of_6_neon
#include "ops/conv/winograd_body.h"

/* Compilers that mix the lines of a tile keep numbers of it on the stack. */
#define FENCE() __asm__ volatile("" ::: "memory")

/* from_points_4_of_6, to the bit; k: √½, √2, 2, ½. */
PR_INLINE void from_six(const vf p[6], vf out[4], vf k) {
    const vf sum_a = vf_add(p[1], p[2]), difference_a = vmulq_laneq_f32(vf_sub(p[1], p[2]), k, 0);
    const vf sum_b = vf_add(p[3], p[4]), difference_b = vmulq_laneq_f32(vf_sub(p[3], p[4]), k, 1);
    out[0] = vf_add(p[0], vf_add(sum_a, sum_b));
    out[1] = vf_add(difference_a, difference_b);
    out[2] = vfmaq_laneq_f32(vmulq_laneq_f32(sum_a, k, 3), sum_b, k, 2);
    out[3] = vfmaq_laneq_f32(vfmaq_laneq_f32(p[5], difference_a, k, 3), difference_b, k, 2);
}

/* What the next LINE channels read, while these are being worked on. */
static void read_ahead(const float *products, ptrdiff_t stride) {
    for (int p = 0; p < 36; p++, products += stride) __builtin_prefetch(products, 0, 3);
}

PR_INLINE void output_whole(const pr_winograd_out *t, const int high) {
    const ptrdiff_t stride = t->stride, line = t->line, pixel = t->pixel;
    const vf k = {ROOT_HALF, ROOT_2, 2, 0.5f}, lo = vf_set1(t->activation->lo), hi = vf_set1(t->activation->hi);
    const float *products = t->products, *bias = t->bias;
    float *y = t->y;
    for (int64_t c = 0, last = t->channels; c < last; c += PR_VL, products += PR_VL, y += PR_VL) {
        vf point[6][4], out[4];
        if (c % LINE == 0 && c + LINE < last) read_ahead(products + LINE, stride);
        const float *from = products;
        PR_UNROLL for (int j = 0; j < 6; j++, from += stride) {
            vf column[6];
            PR_UNROLL for (int i = 0; i < 6; i++) column[i] = vf_load(from + 6 * i * stride);
            from_six(column, point[j], k);
            FENCE();
        }
        const vf start = bias ? vf_load(bias + c) : vf_zero();
        float *to = y;
        PR_UNROLL for (int i = 0; i < 4; i++, to += line) {
            vf row[6];
            PR_UNROLL for (int j = 0; j < 6; j++) row[j] = point[j][i];
            from_six(row, out, k);
            PR_UNROLL for (int j = 0; j < 4; j++) {
                const vf sum = vf_max(lo, vf_add(out[j], start));
                vf_store(to + j * pixel, high ? vf_min(hi, sum) : sum);
            }
            FENCE();
        }
    }
}

static void output_4_of_6_neon(const pr_winograd_out *t) {
    const bool whole = t->rows == 4 && t->columns == 4 && !t->residual && t->activation->slope == 1 && t->channels % PR_VL == 0;
    if (!whole) output_4_of_6(t);
    else if (t->activation->hi < INFINITY) output_whole(t, 1);
    else output_whole(t, 0);
}

/* to_points_6, to the bit; k: -2, √½, -½, √2. */
PR_INLINE void to_six(vf d[6], vf k, vf less) {
    const vf even_a = vfmaq_laneq_f32(d[4], d[2], k, 0), odd_a = vmulq_laneq_f32(vfmaq_laneq_f32(d[3], d[1], k, 0), k, 1);
    const vf even_b = vfmaq_laneq_f32(d[4], d[2], k, 2), odd_b = vmulq_laneq_f32(vfmaq_laneq_f32(d[3], d[1], k, 2), k, 3);
    d[0] = vf_fma(less, d[2], vf_add(d[0], d[4]));
    d[5] = vf_fma(less, d[3], vf_add(d[1], d[5]));
    d[1] = vf_add(even_a, odd_a), d[2] = vf_sub(even_a, odd_a);
    d[3] = vf_add(even_b, odd_b), d[4] = vf_sub(even_b, odd_b);
}

/* The same channels of the tile on the right, which shares two columns with this one. */
static void read_right(const float *image, ptrdiff_t line, ptrdiff_t pixel) {
    for (int i = 0; i < 6; i++)
        for (int j = 6; j < 10; j++) __builtin_prefetch(image + i * line + j * pixel, 0, 3);
}

/* All cells are there; u: as t->u, at the first of these channels. */
static void input_whole(const float *image, ptrdiff_t line, ptrdiff_t pixel, int64_t channels, float *u, ptrdiff_t stride,
                        bool ahead) {
    const vf k = {-2, ROOT_HALF, -0.5f, ROOT_2}, less = vf_set1(-2.5f);
    for (int64_t c = 0; c < channels; c += PR_VL, image += PR_VL, u += PR_VL) {
        vf cell[6][6];
        if (ahead && c % LINE == 0) read_right(image, line, pixel);
        const float *from = image;
        PR_UNROLL for (int i = 0; i < 6; i++, from += line) {
            PR_UNROLL for (int j = 0; j < 6; j++) cell[i][j] = vf_load(from + j * pixel);
            to_six(cell[i], k, less);
            FENCE();
        }
        float *to = u;
        PR_UNROLL for (int j = 0; j < 6; j++, to += stride) {
            vf column[6];
            PR_UNROLL for (int i = 0; i < 6; i++) column[i] = cell[i][j];
            to_six(column, k, less);
            PR_UNROLL for (int i = 0; i < 6; i++) vf_store(to + 6 * i * stride, column[i]);
            FENCE();
        }
    }
}

/* A tile over the image's edge is copied first, so many channels at a time, with zeros around it. */
enum { STAGE = 64 };

static void stage_cells(const pr_winograd_in *t, int64_t c, int64_t count, float *to) {
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++, to += count) {
            if (i >= t->rows[0] && i < t->rows[1] && j >= t->columns[0] && j < t->columns[1]) {
                const float *from = t->image + (t->at + i * t->line + j * t->channels + c);
                for (int64_t n = 0; n < count; n += PR_VL) vf_store(to + n, vf_load(from + n));
            } else for (int64_t n = 0; n < count; n += PR_VL) vf_store(to + n, vf_zero());
        }
}

static void input_6_neon(const pr_winograd_in *t) {
    float stage[6 * 6 * STAGE];
    if (t->channels % PR_VL) input_6(t);
    else if (t->rows[0] == 0 && t->columns[0] == 0 && t->rows[1] == 6 && t->columns[1] == 6)
        input_whole(t->image + t->at, t->line, t->channels, t->channels, t->u, t->stride, true);
    else for (int64_t c = 0; c < t->channels; c += STAGE) {
        const int64_t count = t->channels - c < STAGE ? t->channels - c : STAGE;
        stage_cells(t, c, count, stage);
        input_whole(stage, 6 * count, count, count, t->u + c, t->stride, false);
    }
}
