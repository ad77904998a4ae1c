/* Matrix product with a constant right side: dense layers; the tile that convolution and LSTM use too. */
#ifndef PR_OPS_GEMM_H
#define PR_OPS_GEMM_H

#include "ops/activation.h"
#include "ops/gemm/codes.h"
#include "ops/ops.h"

/* x (..., K)   w (N, K) or packed   bias (N)?   residual = shape of y?   ->   y (..., N) = activation(x wᵀ + bias + residual) */
typedef struct pr_gemm_attrs {
    int32_t inputs, outputs;                /* K, N */
    int32_t layout;                         /* 0: w as in the file; else the packed form (pr_gemm_layout), perhaps of codes */
    int32_t has_bias, has_residual;
    pr_activation activation;
} pr_gemm_attrs;

/* The product as the family offers it to others:
 *
 *   c[y][x][n] = activation(bias[n] + residual[y][x][n] + sum over s, p of a[y*a_line + x*a_pixel + segment[s] + p] * B[s*k + p][n])
 *
 * for y < lines, x < pixels, s < segments, p < k, n < columns.  One segment at 0 is a plain product; one segment per
 * kernel row or tap is a convolution read in place.  B is packed by pr_gemm_pack_matrix with depth segments * k. */
typedef struct pr_gemm_args {
    const float *a, *b, *bias, *residual;   /* bias, residual may be NULL; residual has c's strides */
    float *c;
    int64_t lines, pixels, columns;
    ptrdiff_t a_line, a_pixel;              /* floats */
    ptrdiff_t c_line, c_pixel;
    const ptrdiff_t *segment;               /* NULL: one, at 0 */
    int64_t segments, k;
    pr_activation activation;
    const pr_codes *codes;                  /* B, when it is compressed; b is not read then */
    bool in_order;                          /* few rows, too, sum over the depth in the order that many do */
    int64_t ahead_step;                     /* pr_gemm_multiply's own, as the next: what a tile reads ahead, floats per depth */
    bool few;                               /* the product has PR_GEMM_FEW rows at most: parts of the depth have their own sums */
} pr_gemm_args;

struct pr_gemm_kernel;

/* Floats of a packed (depth, columns) matrix; columns are rounded up to whole vectors.  -1: absurd. */
int64_t pr_gemm_packed_floats(const struct pr_gemm_kernel *kernel, int64_t depth, int64_t columns);
/* B[p][n] = b[p*stride_k + n*stride_n] */
void pr_gemm_pack_matrix(const struct pr_gemm_kernel *kernel, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                         int64_t depth, int64_t columns, float *out);
/* The same for a depth that counts in four steps, the last one fastest: B[i, j, k, p][n] = b[i*stride[0] + j*stride[1] +
 * k*stride[2] + p*stride[3] + n*stride_n], i < count[0] and so on. */
typedef struct pr_gemm_steps { int64_t count[4]; ptrdiff_t stride[4]; } pr_gemm_steps;
void pr_gemm_pack_steps(const struct pr_gemm_kernel *kernel, const float *b, const pr_gemm_steps *steps, ptrdiff_t stride_n,
                        int64_t columns, float *out);
/* Names the packed form, never 0.  Kernels with one layout read each other's matrices. */
int32_t pr_gemm_layout(const struct pr_gemm_kernel *kernel);
/* The same bits for any number of threads.  pool may be NULL. */
void pr_gemm_multiply(const struct pr_gemm_kernel *kernel, pr_pool *pool, const pr_gemm_args *args);

#endif
