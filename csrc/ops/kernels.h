/* The fast functions chosen once, when a context is made, from the levels that the CPU has and the caller allows. */
#ifndef PR_OPS_KERNELS_H
#define PR_OPS_KERNELS_H

#include <stdint.h>

typedef struct pr_kernels {
    uint32_t levels;
    const struct pr_gemm_kernel *gemm;
    const struct pr_depthwise_kernel *depthwise;
    const struct pr_pool_kernel *pool;
} pr_kernels;

void pr_kernels_select(pr_kernels *kernels, uint32_t levels);

#endif
