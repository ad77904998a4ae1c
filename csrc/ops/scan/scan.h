/* Running sums. */
#ifndef PR_OPS_SCAN_H
#define PR_OPS_SCAN_H

#include "ops/ops.h"

/* x (any), axis (one number)? -> y (same shape): sums of what stands up to each place along `axis`, without the number
 * at the place itself when `exclusive`, from the end when `reversed`.  Sums are kept in double.
 * axis: 0 .. rank-1, or -1 for the second input, whose number may also count from the end. */
typedef struct pr_cum_sum_attrs {
    int32_t axis, exclusive, reversed;
} pr_cum_sum_attrs;

#endif
