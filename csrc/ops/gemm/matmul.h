/* Matrix product of two computed values.  NeuralNetwork.proto, BatchedMatMulLayerParams. */
#ifndef PR_OPS_MATMUL_H
#define PR_OPS_MATMUL_H

#include "ops/ops.h"

/* a (..., M, K), or (..., K, M) with transpose_a   b (..., K, N), or (..., N, K) with transpose_b   ->   y (..., M, N)
 * Leading dimensions broadcast.  An empty K gives zeros. */
typedef struct pr_matmul_attrs {
    int32_t transpose_a, transpose_b;
} pr_matmul_attrs;

#define PR_MATMUL_ROWS 8
#define PR_DOT_ROWS 3
/* What a level gives to products with few rows, where packing b would cost as much as the product. */
typedef struct pr_matmul_kernels {
    /* y[j] += sum over i < rows of a[i] * b[i*ldb + j], j < n; rows is 1 .. PR_MATMUL_ROWS */
    void (*add_rows)(const float *a, const float *b, ptrdiff_t ldb, int64_t rows, int64_t n, float *y);
    /* y[j] = sum over p < k of a[p] * b[j*ldb + p], j < n */
    void (*dots)(const float *a, const float *b, ptrdiff_t ldb, int64_t k, int64_t n, float *y);
    /* The same for PR_DOT_ROWS rows of a and y, lda and ldy floats apart. */
    void (*dot_rows)(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, int64_t n, float *y, ptrdiff_t ldy);
    /* y[i*ldy + j] = sum over p < k of a[i + p*lda] * b[p*ldb + j], i < m, j < n: a few long rows of b, read where they lie */
    void (*outer)(const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, int64_t k, int64_t m, int64_t n, float *y,
                  ptrdiff_t ldy);
} pr_matmul_kernels;

#endif
