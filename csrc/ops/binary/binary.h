/* Functions of two numbers with NumPy broadcasting.  binary.def has one row per function. */
#ifndef PR_OPS_BINARY_H
#define PR_OPS_BINARY_H

#include "ops/activation.h"
#include "ops/ops.h"

enum {
#define PR_BINARY(name, ...) PR_BINARY_##name,
#include "ops/binary/binary.def"
#undef PR_BINARY
    PR_BINARY_COUNT
};

/* x, y (broadcast together) -> z = activation(f(x, y)) */
typedef struct pr_binary_attrs {
    int32_t kind;
    pr_activation activation;
} pr_binary_attrs;

/* z (rows, n) dense; x and y step by 0 or 1 within a row (not both 0) and by their own amount from row to row.
 * z may be x where x has z's shape. */
typedef struct pr_binary_rows {
    const float *x, *y;
    float *z;
    int64_t rows, n, x_row, y_row;
    int x_step, y_step;
    pr_activation activation;
} pr_binary_rows;
typedef void pr_binary_fn(const pr_binary_rows *job);
typedef struct pr_binary_kernels {
    pr_binary_fn *by_kind[PR_BINARY_COUNT];
} pr_binary_kernels;

#endif
