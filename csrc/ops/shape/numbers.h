/* Numbers of a tensor that decide sizes or places.  They travel as floats and are cut towards zero. */
#ifndef PR_OPS_SHAPE_NUMBERS_H
#define PR_OPS_SHAPE_NUMBERS_H

#include "ops/ops.h"

/* infer: input `v` is f32 and has least..most elements (most < 0: no limit) where its shape is known. */
pr_status pr_check_numbers(pr_env *env, const pr_view *v, const char *what, int64_t least, int64_t most);
/* The first `count` numbers.  PR_BAD_VALUE for NaN, an infinity, or more than PR_MAX_ELEMENTS on either side. */
pr_status pr_read_numbers(pr_env *env, const pr_view *v, const char *what, int64_t count, int64_t *to);
/* Indices along an axis of `limit`, negative ones from its end, as 0..limit-1.  PR_BAD_VALUE names the first that is none. */
pr_status pr_read_indices(pr_env *env, const pr_view *v, int64_t limit, int64_t *to);

#endif
