/* Elements looked up by index.  Indices are floats that hold whole numbers, cut towards zero. */
#ifndef PR_OPS_GATHER_H
#define PR_OPS_GATHER_H

#include "ops/ops.h"

/* index (...) floats that hold whole numbers   table (V, D)   bias (D)?   ->   y (..., D) = table[index] + bias
 * An index that is NaN, not in 0 .. V-1 after truncation: PR_BAD_VALUE that names it. */
typedef struct pr_gather_rows_attrs {
    int32_t has_bias;
} pr_gather_rows_attrs;

/* x, index: numpy.take(x, index, axis).  Here and below negative indices count from the end of their axis, and an index
 * outside of it is PR_BAD_VALUE. */
typedef struct pr_gather_attrs { int32_t axis; } pr_gather_attrs;

/* x, index (..., K): index[..., :] points into the first K axes of x -> (..., rest of x) */
typedef struct pr_gather_nd_attrs { int32_t none; } pr_gather_nd_attrs;

/* x, index of the same rank, equal to x off `axis`: numpy.take_along_axis(x, index, axis) */
typedef struct pr_gather_along_attrs { int32_t axis; } pr_gather_along_attrs;

/* index (...) -> one more axis of `size` at `axis`: `on` where it counts index, else `off`; any other number: all `off` */
typedef struct pr_one_hot_attrs { int32_t axis, size; float on, off; } pr_one_hot_attrs;

/* index, size (one number): the same; the attribute is not read */
typedef struct pr_one_hot_to_attrs { int32_t axis, size; float on, off; } pr_one_hot_to_attrs;

/* x of rank R -> (N, R): where x is not 0, in row-major order */
typedef struct pr_where_non_zero_attrs { int32_t none; } pr_where_non_zero_attrs;

#endif
