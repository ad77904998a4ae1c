#include "ops/gather/places.h"

#include "ops/check.h"

pr_status pr_check_gather_axis(pr_env *env, const pr_view *in, int axis) {
    if (axis >= 0 && axis < in->rank) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: axis %d, but x has shape %s", env->layer, axis, pr_show_shape(in).text);
}

pr_status pr_check_along(pr_env *env, const pr_view *in, int axis) {
    PR_TRY(pr_check_rank(env, &in[1], "the index", in[0].rank, in[0].rank));
    for (int i = 0; i < in[0].rank; i++)
        if (i != axis) PR_TRY(pr_check_dim(env, &in[1], "the index", i, in[0].shape[i]));
    return PR_OK;
}

pr_status pr_check_depth(pr_env *env, const pr_view *in, int *depth) {
    const int64_t last = in[1].rank ? in[1].shape[in[1].rank - 1] : -1;
    if (last < 0 || last > in[0].rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the last axis of indices %s must count axes of x %s, and be known when "
                       "the model is loaded", env->layer, pr_show_shape(&in[1]).text, pr_show_shape(in).text);
    *depth = (int)last;
    return PR_OK;
}

void pr_places_scratch(pr_env *env, int64_t count) {
    env->scratch_bytes = count > 0 ? (size_t)count * sizeof(int64_t) : 0;
}

pr_status pr_read_places(pr_env *env, const pr_view *in, int depth, int64_t *place) {
    const int64_t count = pr_view_span(&in[1], 0, in[1].rank - 1);
    const float *index = in[1].data;
    for (int64_t k = 0; k < count; k++) {
        place[k] = 0;
        for (int d = 0; d < depth; d++) {
            const int64_t limit = in[0].shape[d];
            const float number = index[k * depth + d];
            int64_t at = number > -(float)limit - 1 && number <= (float)limit ? (int64_t)number : limit;
            if (at < 0) at += limit;
            if (at < 0 || at >= limit)
                return pr_fail(env->message, PR_BAD_VALUE, "%s: index %g for axis %d at position %lld, the axis has %lld to %lld",
                               env->layer, (double)number, d, (long long)k, (long long)-limit, (long long)limit - 1);
            place[k] = place[k] * limit + at;
        }
    }
    return PR_OK;
}
