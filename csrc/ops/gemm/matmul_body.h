/* Products with few rows: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/gemm/matmul.h"
#include "ops/level.h"

PR_INLINE void some_rows(const float *a, const float *b, ptrdiff_t ldb, int64_t n, float *y, const int rows) {
    vf factor[PR_MATMUL_ROWS];
    PR_UNROLL for (int i = 0; i < rows; i++) factor[i] = vf_set1(a[i]);
    int64_t j = 0;
    for (; j + PR_VL <= n; j += PR_VL) {
        vf sum = vf_load(y + j);
        PR_UNROLL for (int i = 0; i < rows; i++) sum = vf_fma(factor[i], vf_load(b + i * ldb + j), sum);
        vf_store(y + j, sum);
    }
    if (j == n) return;
    const int rest = (int)(n - j);
    vf sum = vf_load_n(y + j, rest);
    PR_UNROLL for (int i = 0; i < rows; i++) sum = vf_fma(factor[i], vf_load_n(b + i * ldb + j, rest), sum);
    vf_store_n(y + j, sum, rest);
}

static void add_rows(const float *a, const float *b, ptrdiff_t ldb, int64_t rows, int64_t n, float *y) {
    if (rows == PR_MATMUL_ROWS) some_rows(a, b, ldb, n, y, PR_MATMUL_ROWS);
    else for (int64_t i = 0; i < rows; i++) some_rows(a + i, b + i * ldb, ldb, n, y, 1);
}

/* `count` columns at a time, two sums each, so that fma's latency hides behind the others. */
PR_INLINE void some_dots(const float *a, const float *b, ptrdiff_t ldb, int64_t k, float *y, const int count) {
    vf sum[4][2];
    PR_UNROLL for (int j = 0; j < count; j++) sum[j][0] = sum[j][1] = vf_zero();
    int64_t p = 0;
    for (; p + 2 * PR_VL <= k; p += 2 * PR_VL) {
        const vf low = vf_load(a + p), high = vf_load(a + p + PR_VL);
        PR_UNROLL for (int j = 0; j < count; j++) {
            sum[j][0] = vf_fma(low, vf_load(b + j * ldb + p), sum[j][0]);
            sum[j][1] = vf_fma(high, vf_load(b + j * ldb + p + PR_VL), sum[j][1]);
        }
    }
    for (; p < k; p += PR_VL) {
        const int n = k - p < PR_VL ? (int)(k - p) : PR_VL;
        const vf part = vf_load_n(a + p, n);
        PR_UNROLL for (int j = 0; j < count; j++) sum[j][0] = vf_fma(part, vf_load_n(b + j * ldb + p, n), sum[j][0]);
    }
    PR_UNROLL for (int j = 0; j < count; j++) y[j] = vf_hsum(vf_add(sum[j][0], sum[j][1]));
}

static void dots(const float *a, const float *b, ptrdiff_t ldb, int64_t k, int64_t n, float *y) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) some_dots(a, b + j * ldb, ldb, k, y + j, 4);
    for (; j < n; j++) some_dots(a, b + j * ldb, ldb, k, y + j, 1);
}

/* 12 sums: as many as hide fma's latency and leave room for what they read in 16 registers. */
PR_INLINE void dot_block(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, float *y, ptrdiff_t ldy,
                         const int count) {
    vf sum[PR_DOT_ROWS][4];
    PR_UNROLL for (int i = 0; i < PR_DOT_ROWS; i++) PR_UNROLL for (int j = 0; j < count; j++) sum[i][j] = vf_zero();
    int64_t p = 0;
    for (; p + PR_VL <= k; p += PR_VL) {
        vf row[PR_DOT_ROWS];
        PR_UNROLL for (int i = 0; i < PR_DOT_ROWS; i++) row[i] = vf_load(a + i * lda + p);
        PR_UNROLL for (int j = 0; j < count; j++) {
            const vf column = vf_load(b + j * ldb + p);
            PR_UNROLL for (int i = 0; i < PR_DOT_ROWS; i++) sum[i][j] = vf_fma(row[i], column, sum[i][j]);
        }
    }
    if (p < k) {
        const int n = (int)(k - p);
        PR_UNROLL for (int j = 0; j < count; j++) {
            const vf column = vf_load_n(b + j * ldb + p, n);
            PR_UNROLL for (int i = 0; i < PR_DOT_ROWS; i++) sum[i][j] = vf_fma(vf_load_n(a + i * lda + p, n), column, sum[i][j]);
        }
    }
    PR_UNROLL for (int i = 0; i < PR_DOT_ROWS; i++) PR_UNROLL for (int j = 0; j < count; j++) y[i * ldy + j] = vf_hsum(sum[i][j]);
}

static void dot_rows(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, int64_t n, float *y, ptrdiff_t ldy) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) dot_block(a, lda, b + j * ldb, ldb, k, y + j, ldy, 4);
    for (; j < n; j++) dot_block(a, lda, b + j * ldb, ldb, k, y + j, ldy, 1);
}

/* `rows` rows of y, `vectors` vectors wide, of which the last has `last` numbers; 0 when all are full. */
PR_INLINE void outer_block(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, float *y, ptrdiff_t ldy,
                           const int rows, const int vectors, const int last) {
    vf sum[4][3];
    PR_UNROLL for (int i = 0; i < rows; i++) PR_UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = vf_zero();
    for (int64_t p = 0; p < k; p++) {
        vf wide[3];
        PR_UNROLL for (int j = 0; j < vectors; j++)
            wide[j] = last ? vf_load_n(b + p * ldb + j * PR_VL, last) : vf_load(b + p * ldb + j * PR_VL);
        PR_UNROLL for (int i = 0; i < rows; i++) {
            const vf factor = vf_set1(a[p * lda + i]);
            PR_UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = vf_fma(factor, wide[j], sum[i][j]);
        }
    }
    PR_UNROLL for (int i = 0; i < rows; i++) PR_UNROLL for (int j = 0; j < vectors; j++) {
        if (last) vf_store_n(y + i * ldy + j * PR_VL, sum[i][j], last);
        else vf_store(y + i * ldy + j * PR_VL, sum[i][j]);
    }
}

PR_INLINE void outer_columns(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, int64_t m, float *y,
                             ptrdiff_t ldy, const int vectors, const int last) {
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) outer_block(a + i, lda, b, ldb, k, y + i * ldy, ldy, 4, vectors, last);
    for (; i < m; i++) outer_block(a + i, lda, b, ldb, k, y + i * ldy, ldy, 1, vectors, last);
}

static void outer(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, int64_t m, int64_t n, float *y,
                  ptrdiff_t ldy) {
    int64_t j = 0;
    for (; j + 3 * PR_VL <= n; j += 3 * PR_VL) outer_columns(a, lda, b + j, ldb, k, m, y + j, ldy, 3, 0);
    for (; j + PR_VL <= n; j += PR_VL) outer_columns(a, lda, b + j, ldb, k, m, y + j, ldy, 1, 0);
    if (j < n) outer_columns(a, lda, b + j, ldb, k, m, y + j, ldy, 1, (int)(n - j));
}

const pr_matmul_kernels PR_LEVEL_NAME(pr_matmul) = {add_rows, dots, dot_rows, outer};
