/* Matrices turned in tiles of 8 x 8: eight loads, three rounds of exchanges, eight stores. */
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

static void transpose(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows, int64_t columns) {
    for (int64_t c = 0; c < columns; c += 8)
        for (int64_t r = 0; r < rows; r += 8) {
            const int wide = columns - c < 8 ? (int)(columns - c) : 8, high = rows - r < 8 ? (int)(rows - r) : 8;
            const pr_word *source = from + c * from_row + r;
            pr_word *target = to + r * to_row + c;
            if (wide == 8 && high == 8) turn_tile(source, from_row, target, to_row, 8, 8);
            else turn_tile(source, from_row, target, to_row, high, wide);
        }
}

const pr_copy_kernels pr_copy__avx2 = {transpose};
