#include "ops/kernels.h"

#include "ops/conv/depthwise.h"
#include "ops/gemm/gemm_kernel.h"
#include "ops/pool/pool_kernel.h"

/* One line per family: each picks the newest row of its table whose level is in `levels`. */
void pr_kernels_select(pr_kernels *kernels, uint32_t levels) {
    kernels->levels = levels;
    kernels->gemm = pr_gemm_select(levels);
    kernels->depthwise = pr_depthwise_select(levels);
    kernels->pool = pr_pool_select(levels);
}
