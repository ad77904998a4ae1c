/* Matrices turned in tiles of 4 x 4; three planes of a picture to pixels, and back, by the instructions made for it. */
#include "base/vec_neon.h"
#include "ops/move/copy.h"

static void turn_tile(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row) {
    const float32x4x2_t top = vtrnq_f32(vld1q_f32((const float *)(const void *)from),
                                        vld1q_f32((const float *)(const void *)(from + from_row)));
    const float32x4x2_t low = vtrnq_f32(vld1q_f32((const float *)(const void *)(from + 2 * from_row)),
                                        vld1q_f32((const float *)(const void *)(from + 3 * from_row)));
    PR_UNROLL for (int i = 0; i < 2; i++) {
        vst1q_f32((float *)(void *)(to + i * to_row), vcombine_f32(vget_low_f32(top.val[i]), vget_low_f32(low.val[i])));
        vst1q_f32((float *)(void *)(to + (i + 2) * to_row), vcombine_f32(vget_high_f32(top.val[i]), vget_high_f32(low.val[i])));
    }
}

static const float *floats(const pr_word *p) { return (const float *)(const void *)p; }

/* Three columns to pixels that lie side by side, from row r on; returns the first row that is not done. */
static int64_t planes_to_pixels(const pr_word *from, int64_t from_row, pr_word *to, int64_t rows) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float32x4x3_t v = {{vld1q_f32(floats(from + r)), vld1q_f32(floats(from + from_row + r)),
                                  vld1q_f32(floats(from + 2 * from_row + r))}};
        vst3q_f32((float *)(void *)(to + 3 * r), v);
    }
    return r;
}

/* The same the other way round, by columns. */
static int64_t pixels_to_planes(const pr_word *from, pr_word *to, int64_t to_row, int64_t columns) {
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4) {
        const float32x4x3_t v = vld3q_f32(floats(from + 3 * c));
        PR_UNROLL for (int i = 0; i < 3; i++) vst1q_f32((float *)(void *)(to + i * to_row + c), v.val[i]);
    }
    return c;
}

static void transpose(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows, int64_t columns) {
    if (columns == 3 && to_row == 3) {
        const int64_t done = planes_to_pixels(from, from_row, to, rows);
        from += done, to += 3 * done, rows -= done;
    } else if (rows == 3 && from_row == 3) {
        const int64_t done = pixels_to_planes(from, to, to_row, columns);
        from += 3 * done, to += done, columns -= done;
    }
    const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (int64_t c = 0; c < whole_columns; c += 4)
        for (int64_t r = 0; r < whole_rows; r += 4) turn_tile(from + c * from_row + r, from_row, to + r * to_row + c, to_row);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; c++) to[r * to_row + c] = from[c * from_row + r];
}

const pr_copy_kernels pr_copy__neon = {transpose};
