#include "ops/move/move.h"

#include "ops/check.h"
#include "ops/move/copy.h"

/* Row-major strides of a view. */
static void strides_of(const pr_view *v, int64_t *stride) {
    int64_t span = 1;
    for (int i = v->rank - 1; i >= 0; i--) stride[i] = span, span *= v->shape[i];
}

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
    strides_of(in, stride);
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
    return pr_check_output(env, out);
}

pr_status pr_concat_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_concat_attrs *)env->attrs)->axis;
    const int64_t outer = pr_view_span(out, 0, axis), inner = pr_view_span(out, axis + 1, out->rank);
    const size_t bytes = pr_dtype_bytes(out->dtype);
    int64_t done = 0;
    (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    for (int k = 0; k < inputs; k++) {
        const int64_t span = in[k].shape[axis] * inner;
        const pr_copy copy = {2, {outer, span}, {out->shape[axis] * inner, 1}, {span, 1}};
        if (span) pr_copy_run(env, &copy, in[k].data, (unsigned char *)out->data + (size_t)done * bytes, bytes);
        done += span;
    }
    return PR_OK;
}

/* Python's slice.indices: first element and number of elements along an axis of n. */
static int64_t slice_axis(int64_t n, int64_t begin, int64_t end, int64_t stride, int64_t *first) {
    const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? n : n - 1;
    if (begin < 0) begin += n;
    if (end < 0) end += n;
    begin = begin < low ? low : begin > high ? high : begin;
    end = end < low ? low : end > high ? high : end;
    *first = begin;
    if (stride > 0) return end > begin ? (end - begin + stride - 1) / stride : 0;
    return begin > end ? (begin - end - stride - 1) / -stride : 0;
}

pr_status pr_slice_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_attrs *attrs = env->attrs;
    int64_t first;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, &attrs->begin, "begin", in->rank));
    PR_TRY(pr_check_dims(env, &attrs->end, "end", in->rank));
    PR_TRY(pr_check_dims(env, &attrs->stride, "stride", in->rank));
    pr_copy_shape(out, in);
    for (int i = 0; i < in->rank; i++) {
        if (attrs->stride.at[i] == 0)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: stride 0 at axis %d, expected another number", env->layer, i);
        if (in->shape[i] >= 0)
            out->shape[i] = slice_axis(in->shape[i], attrs->begin.at[i], attrs->end.at[i], attrs->stride.at[i], &first);
    }
    return PR_OK;
}

pr_status pr_slice_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_attrs *attrs = env->attrs;
    const size_t bytes = pr_dtype_bytes(in->dtype);
    pr_copy copy = {.rank = in->rank};
    int64_t stride[PR_MAX_RANK], start = 0, first;
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    strides_of(in, stride);
    for (int i = 0; i < in->rank; i++) {
        copy.size[i] = slice_axis(in->shape[i], attrs->begin.at[i], attrs->end.at[i], attrs->stride.at[i], &first);
        copy.from[i] = copy.size[i] > 1 ? stride[i] * attrs->stride.at[i] : 0;      /* a step that nobody takes may be absurd */
        start += first * stride[i];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, (const unsigned char *)in->data + (size_t)start * bytes, out->data, bytes);
    return PR_OK;
}

pr_status pr_tile_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *repeats = &((const pr_tile_attrs *)env->attrs)->repeats;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, repeats, "repeats", -1));
    if (repeats->count < in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d repeats for x of shape %s, expected one per axis or more", env->layer,
                       repeats->count, pr_show_shape(in).text);
    out->dtype = in->dtype;
    out->rank = repeats->count;
    for (int i = 0; i < out->rank; i++) {
        int own = i - (out->rank - in->rank);
        int64_t dim = own < 0 ? 1 : in->shape[own], repeat = repeats->at[i];
        if (repeat < 0 || (dim > 0 && repeat > PR_MAX_ELEMENTS / dim))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld repeats at axis %d of x %s are negative or too many", env->layer,
                           (long long)repeat, i, pr_show_shape(in).text);
        out->shape[i] = dim < 0 && repeat > 0 ? -1 : dim < 0 ? 0 : dim * repeat;
    }
    return pr_check_output(env, out);
}

pr_status pr_tile_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_dims *repeats = &((const pr_tile_attrs *)env->attrs)->repeats;
    pr_copy copy = {.rank = 2 * out->rank};
    int64_t stride[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    strides_of(in, stride);
    for (int i = 0; i < out->rank; i++) {       /* each axis is a pair: the repeat, which stays at the source, and x's axis */
        int own = i - (out->rank - in->rank);
        copy.size[2 * i] = repeats->at[i];
        copy.size[2 * i + 1] = own < 0 ? 1 : in->shape[own];
        copy.from[2 * i + 1] = own < 0 ? 0 : stride[own];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, in->data, out->data, pr_dtype_bytes(in->dtype));
    return PR_OK;
}
