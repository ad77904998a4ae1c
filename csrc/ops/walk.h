/* NumPy broadcasting: a result's shape, and the walk through operands that repeat along some axes. */
#ifndef PR_OPS_WALK_H
#define PR_OPS_WALK_H

#include "ops/ops.h"

enum { PR_WALK_INPUTS = 3 };

/* Type f32 and the shape that all inputs broadcast to; an unknown dimension beside 5 can only be 1 or 5. */
pr_status pr_walk_shape(pr_env *env, const pr_view *in, int inputs, pr_view *out);

/* The result's dimensions with those of size 1 dropped and neighbours merged where all inputs run through them alike.
 * Strides count elements; 0 repeats. */
typedef struct pr_walk {
    int inputs, rank;
    int64_t size[PR_MAX_RANK], stride[PR_WALK_INPUTS][PR_MAX_RANK];
} pr_walk;

/* in: at most PR_WALK_INPUTS; no dimension of the result is unknown or 0 */
pr_walk pr_walk_of(const pr_view *in, int inputs, const pr_view *out);

/* `rows` rows of n results, dense from `to` on.  Input i begins at from[i], steps by 0 or 1 within a row (that is
 * stride[i][rank - 1]) and by row[i] from row to row. */
typedef struct pr_walk_block {
    int64_t to, rows, n, from[PR_WALK_INPUTS], row[PR_WALK_INPUTS];
    int step[PR_WALK_INPUTS];
} pr_walk_block;
typedef void pr_walk_fn(void *arg, const pr_walk_block *block);

/* Cuts the result into blocks; threads share them. */
void pr_walk_run(pr_pool *pool, const pr_walk *walk, pr_walk_fn *fn, void *arg);

#endif
