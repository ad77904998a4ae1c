/* NumPy broadcasting: a result's shape, and the walk through operands that repeat along some axes. */
#ifndef PR_OPS_BROADCAST_H
#define PR_OPS_BROADCAST_H

#include "ops/ops.h"

enum { PR_BROADCAST_INPUTS = 3 };

/* Type f32 and the shape that all inputs broadcast to; an unknown dimension beside 5 can only be 1 or 5. */
pr_status pr_broadcast_shape(pr_env *env, const pr_view *in, int inputs, pr_view *out);

/* The result's dimensions with those of size 1 dropped and neighbours merged where all inputs run through them alike.
 * Strides count elements; 0 repeats. */
typedef struct pr_broadcast {
    int inputs, rank;
    int64_t size[PR_MAX_RANK], stride[PR_BROADCAST_INPUTS][PR_MAX_RANK];
} pr_broadcast;

/* in: at most PR_BROADCAST_INPUTS; no dimension of the result is unknown or 0 */
pr_broadcast pr_broadcast_of(const pr_view *in, int inputs, const pr_view *out);

/* `rows` rows of n results, dense from `to` on.  Input i begins at from[i], steps by 0 or 1 within a row (that is
 * stride[i][rank - 1]) and by row[i] from row to row. */
typedef struct pr_broadcast_block {
    int64_t to, rows, n, from[PR_BROADCAST_INPUTS], row[PR_BROADCAST_INPUTS];
    int step[PR_BROADCAST_INPUTS];
} pr_broadcast_block;
typedef void pr_broadcast_fn(void *arg, const pr_broadcast_block *block);

/* Cuts the result into blocks; threads share them. */
void pr_broadcast_for(pr_pool *pool, const pr_broadcast *walk, pr_broadcast_fn *fn, void *arg);

#endif
