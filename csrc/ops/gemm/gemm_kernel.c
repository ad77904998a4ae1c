#include "ops/gemm/gemm_kernel.h"

const pr_gemm_kernel pr_gemm_kernels[] = {
#define PR_GEMM(type, level, lanes, panel, most, ...) \
    PR_ROW_##level({"gemm_" #type "__" #level, PR_ISA_##level, lanes, panel, most, {0, __VA_ARGS__}, &pr_gemm_##type##__##level},)
#include "ops/gemm/gemm.def"
#undef PR_GEMM
};
const int pr_gemm_kernel_count = sizeof pr_gemm_kernels / sizeof *pr_gemm_kernels;

const pr_gemm_kernel *pr_gemm_select(uint32_t levels) {
    const pr_gemm_kernel *best = &pr_gemm_kernels[0];       /* ref is always there */
    for (int i = 1; i < pr_gemm_kernel_count; i++)
        if (pr_gemm_kernels[i].level & levels) best = &pr_gemm_kernels[i];
    return best;
}

int32_t pr_gemm_layout(const pr_gemm_kernel *kernel) {
    return 1 << 24 | kernel->most << 16 | kernel->panel << 8 | kernel->lanes;
}

int64_t pr_gemm_packed_floats(const pr_gemm_kernel *kernel, int64_t depth, int64_t columns) {
    if (depth < 0 || columns < 0 || columns > PR_MAX_ELEMENTS) return -1;
    int64_t wide = (columns + kernel->lanes - 1) / kernel->lanes * kernel->lanes;
    return wide && depth > PR_MAX_ELEMENTS / wide ? -1 : depth * wide;
}

void pr_gemm_pack_taps(const pr_gemm_kernel *kernel, const float *b, int64_t taps, ptrdiff_t stride_t, int64_t inner,
                       ptrdiff_t stride_k, ptrdiff_t stride_n, int64_t columns, float *out) {
    int64_t total = (columns + kernel->lanes - 1) / kernel->lanes;
    for (int64_t done = 0, wide; done < total; done += wide) {
        wide = pr_gemm_panel(kernel, total, done);
        int64_t first = done * kernel->lanes, n = wide * kernel->lanes;
        for (int64_t t = 0; t < taps; t++)
            for (int64_t p = 0; p < inner; p++)
                for (int64_t j = first; j < first + n; j++)
                    *out++ = j < columns ? b[t * stride_t + p * stride_k + j * stride_n] : 0;
    }
}

void pr_gemm_pack_matrix(const pr_gemm_kernel *kernel, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                         int64_t depth, int64_t columns, float *out) {
    pr_gemm_pack_taps(kernel, b, 1, 0, depth, stride_k, stride_n, columns, out);
}
