#include "ops/shape/numbers.h"

#include "ops/check.h"

pr_status pr_check_numbers(pr_env *env, const pr_view *v, const char *what, int64_t least, int64_t most) {
    PR_TRY(pr_check_inputs(env, v, 1, PR_F32));
    const int64_t count = pr_view_count(v);
    if (count < 0 || (count >= least && (most < 0 || count <= most))) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has shape %s, expected %lld numbers%s", env->layer, what,
                   pr_show_shape(v).text, (long long)least, most == least ? "" : " or more");
}

pr_status pr_read_numbers(pr_env *env, const pr_view *v, const char *what, int64_t count, int64_t *to) {
    const float *from = v->data;
    for (int64_t i = 0; i < count; i++) {
        if (!(from[i] >= -(float)PR_MAX_ELEMENTS && from[i] <= (float)PR_MAX_ELEMENTS))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: number %lld of %s is %g, expected a whole number of 40 bits at most",
                           env->layer, (long long)i, what, (double)from[i]);
        to[i] = (int64_t)from[i];
    }
    return PR_OK;
}

pr_status pr_read_indices(pr_env *env, const pr_view *v, int64_t limit, int64_t *to) {
    const float *from = v->data;
    const int64_t count = pr_view_count(v);
    const float least = -(float)limit - 1, most = (float)limit;     /* cut towards zero: more than -limit - 1, less than limit */
    for (int64_t i = 0; i < count; i++) {
        int64_t at = from[i] > least && from[i] <= most ? (int64_t)from[i] : limit;
        if (at < 0) at += limit;
        if (at < 0 || at >= limit)
            return pr_fail(env->message, PR_BAD_VALUE, "%s: index %g at position %lld, the axis has %lld to %lld", env->layer,
                           (double)from[i], (long long)i, (long long)-limit, (long long)limit - 1);
        to[i] = at;
    }
    return PR_OK;
}
