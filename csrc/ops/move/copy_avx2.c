/* Matrices turned in tiles of 8 x 8: eight loads, three rounds of exchanges, eight stores.  Three planes of a picture become
 * pixels by exchanges of their own. */
#include "base/vec_avx2.h"
#include "ops/move/copy.h"

static inline const float *floats(const pr_word *p) { return (const float *)(const void *)p; }

/* rows, columns: 1 .. 8 of the tile exist. */
PR_INLINE void turn_tile(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int rows, int columns) {
    __m256 a[8], b[8];
    PR_UNROLL for (int i = 0; i < 8; i++)
        a[i] = i >= columns ? vf_zero() : rows == 8 ? vf_load(floats(from + i * from_row)) : vf_load_n(floats(from + i * from_row), rows);
    PR_UNROLL for (int i = 0; i < 8; i += 2) {          /* pairs */
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    PR_UNROLL for (int i = 0; i < 8; i += 4) {          /* fours */
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
    PR_UNROLL for (int i = 0; i < 4; i++) {             /* halves */
        b[i] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x20);
        b[i + 4] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x31);
    }
    PR_UNROLL for (int i = 0; i < 8; i++) {
        if (i >= rows) break;
        if (columns == 8) vf_store((float *)(void *)(to + i * to_row), b[i]);
        else vf_store_n((float *)(void *)(to + i * to_row), b[i], columns);
    }
}

/* Three columns to pixels that lie side by side, from row r on; returns the first row that is not done. */
static int64_t planes_to_pixels(const pr_word *from, int64_t from_row, pr_word *to, int64_t rows) {
    int64_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        const __m256 x = vf_load(floats(from + r)), y = vf_load(floats(from + from_row + r)), z = vf_load(floats(from + 2 * from_row + r));
        const __m256 xy = _mm256_shuffle_ps(x, y, 0x88), yz = _mm256_shuffle_ps(y, z, 0xdd), zx = _mm256_shuffle_ps(z, x, 0xd8);
        const __m256 a = _mm256_shuffle_ps(xy, zx, 0x88), b = _mm256_shuffle_ps(yz, xy, 0xd8), c = _mm256_shuffle_ps(zx, yz, 0xdd);
        float *out = (float *)(void *)(to + 3 * r);     /* a: x0 y0 z0 x1, b: y1 z1 x2 y2, c: z2 x3 y3 z3, and four pixels further */
        vf_store(out, _mm256_permute2f128_ps(a, b, 0x20));
        vf_store(out + 8, _mm256_permute2f128_ps(c, a, 0x30));
        vf_store(out + 16, _mm256_permute2f128_ps(b, c, 0x31));
    }
    return r;
}

/* Columns, so many of a few rows of the target at a time: whole lines of it are filled before others come, which may share
 * their cache set. */
enum { LINES = 64 };
static void transpose(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows, int64_t columns) {
    if (columns == 3 && to_row == 3) {
        const int64_t done = planes_to_pixels(from, from_row, to, rows);
        from += done, to += 3 * done, rows -= done;
    }
    for (int64_t line = 0; line < columns; line += LINES)
        for (int64_t r = 0; r < rows; r += 8)
            for (int64_t c = line; c < columns && c < line + LINES; c += 8) {
                const int wide = columns - c < 8 ? (int)(columns - c) : 8, high = rows - r < 8 ? (int)(rows - r) : 8;
                const pr_word *source = from + c * from_row + r;
                pr_word *target = to + r * to_row + c;
                if (wide == 8 && high == 8) turn_tile(source, from_row, target, to_row, 8, 8);
                else turn_tile(source, from_row, target, to_row, high, wide);
            }
}

const pr_copy_kernels pr_copy__avx2 = {transpose};
