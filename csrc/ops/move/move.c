#include "ops/move/move.h"

#include "ops/check.h"
#include "ops/move/copy.h"

/* The axis of x whose size entry i of the new shape keeps; -1: none.  May be out of range. */
static int kept_axis(const pr_dims *shape, int i) {
    const int32_t entry = shape->at[i];
    return entry == 0 ? i : entry <= -2 ? (int)(-2 - (int64_t)entry < PR_MAX_RANK ? -2 - (int64_t)entry : PR_MAX_RANK) : -1;
}

pr_status pr_reshape_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *shape = &((const pr_reshape_attrs *)env->attrs)->shape;
    int64_t count = 1, known = 1;
    int open = -1;
    unsigned seen = 0;
    bool is_empty = false;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, shape, "the new shape", -1));
    out->dtype = in->dtype;
    out->rank = shape->count;
    for (int i = 0; i < shape->count; i++) {
        const int kept = kept_axis(shape, i);
        if (kept >= in->rank || (kept >= 0 && seen >> kept & 1u) || (shape->at[i] == -1 && open >= 0))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: entry %d of the new shape is %d; x has shape %s, and one -1 is allowed",
                           env->layer, i, shape->at[i], pr_show_shape(in).text);
        if (shape->at[i] == -1) open = i;
        if (kept >= 0) seen |= 1u << kept;
        out->shape[i] = kept >= 0 ? in->shape[kept] : shape->at[i];
    }
    PR_TRY(pr_check_output(env, out));
    /* An axis that is kept is on both sides: it does not matter what it is. */
    for (int i = 0; i < in->rank; i++)
        if (!(seen >> i & 1u)) count = count < 0 || in->shape[i] < 0 ? -1 : count * in->shape[i];
        else if (in->shape[i] == 0) is_empty = true;
    for (int i = 0; i < out->rank; i++)
        if (shape->at[i] > 0) known *= shape->at[i];
    if (count < 0) return PR_OK;
    if (open < 0 ? known != count && !is_empty : count % known != 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the %lld elements of x %s do not fit shape %s", env->layer,
                       (long long)(pr_view_count(in) < 0 ? count : pr_view_count(in)), pr_show_shape(in).text, pr_show_shape(out).text);
    if (open >= 0) out->shape[open] = count / known;
    return PR_OK;
}

/* Output 0 is the memory of input 0 (PR_OP_ALIAS). */
pr_status pr_reshape_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)env, (void)in, (void)inputs, (void)out, (void)outputs;
    return PR_OK;
}

pr_status pr_transpose_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *axes = &((const pr_transpose_attrs *)env->attrs)->axes;
    unsigned seen = 0;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, axes, "axes", in->rank));
    out->dtype = in->dtype;
    out->rank = in->rank;
    for (int i = 0; i < in->rank; i++) {
        if (axes->at[i] < 0 || axes->at[i] >= in->rank || (seen >> axes->at[i] & 1u))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: axis %d at place %d, expected each of 0 to %d once", env->layer,
                           axes->at[i], i, in->rank - 1);
        seen |= 1u << axes->at[i];
        out->shape[i] = in->shape[axes->at[i]];
    }
    return PR_OK;
}

pr_status pr_transpose_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *axes = &((const pr_transpose_attrs *)env->attrs)->axes;
    pr_copy copy = {.rank = in->rank};
    int64_t stride[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    pr_view_strides(in, stride);
    for (int i = 0; i < in->rank; i++) copy.size[i] = out->shape[i], copy.from[i] = stride[axes->at[i]];
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, in->data, out->data, pr_dtype_bytes(in->dtype));
    return PR_OK;
}

pr_status pr_concat_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_concat_attrs *)env->attrs)->axis;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    if (axis < 0 || axis >= in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: joined along axis %d, but input 0 has shape %s", env->layer, axis,
                       pr_show_shape(in).text);
    pr_copy_shape(out, in);
    for (int k = 1; k < inputs; k++) {
        bool fits = in[k].rank == out->rank && in[k].dtype == out->dtype;
        for (int i = 0; fits && i < out->rank; i++) {
            int64_t d = in[k].shape[i];
            if (i == axis) out->shape[i] = out->shape[i] < 0 || d < 0 ? -1 : out->shape[i] + d;
            else if (out->shape[i] < 0) out->shape[i] = d;
            else fits = d < 0 || d == out->shape[i];
        }
        if (!fits)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d is %s %s, it must agree with input 0, %s %s, off axis %d",
                           env->layer, k, pr_dtype_name(in[k].dtype), pr_show_shape(&in[k]).text,
                           pr_dtype_name(in->dtype), pr_show_shape(in).text, axis);
    }
    env->rows = axis == out->rank - 1;
    return pr_check_output(env, out);
}

/* An operand that lies where it belongs already was written there (exec/parts.c). */
pr_status pr_concat_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_concat_attrs *)env->attrs)->axis;
    const int64_t outer = pr_view_span(out, 0, axis), inner = pr_view_span(out, axis + 1, out->rank);
    const size_t bytes = pr_dtype_bytes(out->dtype);
    const int64_t row = env->row ? env->row : out->shape[axis] * inner;
    int64_t done = 0;
    (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    for (int k = 0; k < inputs; k++) {
        const int64_t span = in[k].shape[axis] * inner;
        const pr_copy copy = {2, {outer, span}, {row, 1}, {span, 1}};
        unsigned char *to = (unsigned char *)out->data + (size_t)done * bytes;
        if (span && to != in[k].data) pr_copy_run(env, &copy, in[k].data, to, bytes);
        done += span;
    }
    return PR_OK;
}
