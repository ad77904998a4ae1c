/* The fast functions chosen once, when a context is made, from the levels that the CPU has and the caller allows. */
#ifndef PR_OPS_KERNELS_H
#define PR_OPS_KERNELS_H

#include <stdint.h>

typedef struct pr_kernels {
    uint32_t levels;
    /* One line per family; the struct stands in the family's header. */
    const struct pr_unary_kernels *unary;
    const struct pr_binary_kernels *binary;
    const struct pr_select_kernels *select;
    const struct pr_norm_kernels *norm;
    const struct pr_softmax_kernels *softmax;
    const struct pr_attention_kernels *attention;
    const struct pr_reduce_kernels *reduce;
    const struct pr_resize_kernels *resize;
    const struct pr_copy_kernels *copy;
    const struct pr_winograd_kernels *winograd;
    const struct pr_image_kernels *image;
    const struct pr_units_kernels *units;
    const struct pr_matmul_kernels *matmul;
    const struct pr_expand_kernels *expand;
    const struct pr_training_kernels *training;
    const struct pr_gates_kernels *gates;
    const struct pr_peak_kernels *peak;
    const struct pr_gemm_kernel *gemm;
    const struct pr_depthwise_kernel *depthwise;
    const struct pr_pool_kernel *pool;
} pr_kernels;

void pr_kernels_select(pr_kernels *kernels, uint32_t levels);

#endif
