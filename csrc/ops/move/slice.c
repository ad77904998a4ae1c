/* Parts of x: with numbers of the file, and with numbers of a prediction. */
#include "ops/check.h"
#include "ops/move/copy.h"
#include "ops/move/move.h"
#include "ops/shape/numbers.h"

int64_t pr_slice_axis(int64_t n, int64_t begin, int64_t end, int64_t stride, int64_t *first) {
    const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? n : n - 1;
    if (begin < 0) begin += n;
    if (end < 0) end += n;
    begin = begin < low ? low : begin > high ? high : begin;
    end = end < low ? low : end > high ? high : end;
    *first = begin;
    if (stride > 0) return end > begin ? (end - begin + stride - 1) / stride : 0;
    return begin > end ? (begin - end - stride - 1) / -stride : 0;
}

/* Where the elements begin if they lie side by side: one element of each of the first axes, some of the next, all of the
 * rest; else -1. */
static int64_t part_of(const pr_slice_attrs *attrs, const pr_view *in, const pr_view *out) {
    int64_t at = 0, first;
    bool cut = false;
    if (pr_view_count(in) <= 0 || pr_view_count(out) <= 0) return -1;
    for (int i = 0; i < in->rank; i++) {
        pr_slice_axis(in->shape[i], attrs->begin.at[i], attrs->end.at[i], attrs->stride.at[i], &first);
        if (out->shape[i] > 1 && attrs->stride.at[i] != 1) return -1;
        if (cut && out->shape[i] != in->shape[i]) return -1;
        cut |= out->shape[i] > 1;
        at = at * in->shape[i] + first;
    }
    return at;
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
            out->shape[i] = pr_slice_axis(in->shape[i], attrs->begin.at[i], attrs->end.at[i], attrs->stride.at[i], &first);
    }
    env->part = part_of(attrs, in, out);
    return PR_OK;
}

pr_status pr_slice_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_attrs *attrs = env->attrs;
    const size_t bytes = pr_dtype_bytes(in->dtype);
    pr_copy copy = {.rank = in->rank};
    int64_t stride[PR_MAX_RANK], start = 0, first;
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    pr_view_strides(in, stride);
    for (int i = 0; i < in->rank; i++) {
        copy.size[i] = pr_slice_axis(in->shape[i], attrs->begin.at[i], attrs->end.at[i], attrs->stride.at[i], &first);
        copy.from[i] = copy.size[i] > 1 ? stride[i] * attrs->stride.at[i] : 0;      /* a step that nobody takes may be absurd */
        start += first * stride[i];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, (const unsigned char *)in->data + (size_t)start * bytes, out->data, bytes);
    return PR_OK;
}

/* What is taken from one axis.  count -1: not known yet. */
typedef struct cut { int64_t first, count, step; } cut;
enum { BEGIN = 1, END, STRIDE, BEGIN_MASK, END_MASK, SLICE_INPUTS };

/* Number `i` of input `which`; false where it is not there yet. */
static bool number_at(const pr_view *in, int which, int i, float *to) {
    if (in[which].data) *to = ((const float *)in[which].data)[i];
    return in[which].data != NULL;
}

/* A number that decides where an axis is cut, far beyond any axis at most; NaN is no number. */
static pr_status place_of(pr_env *env, float number, int axis, int64_t *to) {
    const float far = (float)PR_MAX_ELEMENTS;
    if (!(number == number))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: axis %d is sliced at NaN, expected a whole number", env->layer, axis);
    *to = (int64_t)(number < -far ? -far : number > far ? far : number);
    return PR_OK;
}

static pr_status take_one(pr_env *env, const pr_view *in, int i, cut *to) {
    const int64_t n = in->shape[i];
    float number;
    *to = (cut){0, 1, 1};
    if (!number_at(in, BEGIN, i, &number) || n < 0) return PR_OK;
    PR_TRY(place_of(env, number, i, &to->first));
    if (to->first < -n || to->first >= n)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: index %g along axis %d of x %s, expected %lld to %lld", env->layer,
                       (double)number, i, pr_show_shape(in).text, (long long)-n, (long long)n - 1);
    if (to->first < 0) to->first += n;
    return PR_OK;
}

