/* Checks that shape rules share.  Each leaves a sentence with the layer, what was expected and what came. */
#ifndef PR_OPS_CHECK_H
#define PR_OPS_CHECK_H

#include "ops/ops.h"

/* Every input: the type (PR_ANY: any one), rank 0..8, dimensions of at least -1, and a product of the dimensions that
 * are neither 0 nor unknown of at most PR_MAX_ELEMENTS, so that no product over some of the dimensions overflows. */
enum { PR_ANY = -1 };
pr_status pr_check_inputs(pr_env *env, const pr_view *in, int inputs, int32_t dtype);
/* The same for a shape that infer made. */
pr_status pr_check_output(pr_env *env, const pr_view *out);
pr_status pr_check_rank(pr_env *env, const pr_view *v, const char *what, int least, int most);
/* Dimension `axis` is `want`; an unknown one passes. */
pr_status pr_check_dim(pr_env *env, const pr_view *v, const char *what, int axis, int64_t want);
pr_status pr_check_kind(pr_env *env, const char *what, int32_t kind, int32_t count);
pr_status pr_check_input_count(pr_env *env, int inputs, int want);
/* A list of attributes with 0..8 entries, or with exactly `want` when that is not negative. */
pr_status pr_check_dims(pr_env *env, const pr_dims *dims, const char *what, int want);

/* A shape for a sentence: "(2, ?, 3)". */
typedef struct pr_shape_text { char text[160]; } pr_shape_text;
pr_shape_text pr_show_shape(const pr_view *v);
const char *pr_dtype_name(int32_t dtype);

/* Type, rank and shape of `from`; the data of `to` stays. */
static inline void pr_copy_shape(pr_view *to, const pr_view *from) {
    to->dtype = from->dtype;
    to->rank = from->rank;
    for (int i = 0; i < from->rank; i++) to->shape[i] = from->shape[i];
}

/* Chunks of work below this many elements cost more to hand out than to do. */
enum { PR_GRAIN = 16384 };
static inline int64_t pr_row_grain(int64_t elements_per_row) {
    return elements_per_row >= PR_GRAIN ? 1 : PR_GRAIN / (elements_per_row > 0 ? elements_per_row : 1);
}

#endif
