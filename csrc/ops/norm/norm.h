/* Per-channel functions along the last axis: what batch normalisation becomes, and PReLU. */
#ifndef PR_OPS_NORM_H
#define PR_OPS_NORM_H

#include "ops/activation.h"
#include "ops/ops.h"

/* x (..., C)   scale (C)   shift (C)   ->   y (..., C) = activation(x * scale[c] + shift[c]) */
typedef struct pr_affine_attrs {
    pr_activation activation;
} pr_affine_attrs;

/* x (..., C)   slope (C) or (1)   ->   y (..., C) = x < 0 ? slope[c] * x : x */
typedef struct pr_prelu_attrs {
    int32_t unused;                         /* C has no empty structs */
} pr_prelu_attrs;

#endif
