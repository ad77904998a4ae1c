/* What branches and loops need besides the executor. */
#ifndef PR_OPS_CONTROL_H
#define PR_OPS_CONTROL_H

#include "ops/ops.h"

/* x (...), made (1)   ->   x, if made is not 0; else PR_BAD_VALUE: the branch or loop that makes x did not run.
 * The shape rule says so, as it is asked even where x has no elements and nothing would run. */
typedef struct pr_require_attrs { int32_t none; } pr_require_attrs;

#endif
