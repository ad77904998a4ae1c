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

#endif
