#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/move/move.h"
#include "ops/shape/numbers.h"

static pr_status check_axis(pr_env *env, const pr_pad_attrs *attrs, const pr_view *x, int axis) {
    const int32_t before = attrs->before.at[axis], after = attrs->after.at[axis], more = before > after ? before : after;
    const int64_t n = x->shape[axis];
    if (before < 0 || after < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: padding %d and %d at axis %d, expected no negative number", env->layer,
                       before, after, axis);
    if (n >= 0 && ((attrs->mode == PR_PAD_REFLECT && more >= n && more) || (attrs->mode == PR_PAD_EDGE && n == 0 && more)))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: padding %d and %d at axis %d has too few cells of x %s to mirror or repeat",
                       env->layer, before, after, axis, pr_show_shape(x).text);
    return PR_OK;
}

/* The value in the type of x, or a refusal. */
static bool value_fits(const pr_pad_attrs *attrs, int32_t dtype) {
    const double v = (double)attrs->value;
    if (attrs->mode != PR_PAD_CONSTANT || dtype == PR_F32) return true;
    return v == floor(v) && (dtype == PR_U8 ? v >= 0 && v <= 255 : v >= INT32_MIN && v <= INT32_MAX);
}

pr_status pr_pad_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pad_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the way to pad", attrs->mode, PR_PAD_EDGE + 1));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    PR_TRY(pr_check_dims(env, &attrs->before, "before", in->rank));
    PR_TRY(pr_check_dims(env, &attrs->after, "after", in->rank));
    if (!value_fits(attrs, in->dtype))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: padding with %g, which is no %s", env->layer, (double)attrs->value,
                       pr_dtype_name(in->dtype));
    pr_copy_shape(out, in);
    for (int i = 0; i < in->rank; i++) {
        PR_TRY(check_axis(env, attrs, in, i));
        if (in->shape[i] >= 0) out->shape[i] += (int64_t)attrs->before.at[i] + attrs->after.at[i];
    }
    return pr_check_output(env, out);
}

/* Numbers of a prediction as cells before and after each axis. */
static pr_status find_amounts(pr_env *env, const pr_view *in, int64_t *before, pr_view *out) {
    const pr_pad_to_attrs *attrs = env->attrs;
    int64_t amounts[2 * PR_MAX_RANK];
    PR_TRY(pr_read_numbers(env, &in[1], "the amounts", 2 * in->rank, amounts));
    pr_copy_shape(out, in);
    for (int i = 0; i < in->rank; i++) {
        const int64_t n = in->shape[i], front = amounts[2 * i], back = amounts[2 * i + 1];
        if (front < 0 || back < 0 || (attrs->to_size && front && back))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: padding %lld and %lld at axis %d, expected no negative number%s",
                           env->layer, (long long)front, (long long)back, i, attrs->to_size ? ", and one of both 0" : "");
        if (n < 0) continue;
        before[i] = attrs->to_size ? (front > n ? front - n : 0) : front;
        out->shape[i] = !attrs->to_size ? n + front + back : front + back > n ? front + back : n;
    }
    return pr_check_output(env, out);
}

pr_status pr_pad_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    int64_t before[PR_MAX_RANK];
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_F32));
    PR_TRY(pr_check_numbers(env, &in[1], "the amounts", 2 * in->rank, 2 * in->rank));
    if (in[1].data) return find_amounts(env, in, before, out);
    pr_copy_shape(out, in);
    for (int i = 0; i < in->rank; i++) out->shape[i] = -1;
    return PR_OK;
}

/* Rows run along `axis`, the last one that is padded; its cells are blocks of all that lies behind it. */
typedef struct pad_job {
    int mode;
    int64_t before[PR_MAX_RANK];
    const pr_view *x, *y;
    int axis;
    size_t block;                           /* bytes */
    unsigned char value[4];
    size_t value_bytes;
} pad_job;

/* The cell of x that cell i of y shows along an axis of n cells; -1: none. */
static int64_t cell_of(int mode, int64_t i, int64_t before, int64_t n) {
    int64_t at = i - before;
    if (at >= 0 && at < n) return at;
    if (mode == PR_PAD_CONSTANT) return -1;
    if (mode == PR_PAD_EDGE) return at < 0 ? 0 : n - 1;
    return at < 0 ? -at : 2 * (n - 1) - at;
}

