/* Index tensors as places in memory, shared by gathering and scattering. */
#ifndef PR_OPS_GATHER_PLACES_H
#define PR_OPS_GATHER_PLACES_H

#include "ops/ops.h"

/* in[0] has `axis`. */
pr_status pr_check_gather_axis(pr_env *env, const pr_view *in, int axis);
/* in[1] agrees with in[0] at every axis but `axis`. */
pr_status pr_check_along(pr_env *env, const pr_view *in, int axis);
/* The last dimension of in[1], which must be known: how many axes of in[0] it points into. */
pr_status pr_check_depth(pr_env *env, const pr_view *in, int *depth);
/* Room for `count` places in scratch, where the count is known. */
void pr_places_scratch(pr_env *env, int64_t count);
/* For each of the tuples of `depth` indices in in[1] the number of the row of in[0] that it points at. */
pr_status pr_read_places(pr_env *env, const pr_view *in, int depth, int64_t *place);

#endif
