/* Functions of one number.  unary.def has one row per function. */
#ifndef PR_OPS_UNARY_H
#define PR_OPS_UNARY_H

#include "ops/ops.h"

enum {
#define PR_UNARY(name, ...) PR_UNARY_##name,
#include "ops/unary/unary.def"
#undef PR_UNARY
    PR_UNARY_COUNT
};

/* x (any) -> y = f(x; a, b), same shape. */
typedef struct pr_unary_attrs {
    int32_t kind;
    float a, b;
} pr_unary_attrs;

/* x, y (n), y may be x. */
typedef void pr_unary_fn(const float *x, float *y, int64_t n, float a, float b);
typedef struct pr_unary_kernels {
    pr_unary_fn *by_kind[PR_UNARY_COUNT];
} pr_unary_kernels;


pr_run_fn pr_unary_run;                      /* for operators that are one of its functions in a special case */

#endif
