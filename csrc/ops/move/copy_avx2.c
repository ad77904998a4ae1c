/* Matrices turned in tiles of 8 x 8: eight loads, three rounds of exchanges, eight stores. */
#include "base/vec_avx2.h"
#include "ops/move/copy.h"

static void turn_tile(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row) {
    __m256 a[8], b[8];
    PR_UNROLL for (int i = 0; i < 8; i++) a[i] = _mm256_loadu_ps((const float *)(const void *)(from + i * from_row));
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
        _mm256_storeu_ps((float *)(void *)(to + i * to_row), _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps((float *)(void *)(to + (i + 4) * to_row), _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

static void transpose(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows, int64_t columns) {
    const int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
    for (int64_t c = 0; c < whole_columns; c += 8)
        for (int64_t r = 0; r < whole_rows; r += 8) turn_tile(from + c * from_row + r, from_row, to + r * to_row + c, to_row);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; c++) to[r * to_row + c] = from[c * from_row + r];
}

const pr_copy_kernels pr_copy__avx2 = {transpose};
