/* Folding axes.  reduce.def has one row per way. */
#ifndef PR_OPS_REDUCE_H
#define PR_OPS_REDUCE_H

#include "ops/ops.h"

enum {
#define PR_REDUCE(name, ...) PR_REDUCE_##name,
#define PR_REDUCE_ARG PR_REDUCE
#define PR_REDUCE_TWICE PR_REDUCE
#include "ops/reduce/reduce.def"
#undef PR_REDUCE
#undef PR_REDUCE_ARG
#undef PR_REDUCE_TWICE
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

/* x (n, width) whose rows lie `stride` apart -> y (width).  row: width 1, stride 1.  columns: width at most PR_REDUCE_WIDTH. */
enum { PR_REDUCE_WIDTH = 64 };
typedef void pr_reduce_fn(const float *x, float *y, int64_t n, int64_t stride, int64_t width, float a);
typedef struct pr_reduce_kernels {
    pr_reduce_fn *row[PR_REDUCE_COUNT], *columns[PR_REDUCE_COUNT];
} pr_reduce_kernels;

#endif