static pr_status take_range(pr_env *env, const pr_view *in, int i, cut *to) {
    const int64_t n = in->shape[i];
    float begin = 0, end = 0, step, from_start, to_end;
    int64_t first = 0, last = 0;
    *to = (cut){0, -1, 1};
    if (!number_at(in, STRIDE, i, &step)) return PR_OK;
    PR_TRY(place_of(env, step, i, &to->step));
    if (to->step == 0)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: stride 0 at axis %d, expected another number", env->layer, i);
    if (n < 0 || !number_at(in, BEGIN_MASK, i, &from_start) || !number_at(in, END_MASK, i, &to_end)) return PR_OK;
    if ((from_start == 0 && !number_at(in, BEGIN, i, &begin)) || (to_end == 0 && !number_at(in, END, i, &end))) return PR_OK;
    PR_TRY(place_of(env, begin, i, &first));
    PR_TRY(place_of(env, end, i, &last));
    if (from_start != 0) first = to->step > 0 ? 0 : n - 1;
    if (to_end != 0) last = to->step > 0 ? n : -n - 1;
    to->count = pr_slice_axis(n, first, last, to->step, &to->first);
    return PR_OK;
}

static pr_status find_cuts(pr_env *env, const pr_view *in, cut *cuts) {
    const pr_slice_to_attrs *attrs = env->attrs;
    for (int i = 0; i < in->rank; i++)
        PR_TRY(attrs->squeeze.at[i] ? take_one(env, in, i, &cuts[i]) : take_range(env, in, i, &cuts[i]));
    return PR_OK;
}

pr_status pr_slice_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_to_attrs *attrs = env->attrs;
    static const char *const names[] = {"x", "begin", "end", "stride", "the begin mask", "the end mask"};
    cut cuts[PR_MAX_RANK];
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_ANY));
    for (int i = BEGIN; i < inputs; i++) PR_TRY(pr_check_numbers(env, &in[i], names[i], in->rank, -1));
    PR_TRY(pr_check_dims(env, &attrs->squeeze, "squeeze", in->rank));
    PR_TRY(find_cuts(env, in, cuts));
    *out = (pr_view){.dtype = in->dtype};
    for (int i = 0; i < in->rank; i++)
        if (!attrs->squeeze.at[i]) out->shape[out->rank++] = cuts[i].count;
    return PR_OK;
}

pr_status pr_slice_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_to_attrs *attrs = env->attrs;
    const size_t bytes = pr_dtype_bytes(in->dtype);
    pr_copy copy = {.rank = in->rank};
    int64_t stride[PR_MAX_RANK], start = 0;
    cut cuts[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    PR_TRY(find_cuts(env, in, cuts));
    pr_view_strides(in, stride);
    for (int i = 0, o = 0; i < in->rank; i++) {
        if (!attrs->squeeze.at[i] && cuts[i].count != out->shape[o++])
            return pr_fail(env->message, PR_BAD_VALUE, "%s: the numbers changed after the shape was made", env->layer);
        copy.size[i] = cuts[i].count;
        copy.from[i] = cuts[i].count > 1 ? stride[i] * cuts[i].step : 0;    /* a step that nobody takes may be absurd */
        start += cuts[i].first * stride[i];
    }
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, (const unsigned char *)in->data + (size_t)start * bytes, out->data, bytes);
    return PR_OK;
}

pr_status pr_slice_by_size_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_by_size_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_ANY));
    PR_TRY(pr_check_numbers(env, &in[1], "begin", 1, 1));
    if (attrs->axis < 0 || attrs->axis >= in->rank || attrs->size < 0 ||
        (in->shape[attrs->axis] >= 0 && attrs->size > in->shape[attrs->axis]))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d elements along axis %d, but x has shape %s", env->layer, attrs->size,
                       attrs->axis, pr_show_shape(in).text);
    pr_copy_shape(out, in);
    out->shape[attrs->axis] = attrs->size;
    return pr_check_output(env, out);
}

pr_status pr_slice_by_size_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_slice_by_size_attrs *attrs = env->attrs;
    const int64_t n = in->shape[attrs->axis], outer = pr_view_span(in, 0, attrs->axis);
    const int64_t inner = pr_view_span(in, attrs->axis + 1, in->rank);
    const size_t bytes = pr_dtype_bytes(in->dtype);
    const float number = *(const float *)in[1].data;
    int64_t begin = 0;
    (void)inputs, (void)outputs;
    PR_TRY(place_of(env, number, attrs->axis, &begin));
    if (begin < 0) begin += n;
    if (begin < 0 || begin > n - attrs->size)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: %d elements from index %g along axis %d, but x has shape %s", env->layer,
                       attrs->size, (double)number, attrs->axis, pr_show_shape(in).text);
    const pr_copy copy = {2, {outer, attrs->size * inner}, {attrs->size * inner, 1}, {n * inner, 1}};
    pr_copy_run(env, &copy, (const unsigned char *)in->data + (size_t)(begin * inner) * bytes, out->data, bytes);
    return PR_OK;
}
