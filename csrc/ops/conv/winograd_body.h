/* The transforms on vectors of channels: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/activation_vec.h"
#include "ops/conv/winograd.h"
#include "ops/level.h"

#define ROOT_HALF 0.70710678f                               /* √½ */
#define ROOT_2 1.41421356f                               /* √2 */

/* One row or column of a tile, in place: cells to as many points. */
PR_INLINE void to_points_4(vf *d) {
    const vf x0 = d[0], x1 = d[1], x2 = d[2], x3 = d[3];
    d[0] = vf_sub(x2, x0), d[1] = vf_add(x1, x2), d[2] = vf_sub(x2, x1), d[3] = vf_sub(x3, x1);
}
PR_INLINE void to_points_6(vf *d) {
    const vf even_a = vf_fma(vf_set1(-2), d[2], d[4]), odd_a = vf_mul(vf_set1(ROOT_HALF), vf_fma(vf_set1(-2), d[1], d[3]));
    const vf even_b = vf_fma(vf_set1(-0.5f), d[2], d[4]), odd_b = vf_mul(vf_set1(ROOT_2), vf_fma(vf_set1(-0.5f), d[1], d[3]));
    d[0] = vf_fma(vf_set1(-2.5f), d[2], vf_add(d[0], d[4]));
    d[5] = vf_fma(vf_set1(-2.5f), d[3], vf_add(d[1], d[5]));
    d[1] = vf_add(even_a, odd_a), d[2] = vf_sub(even_a, odd_a);
    d[3] = vf_add(even_b, odd_b), d[4] = vf_sub(even_b, odd_b);
}

/* Points to outputs, which come first. */
PR_INLINE void from_points_2_of_4(vf *p) {
    const vf sum = vf_add(p[1], p[2]), difference = vf_sub(p[1], p[2]);
    p[0] = vf_add(p[0], sum), p[1] = vf_add(difference, p[3]);
}
PR_INLINE void from_points_4_of_6(vf *p) {
    const vf sum_a = vf_add(p[1], p[2]), difference_a = vf_mul(vf_set1(ROOT_HALF), vf_sub(p[1], p[2]));
    const vf sum_b = vf_add(p[3], p[4]), difference_b = vf_mul(vf_set1(ROOT_2), vf_sub(p[3], p[4]));
    p[0] = vf_add(p[0], vf_add(sum_a, sum_b));
    p[1] = vf_add(difference_a, difference_b);
    p[2] = vf_fma(vf_set1(2), sum_b, vf_mul(vf_set1(0.5f), sum_a));
    p[3] = vf_fma(vf_set1(2), difference_b, vf_fma(vf_set1(0.5f), difference_a, p[5]));
}
PR_INLINE void from_points_2_of_6(vf *p) {
    const vf difference_a = vf_mul(vf_set1(ROOT_HALF), vf_sub(p[1], p[2])), difference_b = vf_mul(vf_set1(ROOT_2), vf_sub(p[3], p[4]));
    p[0] = vf_add(p[0], vf_add(vf_add(p[1], p[2]), vf_add(p[3], p[4])));
    p[1] = vf_add(difference_a, vf_add(difference_b, p[5]));
}

/* Each line of a tile is far from the next one, too far for the hardware to guess what comes: on the way, the first time
 * that a line of cache is met, the same cells of the next tile are read ahead, and so are those to be written. */
enum { LINE = 16 };

