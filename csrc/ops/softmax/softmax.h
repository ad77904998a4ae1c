#ifndef PR_OPS_SOFTMAX_H
#define PR_OPS_SOFTMAX_H

#include "ops/ops.h"

/* x (any) -> y = exp(x - max) / sum along `axis` (0 .. rank-1) */
typedef struct pr_softmax_attrs {
    int32_t axis;
} pr_softmax_attrs;

#endif
