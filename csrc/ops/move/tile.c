/* x over and over: numpy.tile, and windows that overlap. */
#include "ops/check.h"
#include "ops/move/copy.h"
#include "ops/move/move.h"
#include "ops/shape/numbers.h"

/* The shape of x tiled by `count` repeats, of which -1 is not known where may_be_open. */
static pr_status tiled(pr_env *env, const pr_view *in, const int64_t *repeats, int count, bool may_be_open, pr_view *out) {
    if (count < in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d repeats for x of shape %s, expected one per axis or more", env->layer,
                       count, pr_show_shape(in).text);
    out->dtype = in->dtype;
    out->rank = count;
    for (int i = 0; i < out->rank; i++) {
        int own = i - (out->rank - in->rank);
        int64_t dim = own < 0 ? 1 : in->shape[own], repeat = repeats[i];
        if (repeat < (may_be_open ? -1 : 0) || (dim > 0 && repeat > PR_MAX_ELEMENTS / dim))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld repeats at axis %d of x %s are negative or too many", env->layer,
                           (long long)repeat, i, pr_show_shape(in).text);
        out->shape[i] = dim == 0 || repeat == 0 ? 0 : dim < 0 || repeat < 0 ? -1 : dim * repeat;
    }
    return pr_check_output(env, out);
}

static void copy_tiles(pr_env *env, const pr_view *in, const int64_t *repeats, pr_view *out) {
    pr_copy copy = {.rank = 2 * out->rank};
    int64_t stride[PR_MAX_RANK];
    pr_view_strides(in, stride);
    for (int i = 0; i < out->rank; i++) {       /* each axis is a pair: the repeat, which stays at the source, and x's axis */
        int own = i - (out->rank - in->rank);
        copy.size[2 * i] = repeats[i];
        copy.size[2 * i + 1] = own < 0 ? 1 : in->shape[own];
        copy.from[2 * i + 1] = own < 0 ? 0 : stride[own];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, in->data, out->data, pr_dtype_bytes(in->dtype));
}

pr_status pr_tile_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *given = &((const pr_tile_attrs *)env->attrs)->repeats;
    int64_t repeats[PR_MAX_RANK];
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, given, "repeats", -1));
    for (int i = 0; i < given->count; i++) repeats[i] = given->at[i];
    return tiled(env, in, repeats, given->count, false, out);
}

pr_status pr_tile_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *given = &((const pr_tile_attrs *)env->attrs)->repeats;
    int64_t repeats[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    for (int i = 0; i < given->count; i++) repeats[i] = given->at[i];
    copy_tiles(env, in, repeats, out);
    return PR_OK;
}

pr_status pr_tile_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *known = &((const pr_tile_to_attrs *)env->attrs)->repeats;
    int64_t repeats[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_ANY));
    PR_TRY(pr_check_dims(env, known, "repeats", -1));
    PR_TRY(pr_check_numbers(env, &in[1], "the repeats", known->count, known->count));
    for (int i = 0; i < known->count; i++) repeats[i] = known->at[i];
    if (in[1].data) PR_TRY(pr_read_numbers(env, &in[1], "the repeats", known->count, repeats));
    for (int i = 0; i < known->count; i++)
        if (known->at[i] >= 0 && repeats[i] != known->at[i])
            return pr_fail(env->message, PR_BAD_VALUE, "%s: %lld repeats at axis %d, expected %d", env->layer,
                           (long long)repeats[i], i, known->at[i]);
    return tiled(env, in, repeats, known->count, !in[1].data, out);
}

pr_status pr_tile_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    int64_t repeats[PR_MAX_RANK];
    pr_view again;
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_numbers(env, &in[1], "the repeats", out->rank, repeats));
    PR_TRY(tiled(env, in, repeats, out->rank, false, &again));
    if (!pr_same_shape(&again, out))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: the numbers changed after the shape was made", env->layer);
    copy_tiles(env, in, repeats, out);
    return PR_OK;
}

pr_status pr_windows_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_windows_attrs *attrs = env->attrs;
    const int axis = attrs->axis;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_rank(env, in, "x", 1, PR_MAX_RANK - 1));
    if (axis < 0 || axis >= in->rank || attrs->size < 1 || attrs->step < 1 ||
        (in->shape[axis] >= 0 && in->shape[axis] < attrs->size))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: windows of %d elements every %d along axis %d do not fit x %s", env->layer,
                       attrs->size, attrs->step, axis, pr_show_shape(in).text);
    *out = (pr_view){.dtype = in->dtype, .rank = in->rank + 1};
    for (int i = 0; i < in->rank; i++) out->shape[i < axis ? i : i + 1] = in->shape[i];
    out->shape[axis] = in->shape[axis] < 0 ? -1 : (in->shape[axis] - attrs->size) / attrs->step + 1;
    out->shape[axis + 1] = attrs->size;
    return pr_check_output(env, out);
}

pr_status pr_windows_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_windows_attrs *attrs = env->attrs;
    pr_copy copy = {.rank = out->rank};
    int64_t stride[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    pr_view_strides(in, stride);
    for (int i = 0; i < out->rank; i++) {
        copy.size[i] = out->shape[i];
        copy.from[i] = i != attrs->axis ? stride[i > attrs->axis ? i - 1 : i] : copy.size[i] > 1 ? stride[i] * attrs->step : 0;
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, in->data, out->data, pr_dtype_bytes(in->dtype));
    return PR_OK;
}
