/* Indices written out, and places turned into indices. */
#include "ops/check.h"
#include "ops/gather/gather.h"
#include "ops/shape/numbers.h"

static pr_status one_hot_shape(pr_env *env, const pr_view *index, int axis, int64_t size, pr_view *out) {
    PR_TRY(pr_check_inputs(env, index, 1, PR_F32));
    PR_TRY(pr_check_rank(env, index, "the index", 0, PR_MAX_RANK - 1));
    if (axis < 0 || axis > index->rank || size < -1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld entries at axis %d, for indices of shape %s", env->layer,
                       (long long)size, axis, pr_show_shape(index).text);
    *out = (pr_view){.dtype = PR_F32, .rank = index->rank + 1};
    for (int i = 0; i < index->rank; i++) out->shape[i < axis ? i : i + 1] = index->shape[i];
    out->shape[axis] = size;
    return pr_check_output(env, out);
}

typedef struct one_hot_job {
    const float *index;
    float *y, on, off;
    int64_t size, inner;
} one_hot_job;

static void one_hot_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const one_hot_job *job = arg;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const float *index = job->index + row / job->size * job->inner;
        float *y = job->y + row * job->inner;
        for (int64_t i = 0; i < job->inner; i++) {
            const bool inside = index[i] > -1 && index[i] < (float)job->size;
            y[i] = inside && (int64_t)index[i] == row % job->size ? job->on : job->off;
        }
    }
}

static void one_hot(pr_env *env, const pr_view *index, int axis, float on, float off, pr_view *out) {
    one_hot_job job = {index->data, out->data, on, off, out->shape[axis], pr_view_span(index, axis, index->rank)};
    pr_for(env->pool, pr_view_span(out, 0, axis + 1), pr_row_grain(job.inner), one_hot_rows, &job);
}

pr_status pr_one_hot_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_one_hot_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    if (attrs->size < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d entries, expected 0 or more", env->layer, attrs->size);
    return one_hot_shape(env, in, attrs->axis, attrs->size, out);
}

pr_status pr_one_hot_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_one_hot_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    one_hot(env, in, attrs->axis, attrs->on, attrs->off, out);
    return PR_OK;
}

pr_status pr_one_hot_to_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_one_hot_to_attrs *attrs = env->attrs;
    int64_t size = -1;
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_numbers(env, &in[1], "the size", 1, 1));
    if (in[1].data) PR_TRY(pr_read_numbers(env, &in[1], "the size", 1, &size));
    if (in[1].data && size < 0)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: %lld entries, expected 0 or more", env->layer, (long long)size);
    return one_hot_shape(env, in, attrs->axis, size, out);
}

pr_status pr_one_hot_to_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_one_hot_to_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    one_hot(env, in, attrs->axis, attrs->on, attrs->off, out);
    return PR_OK;
}

pr_status pr_where_non_zero_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const float *x = in->data;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    *out = (pr_view){.dtype = PR_F32, .rank = 2, .shape = {-1, in->rank}};
    const int64_t count = pr_view_count(in);
    if (count >= 0 && (x || count == 0)) {
        out->shape[0] = 0;
        for (int64_t i = 0; i < count; i++) out->shape[0] += x[i] != 0;
    }
    return PR_OK;
}

pr_status pr_where_non_zero_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const float *x = in->data;
    const int64_t count = pr_view_count(in);
    float *y = out->data;
    int64_t found = 0;
    (void)env, (void)inputs, (void)outputs;
    for (int64_t i = 0; i < count && found < out->shape[0]; i++) {
        if (x[i] == 0) continue;
        for (int64_t d = in->rank - 1, rest = i; d >= 0; rest /= in->shape[d], d--) y[d] = (float)(rest % in->shape[d]);
        y += in->rank, found++;
    }
    return PR_OK;
}
