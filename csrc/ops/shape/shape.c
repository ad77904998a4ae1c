#include "ops/shape/shape.h"

#include <math.h>

#include "ops/check.h"
#include "ops/move/copy.h"
#include "ops/shape/numbers.h"

pr_status pr_get_shape_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {in->rank}};
    return PR_OK;
}

pr_status pr_get_shape_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    float *y = out->data;
    (void)env, (void)inputs, (void)outputs;
    for (int i = 0; i < in->rank; i++) y[i] = (float)in->shape[i];
    return PR_OK;
}

/* The shape that in[1] and the attribute together give `out`; with `inferred`, one number may be -1. */
static pr_status wanted_shape(pr_env *env, const pr_dims *sizes, const pr_view *in, bool inferred, pr_view *out) {
    int64_t number[PR_MAX_RANK];
    int open = 0;
    PR_TRY(pr_check_dims(env, sizes, "the new shape", -1));
    PR_TRY(pr_check_inputs(env, in, 1, PR_ANY));
    PR_TRY(pr_check_numbers(env, &in[1], "the new shape", sizes->count, sizes->count));
    out->dtype = in->dtype;
    out->rank = sizes->count;
    if (in[1].data) PR_TRY(pr_read_numbers(env, &in[1], "the new shape", sizes->count, number));
    for (int i = 0; i < sizes->count; i++) {
        const int64_t known = sizes->at[i], n = in[1].data ? number[i] : known;
        if (n < (inferred ? -1 : in[1].data ? 0 : -1) || (in[1].data && n == -1 && open++) || (known >= 0 && n >= 0 && n != known))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: size %lld at axis %d of the new shape; x has shape %s%s", env->layer,
                           (long long)n, i, pr_show_shape(in).text, inferred ? ", and one -1 is allowed" : "");
        out->shape[i] = n >= 0 ? n : known;
    }
    return pr_check_output(env, out);
}

pr_status pr_reshape_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_reshape_to_attrs *attrs = env->attrs;
    const int64_t count = pr_view_count(in);
    int64_t known = 1;
    int open = -1, opens = 0;
    (void)inputs, (void)outputs;
    PR_TRY(wanted_shape(env, &attrs->sizes, in, true, out));
    for (int i = 0; i < out->rank; i++)
        if (out->shape[i] < 0) open = i, opens++;
        else known *= out->shape[i];
    if (count < 0 || opens > 1) return PR_OK;
    if (open < 0 ? known != count : known == 0 || count % known != 0)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: the %lld elements of x %s do not fit shape %s", env->layer,
                       (long long)count, pr_show_shape(in).text, pr_show_shape(out).text);
    if (open >= 0) out->shape[open] = count / known;
    return PR_OK;
}

/* Output 0 is the memory of input 0 (PR_OP_ALIAS). */
pr_status pr_reshape_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)env, (void)in, (void)inputs, (void)out, (void)outputs;
    return PR_OK;
}

/* x against the shape in `out`: aligned at the last axis, each dimension of x 1 or that size. */
static pr_status check_broadcast(pr_env *env, const pr_view *x, pr_view *out) {
    for (int i = 0; i < x->rank; i++) {
        const int at = out->rank - x->rank + i;
        if (at < 0 || (x->shape[i] >= 0 && x->shape[i] != 1 && out->shape[at] >= 0 && x->shape[i] != out->shape[at]))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: x of shape %s cannot be broadcast to %s", env->layer,
                           pr_show_shape(x).text, pr_show_shape(out).text);
        if (out->shape[at] < 0 && x->shape[i] != 1) out->shape[at] = x->shape[i];
    }
    return pr_check_output(env, out);
}

pr_status pr_broadcast_sizes_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *sizes = &((const pr_broadcast_attrs *)env->attrs)->sizes;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, sizes, "the new shape", -1));
    out->dtype = in->dtype;
    out->rank = sizes->count;
    for (int i = 0; i < out->rank; i++) {
        if (sizes->at[i] < 0)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: size %d at axis %d of the new shape", env->layer, sizes->at[i], i);
        out->shape[i] = sizes->at[i];
    }
    PR_TRY(pr_check_output(env, out));
    return check_broadcast(env, in, out);
}

pr_status pr_broadcast_sizes_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    pr_copy copy = {.rank = out->rank};
    int64_t span = 1;
    (void)inputs, (void)outputs;
    for (int i = out->rank - 1, own = in->rank - 1; i >= 0; i--, own--) {
        copy.size[i] = out->shape[i];
        copy.from[i] = own < 0 || in->shape[own] == 1 ? 0 : span;
        if (own >= 0) span *= in->shape[own];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, in->data, out->data, pr_dtype_bytes(in->dtype));
    return PR_OK;
}

pr_status pr_broadcast_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_broadcast_to_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(wanted_shape(env, &attrs->sizes, in, false, out));
    return check_broadcast(env, in, out);
}

pr_status pr_broadcast_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    return pr_broadcast_sizes_run(env, in, inputs, out, outputs);
}

pr_status pr_range_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    static const char *const names[] = {"start", "end", "step"};
    (void)outputs;
    for (int i = 0; i < inputs; i++) PR_TRY(pr_check_numbers(env, &in[i], names[i], 1, 1));
    *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {-1}};
    if (!in[0].data || !in[1].data || !in[2].data) return PR_OK;
    const double start = (double)*(const float *)in[0].data, end = (double)*(const float *)in[1].data;
    const double step = (double)*(const float *)in[2].data, count = ceil((end - start) / step);
    if (!(count <= (double)PR_MAX_ELEMENTS) || !isfinite(start + step))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: a range from %g to %g by %g has no end, or too many numbers", env->layer,
                       start, end, step);
    out->shape[0] = count > 0 ? (int64_t)count : 0;
    return PR_OK;
}

pr_status pr_range_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const double start = (double)*(const float *)in[0].data, step = (double)*(const float *)in[2].data;
    float *y = out->data;
    (void)env, (void)inputs, (void)outputs;
    for (int64_t i = 0; i < out->shape[0]; i++) y[i] = (float)(start + (double)i * step);
    return PR_OK;
}
