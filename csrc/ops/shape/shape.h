/* Operators about shapes: a shape as numbers, and numbers as a shape.  Whole numbers travel as floats. */
#ifndef PR_OPS_SHAPE_H
#define PR_OPS_SHAPE_H

#include "ops/ops.h"

/* x of rank R -> (R): its dimensions.  run looks at the shape of x and never at its numbers. */
typedef struct pr_get_shape_attrs { int32_t none; } pr_get_shape_attrs;

#endif
