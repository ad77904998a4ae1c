/* A choice between two numbers. */
#ifndef PR_OPS_SELECT_H
#define PR_OPS_SELECT_H

#include "ops/ops.h"

/* condition, x, y (broadcast together) -> z = condition != 0 ? x : y.  NaN is not 0. */
typedef struct pr_select_attrs {
    int32_t unused;                         /* C has no empty structs */
} pr_select_attrs;

/* z (rows, n) dense; the operands step by 0 or 1 within a row (not all by 0) and by their own amount from row to row.
 * z may be the condition where that has z's shape. */
typedef struct pr_select_rows {
    const float *condition, *x, *y;
    float *z;
    int64_t rows, n, condition_row, x_row, y_row;
    int condition_step, x_step, y_step;
} pr_select_rows;
typedef struct pr_select_kernels {
    void (*rows)(const pr_select_rows *job);
} pr_select_kernels;

#endif
