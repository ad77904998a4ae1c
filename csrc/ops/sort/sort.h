/* Order along an axis.  Equal numbers keep their order, NaN comes last, -0 equals 0. */
#ifndef PR_OPS_SORT_H
#define PR_OPS_SORT_H

#include "ops/ops.h"

/* x (any), k (one number)? -> values, places: the k largest along `axis` (0 .. rank-1) from the largest on, or with
 * `bottom` the k smallest from the smallest on, and where they stood as floats.
 * k: 1 or more, or 0 for the second input, whose number must be whole and from 0 to the size of the axis. */
typedef struct pr_top_k_attrs {
    int32_t axis, k, bottom;
} pr_top_k_attrs;

/* x (any) -> places (same shape) along `axis` in ascending or descending order of the numbers there. */
typedef struct pr_arg_sort_attrs {
    int32_t axis, descending;
} pr_arg_sort_attrs;

#endif