static void fill(const pad_job *job, unsigned char *to, size_t bytes) {
    if (job->value_bytes == 1) {
        memset(to, job->value[0], bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i += 4) memcpy(to + i, job->value, 4);
}

static void pad_row(const pad_job *job, const unsigned char *from, unsigned char *to) {
    const int mode = job->mode;
    const int64_t n = job->x->shape[job->axis], width = job->y->shape[job->axis], before = job->before[job->axis];
    const size_t block = job->block;
    if (n) memcpy(to + (size_t)before * block, from, (size_t)n * block);
    if (mode == PR_PAD_CONSTANT) {
        fill(job, to, (size_t)before * block);
        fill(job, to + (size_t)(before + n) * block, (size_t)(width - before - n) * block);
        return;
    }
    for (int64_t i = 0; i < before; i++) memcpy(to + (size_t)i * block, from + (size_t)cell_of(mode, i, before, n) * block, block);
    for (int64_t i = before + n; i < width; i++)
        memcpy(to + (size_t)i * block, from + (size_t)cell_of(mode, i, before, n) * block, block);
}

static void pad_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const pad_job *job = arg;
    const size_t row_bytes = (size_t)job->y->shape[job->axis] * job->block;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        int64_t rest = row, from_row = 0, span = 1;
        bool inside = true;
        for (int i = job->axis - 1; i >= 0; i--) {
            int64_t cell = cell_of(job->mode, rest % job->y->shape[i], job->before[i], job->x->shape[i]);
            rest /= job->y->shape[i];
            inside = inside && cell >= 0;
            from_row += cell * span, span *= job->x->shape[i];
        }
        unsigned char *to = (unsigned char *)job->y->data + (size_t)row * row_bytes;
        if (!inside || pr_view_count(job->x) == 0) fill(job, to, row_bytes);
        else pad_row(job, (const unsigned char *)job->x->data + (size_t)(from_row * job->x->shape[job->axis]) * job->block, to);
    }
}

static void run_job(pr_env *env, pad_job *job) {
    const pr_view *in = job->x, *out = job->y;
    while (job->axis > 0 && in->shape[job->axis] == out->shape[job->axis]) job->axis--;
    if (job->axis < 0) {                    /* rank 0: nothing to pad */
        memcpy(out->data, in->data, job->value_bytes);
        return;
    }
    job->block = (size_t)pr_view_span(in, job->axis + 1, in->rank) * job->value_bytes;
    pr_for(env->pool, pr_view_span(out, 0, job->axis), pr_row_grain(pr_view_span(out, job->axis, out->rank)), pad_rows, job);
}

pr_status pr_pad_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pad_attrs *attrs = env->attrs;
    pad_job job = {.mode = attrs->mode, .x = in, .y = out, .axis = in->rank - 1, .value_bytes = pr_dtype_bytes(in->dtype)};
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    for (int i = 0; i < in->rank; i++) job.before[i] = attrs->before.at[i];
    if (in->dtype == PR_F32) memcpy(job.value, &attrs->value, 4);
    else if (in->dtype == PR_U8 && attrs->mode == PR_PAD_CONSTANT) job.value[0] = (unsigned char)attrs->value;
    else if (attrs->mode == PR_PAD_CONSTANT) memcpy(job.value, &(int32_t){(int32_t)attrs->value}, 4);
    run_job(env, &job);
    return PR_OK;
}

pr_status pr_pad_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pad_to_attrs *attrs = env->attrs;
    pad_job job = {.mode = PR_PAD_CONSTANT, .x = in, .y = out, .axis = in->rank - 1, .value_bytes = sizeof attrs->value};
    pr_view again;
    (void)inputs, (void)outputs;
    PR_TRY(find_amounts(env, in, job.before, &again));
    if (!pr_same_shape(&again, out))
        return pr_fail(env->message, PR_BAD_VALUE, "%s: the numbers changed after the shape was made", env->layer);
    memcpy(job.value, &attrs->value, sizeof attrs->value);
    run_job(env, &job);
    return PR_OK;
}
