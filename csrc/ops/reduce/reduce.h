/* Folding axes.  reduce.def has one row per way. */
#ifndef PR_OPS_REDUCE_H
#define PR_OPS_REDUCE_H

#include "ops/ops.h"

enum {
#define PR_REDUCE(name, ...) PR_REDUCE_##name,
#include "ops/reduce/reduce.def"
#undef PR_REDUCE
    PR_REDUCE_COUNT
};

/* x -> y with `axes` (ascending, 0 .. rank-1) folded, and kept as 1 with keep_dims.  ARG_MAX / ARG_MIN: one axis, the
 * first index as a float.  a: the epsilon of LOG_SUM. */
typedef struct pr_reduce_attrs {
    int32_t kind;
    pr_dims axes;
    int32_t keep_dims;
    float a;
} pr_reduce_attrs;

#endif
