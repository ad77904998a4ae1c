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

#endif
