/* Products of matrices that are only known at run time, made with the tile of gemm. */
#ifndef PR_OPS_TRAINING_MATRIX_H
#define PR_OPS_TRAINING_MATRIX_H

#include "ops/gemm/gemm_kernel.h"
#include "ops/move/copy.h"

/* Panels of a packed matrix with `columns` columns, and which columns panel i has. */
typedef struct pr_panel {
    int64_t first, columns, vectors;        /* columns that exist; vectors of the packed form */
} pr_panel;
int64_t pr_panels(const pr_gemm_kernel *kernel, int64_t columns);
pr_panel pr_panel_at(const pr_gemm_kernel *kernel, int64_t columns, int64_t i);

/* out[p][j] = b[p*stride_k + j*stride_n], p < depth, j < columns; the rest of each row of `width` floats is 0. */
void pr_pack_columns(const pr_copy_kernels *copy, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n, int64_t depth,
                     int64_t columns, int64_t width, float *out);
/* out[j*stride_out + i] = in[i*stride_in + j], i < rows, j < columns */
static inline void pr_transpose_matrix(const pr_copy_kernels *copy, const float *in, ptrdiff_t stride_in, int64_t rows,
                                       int64_t columns, float *out, ptrdiff_t stride_out) {
    copy->transpose((const pr_word *)(const void *)in, stride_in, (pr_word *)(void *)out, stride_out, columns, rows);
}

#endif
