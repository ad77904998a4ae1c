#ifndef PR_OPS_SOFTMAX_H
#define PR_OPS_SOFTMAX_H

#include "ops/ops.h"

/* x (any) -> y = exp(x - max) / sum along `axis` (0 .. rank-1) */
typedef struct pr_softmax_attrs {
    int32_t axis;
} pr_softmax_attrs;

/* y may be x.  row: x, y (n).  columns: x, y (n, width) whose rows lie `stride` apart, width at most PR_SOFTMAX_WIDTH. */
enum { PR_SOFTMAX_WIDTH = 64 };
typedef struct pr_softmax_kernels {
    void (*row)(const float *x, float *y, int64_t n);
    void (*columns)(const float *x, float *y, int64_t n, int64_t stride, int64_t width);
} pr_softmax_kernels;

#endif
