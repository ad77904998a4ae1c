/* Operators about shapes: a shape as numbers, and numbers as a shape.  Whole numbers travel as floats. */
#ifndef PR_OPS_SHAPE_H
#define PR_OPS_SHAPE_H

#include "ops/ops.h"

/* x of rank R -> (R): its dimensions.  run looks at the shape of x and never at its numbers. */
typedef struct pr_get_shape_attrs { int32_t none; } pr_get_shape_attrs;

/* x, shape (R) -> the elements of x under the numbers in `shape`, one of which may be -1 (inferred); 0 is the size 0.
 * sizes: one entry per axis of the result; what is known of it already, else -1. */
typedef struct pr_reshape_to_attrs { pr_dims sizes; } pr_reshape_to_attrs;

/* numpy.broadcast_to(x, sizes) */
typedef struct pr_broadcast_attrs { pr_dims sizes; } pr_broadcast_attrs;

/* numpy.broadcast_to(x, shape): x, shape (R).  sizes as for RESHAPE_TO. */
typedef struct pr_broadcast_to_attrs { pr_dims sizes; } pr_broadcast_to_attrs;

/* start, end, step, one number each -> (ceil((end - start) / step)): start + i * step, computed in double */
typedef struct pr_range_attrs { int32_t none; } pr_range_attrs;

#endif
