/* How much an operator computes, for profiles. */
#ifndef PR_OPS_WORK_H
#define PR_OPS_WORK_H

#include "ops/ops.h"

/* Floating-point operations, a multiply-add counted as two; one per number of the results for operators that are not made
 * of products.  Direct sums are counted: an algorithm that needs fewer, such as Winograd's, can be above the peak. */
double pr_op_work(uint32_t op, const void *attrs, const pr_view *in, const pr_view *out, int outputs);

#endif
