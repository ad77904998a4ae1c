#ifndef PR_OPS_GATHER_H
#define PR_OPS_GATHER_H

#include "ops/ops.h"

/* index (...) floats that hold whole numbers   table (V, D)   bias (D)?   ->   y (..., D) = table[index] + bias
 * An index that is NaN, not in 0 .. V-1 after truncation: PR_BAD_VALUE that names it. */
typedef struct pr_gather_rows_attrs {
    int32_t has_bias;
} pr_gather_rows_attrs;

#endif