/* `whole` and `lanes` are constants where these are used: the common case has no comparison in it. */
#define INPUT(SIDE) \
    PR_INLINE void input_chunk_##SIDE(const pr_winograd_in *t, int64_t c, int lanes, int whole) { \
        vf cell[SIDE][SIDE]; \
        PR_UNROLL for (int i = 0; i < SIDE; i++) { \
            const int there = whole || (i >= t->rows[0] && i < t->rows[1]); \
            const float *row = t->image + (t->at + i * t->line + c); \
            PR_UNROLL for (int j = 0; j < SIDE; j++) { \
                if (there && (whole || (j >= t->columns[0] && j < t->columns[1]))) \
                    cell[i][j] = lanes == PR_VL ? vf_load(row + j * t->channels) : vf_load_n(row + j * t->channels, lanes); \
                else cell[i][j] = vf_zero(); \
            } \
            if (whole && c % LINE < PR_VL) PR_UNROLL for (int j = 2; j < SIDE; j++) __builtin_prefetch(row + (j + SIDE - 2) * t->channels, 0, 3); \
            to_points_##SIDE(cell[i]); \
        } \
        PR_UNROLL for (int j = 0; j < SIDE; j++) { \
            vf column[SIDE]; \
            PR_UNROLL for (int i = 0; i < SIDE; i++) column[i] = cell[i][j]; \
            to_points_##SIDE(column); \
            PR_UNROLL for (int i = 0; i < SIDE; i++) vf_store(t->u + (i * SIDE + j) * t->stride + c, column[i]); \
        } \
    } \
    static void input_##SIDE(const pr_winograd_in *t) { \
        const int whole = t->rows[0] == 0 && t->columns[0] == 0 && t->rows[1] == SIDE && t->columns[1] == SIDE; \
        int64_t c = 0; \
        if (whole) for (; c + PR_VL <= t->channels; c += PR_VL) input_chunk_##SIDE(t, c, PR_VL, 1); \
        else for (; c + PR_VL <= t->channels; c += PR_VL) input_chunk_##SIDE(t, c, PR_VL, 0); \
        if (c < t->channels) input_chunk_##SIDE(t, c, (int)(t->channels - c), 0); \
    }

#define OUTPUT(m, SIDE) \
    PR_INLINE void output_chunk_##m##_of_##SIDE(const pr_winograd_out *t, int64_t c, int lanes, vf_activation act) { \
        vf point[SIDE][SIDE]; \
        const vf bias = !t->bias ? vf_zero() : lanes == PR_VL ? vf_load(t->bias + c) : vf_load_n(t->bias + c, lanes); \
        PR_UNROLL for (int j = 0; j < SIDE; j++) { \
            vf column[SIDE]; \
            PR_UNROLL for (int i = 0; i < SIDE; i++) column[i] = vf_load(t->products + (i * SIDE + j) * t->stride + c); \
            if (c % LINE < PR_VL) \
                PR_UNROLL for (int i = 0; i < SIDE; i++) __builtin_prefetch(t->products + ((i * SIDE + j) * t->stride + c + LINE), 0, 3); \
            from_points_##m##_of_##SIDE(column); \
            PR_UNROLL for (int i = 0; i < m; i++) point[i][j] = column[i]; \
        } \
        PR_UNROLL for (int i = 0; i < m; i++) { \
            from_points_##m##_of_##SIDE(point[i]); \
            if (i < t->rows) { \
                if (c % LINE < PR_VL) \
                    PR_UNROLL for (int j = m; j < 2 * m; j++) __builtin_prefetch(t->y + (i * t->line + j * t->pixel + c), 1, 3); \
                PR_UNROLL for (int j = 0; j < m; j++) { \
                    if (j < t->columns) { \
                        const ptrdiff_t at = i * t->line + j * t->pixel + c; \
                        vf y = vf_add(point[i][j], bias); \
                        if (t->residual) \
                            y = vf_add(y, lanes == PR_VL ? vf_load(t->residual + at) : vf_load_n(t->residual + at, lanes)); \
                        y = vf_activate(y, act); \
                        if (lanes == PR_VL) vf_store(t->y + at, y); \
                        else vf_store_n(t->y + at, y, lanes); \
                    } \
                } \
            } \
        } \
    } \
    static void output_##m##_of_##SIDE(const pr_winograd_out *t) { \
        const vf_activation act = vf_activation_of(t->activation); \
        int64_t c = 0; \
        for (; c + PR_VL <= t->channels; c += PR_VL) output_chunk_##m##_of_##SIDE(t, c, PR_VL, act); \
        if (c < t->channels) output_chunk_##m##_of_##SIDE(t, c, (int)(t->channels - c), act); \
    }

INPUT(4)
INPUT(6)
OUTPUT(2, 4)
OUTPUT(4, 6)
OUTPUT(2, 6)

/* A level may have better ones for the usual tiles. */
#ifndef PR_INPUT_6
#define PR_INPUT_6 input_6
#define PR_OUTPUT_4_OF_6 output_4_of_6
#endif

const pr_winograd_kernels PR_LEVEL_NAME(pr_winograd) = {{input_4, PR_INPUT_6}, {output_2_of_4, PR_OUTPUT_4_OF_6, output_2_of_6}};
