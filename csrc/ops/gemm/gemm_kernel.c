#include "ops/gemm/gemm_kernel.h"

const pr_gemm_kernel pr_gemm_kernels[] = {
#define PR_GEMM(type, level, lanes, panel, most, ...) \
    PR_ROW_##level({"gemm_" #type "__" #level, PR_ISA_##level, lanes, panel, most, {0, __VA_ARGS__}, &pr_gemm_##type##__##level, PR_GEMM_STACK_##level},)
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

/* One depth of a panel of n columns, of which `real` exist. */
static float *pr_pack_depth(const float *b, ptrdiff_t stride_n, int64_t real, int64_t n, float *out) {
    if (stride_n == 1) for (int64_t j = 0; j < real; j++) out[j] = b[j];
    else for (int64_t j = 0; j < real; j++) out[j] = b[j * stride_n];
    for (int64_t j = real; j < n; j++) out[j] = 0;
    return out + n;
}

/* The same where the depth is contiguous: whole cache lines of b at a time, else far columns drive each other out. */
#define PR_PACK_BLOCK 16
static void pr_pack_columns(const float *b, int64_t depth, ptrdiff_t stride_n, int64_t real, int64_t n, float *out) {
    for (int64_t p0 = 0; p0 < depth; p0 += PR_PACK_BLOCK, out += PR_PACK_BLOCK * n) {
        int64_t block = depth - p0 < PR_PACK_BLOCK ? depth - p0 : PR_PACK_BLOCK;
        for (int64_t j = 0; j < real; j++)
            for (int64_t p = 0; p < block; p++) out[p * n + j] = b[j * stride_n + p0 + p];
        for (int64_t p = 0; p < block; p++)
            for (int64_t j = real; j < n; j++) out[p * n + j] = 0;
    }
}

void pr_gemm_pack_panel(const float *b, const pr_gemm_steps *s, ptrdiff_t stride_n, int64_t real, int64_t n, float *out) {
    if (s->stride[3] == 1 && stride_n != 1 && s->count[0] * s->count[1] * s->count[2] == 1) {
        pr_pack_columns(b, s->count[3], stride_n, real, n, out);
        return;
    }
    for (int64_t i = 0; i < s->count[0]; i++)
        for (int64_t j = 0; j < s->count[1]; j++)
            for (int64_t k = 0; k < s->count[2]; k++) {
                const float *from = b + i * s->stride[0] + j * s->stride[1] + k * s->stride[2];
                for (int64_t p = 0; p < s->count[3]; p++) out = pr_pack_depth(from + p * s->stride[3], stride_n, real, n, out);
            }
}

void pr_gemm_pack_steps(const pr_gemm_kernel *kernel, const float *b, const pr_gemm_steps *steps, ptrdiff_t stride_n,
                        int64_t columns, float *out) {
    int64_t total = (columns + kernel->lanes - 1) / kernel->lanes;
    int64_t depth = steps->count[0] * steps->count[1] * steps->count[2] * steps->count[3];
    for (int64_t done = 0, wide; done < total; done += wide) {
        wide = pr_gemm_panel(kernel, total, done);
        int64_t first = done * kernel->lanes, n = wide * kernel->lanes, real = columns - first < n ? columns - first : n;
        pr_gemm_pack_panel(b + first * stride_n, steps, stride_n, real, n, out);
        out += depth * n;
    }
}

void pr_gemm_pack_matrix(const pr_gemm_kernel *kernel, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                         int64_t depth, int64_t columns, float *out) {
    const pr_gemm_steps steps = {{1, 1, 1, depth}, {0, 0, 0, stride_k}};
    pr_gemm_pack_steps(kernel, b, &steps, stride_n, columns, out);
}

typedef struct pr_packing {
    const pr_gemm_kernel *kernel;
    const float *b;
    ptrdiff_t stride_k, stride_n;
    int64_t depth, columns;
    float *out;
} pr_packing;

static void pr_pack_panels(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_packing *job = arg;
    const pr_gemm_steps steps = {{1, 1, 1, job->depth}, {0, 0, 0, job->stride_k}};
    int64_t lanes = job->kernel->lanes, total = (job->columns + lanes - 1) / lanes, one = pr_gemm_panel(job->kernel, total, 0);
    (void)worker;
    for (int64_t t = begin; t < end; t++) {
        int64_t done = t ? one + (t - 1) * job->kernel->panel : 0, n = (t ? job->kernel->panel : one) * lanes, first = done * lanes;
        int64_t real = job->columns - first < n ? job->columns - first : n;
        pr_gemm_pack_panel(job->b + first * job->stride_n, &steps, job->stride_n, real, n, job->out + first * job->depth);
    }
}

void pr_gemm_pack_threads(const pr_gemm_kernel *kernel, pr_pool *pool, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                          int64_t depth, int64_t columns, float *out) {
    pr_packing job = {kernel, b, stride_k, stride_n, depth, columns, out};
    int64_t total = (columns + kernel->lanes - 1) / kernel->lanes, one = pr_gemm_panel(kernel, total, 0);
    int64_t panels = 1 + (total - one) / kernel->panel, work = depth * kernel->panel * kernel->lanes;
    pr_for(pool, panels, work ? 16384 / work + 1 : 1, pr_pack_panels, &job);
}
