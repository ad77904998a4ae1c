#include "ops/training/matrix.h"

#include <string.h>

int64_t pr_panels(const pr_gemm_kernel *kernel, int64_t columns) {
    int64_t total = (columns + kernel->lanes - 1) / kernel->lanes;
    if (!total) return 0;
    return (total - pr_gemm_panel(kernel, total, 0)) / kernel->panel + 1;
}

pr_panel pr_panel_at(const pr_gemm_kernel *kernel, int64_t columns, int64_t i) {
    int64_t total = (columns + kernel->lanes - 1) / kernel->lanes, first = pr_gemm_panel(kernel, total, 0);
    int64_t done = i ? first + (i - 1) * kernel->panel : 0, vectors = i ? kernel->panel : first;
    int64_t from = done * kernel->lanes, left = columns - from, wide = vectors * kernel->lanes;
    return (pr_panel){from, left < wide ? left : wide, vectors};
}

void pr_pack_columns(const pr_copy_kernels *copy, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n, int64_t depth,
                     int64_t columns, int64_t width, float *out) {
    size_t gap = (size_t)(width - columns) * sizeof *out;
    if (stride_n == 1) {
        for (int64_t p = 0; p < depth; p++, out += width) {
            memcpy(out, b + p * stride_k, (size_t)columns * sizeof *out);
            if (gap) memset(out + columns, 0, gap);
        }
        return;
    }
    if (stride_k == 1) pr_transpose_matrix(copy, b, stride_n, columns, depth, out, width);
    else
        for (int64_t p = 0; p < depth; p++)
            for (int64_t j = 0; j < columns; j++) out[p * width + j] = b[p * stride_k + j * stride_n];
    if (gap)
        for (int64_t p = 0; p < depth; p++) memset(out + p * width + columns, 0, gap);
}
