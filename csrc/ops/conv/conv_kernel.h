/* What the files of this family tell each other. */
#ifndef PR_OPS_CONV_KERNEL_H
#define PR_OPS_CONV_KERNEL_H

#include "ops/conv/window.h"

struct pr_gemm_kernel;

/* A convolution with its shapes resolved.  x (images, H, W, C)   y (images, OH, OW, O) */
typedef struct pr_conv {
    const pr_conv_attrs *attrs;
    const float *x, *w, *bias, *residual;
    float *y;
    pr_axis h, v;                           /* h: rows, v: columns */
    int64_t images, channels;               /* C */
} pr_conv;

/* Packed forms: the panels of gemm (one matrix per group, depth in the order kernel row, kernel column, channel), or for
 * depthwise convolution (KH, KW, C). */
#define PR_LAYOUT_DEPTHWISE (2 << 24)

static inline bool pr_is_depthwise(const pr_conv_attrs *attrs, int64_t channels_per_group) {
    return attrs->groups > 1 && attrs->groups == attrs->outputs && channels_per_group == 1;
}

void pr_conv_reference(const pr_conv *conv);

/* Bytes of scratch of the two functions below; -1: absurd. */
int64_t pr_conv_gemm_scratch(const pr_conv *conv);
void pr_conv_gemm(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, void *scratch);

#endif
