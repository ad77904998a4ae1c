/* Sequences read backwards, and matrices cut along their diagonals. */
#include <string.h>

#include "ops/check.h"
#include "ops/move/move.h"
#include "ops/shape/numbers.h"

pr_status pr_reverse_sequence_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_reverse_sequence_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_F32));
    if (attrs->batch_axis < 0 || attrs->batch_axis >= in->rank || attrs->sequence_axis < 0 ||
        attrs->sequence_axis >= in->rank || attrs->batch_axis == attrs->sequence_axis)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: batch axis %d and sequence axis %d, expected two axes of x %s",
                       env->layer, attrs->batch_axis, attrs->sequence_axis, pr_show_shape(in).text);
    const int64_t batch = in->shape[attrs->batch_axis];
    PR_TRY(pr_check_numbers(env, &in[1], "the lengths", batch < 0 ? 0 : batch, batch));
    pr_copy_shape(out, in);
    return PR_OK;
}

/* Rows of `inner` elements lie behind the later of both axes. */
typedef struct reverse_job {
    const float *x, *lengths;
    float *y;
    int64_t batch, batch_stride, length, length_stride, inner;      /* strides count rows */
} reverse_job;

static void reverse_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const reverse_job *job = arg;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const int64_t at = row / job->length_stride % job->length;
        const int64_t reversed = (int64_t)job->lengths[row / job->batch_stride % job->batch];
        const int64_t from = at < reversed ? row + (reversed - 1 - 2 * at) * job->length_stride : row;
        memcpy(job->y + row * job->inner, job->x + from * job->inner, (size_t)job->inner * sizeof(float));
    }
}

pr_status pr_reverse_sequence_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_reverse_sequence_attrs *attrs = env->attrs;
    const int b = attrs->batch_axis, s = attrs->sequence_axis, last = b > s ? b : s;
    reverse_job job = {in->data, in[1].data, out->data, in->shape[b], pr_view_span(in, b + 1, last + 1), in->shape[s],
                       pr_view_span(in, s + 1, last + 1), pr_view_span(in, last + 1, in->rank)};
    (void)inputs, (void)outputs;
    for (int64_t i = 0; i < job.batch; i++)
        if (!(job.lengths[i] > -1 && job.lengths[i] <= (float)job.length) || (int64_t)job.lengths[i] > job.length)
            return pr_fail(env->message, PR_BAD_VALUE, "%s: length %g at position %lld, expected 0 to %lld", env->layer,
                           (double)job.lengths[i], (long long)i, (long long)job.length);
    pr_for(env->pool, pr_view_span(in, 0, last + 1), pr_row_grain(job.inner), reverse_rows, &job);
    return PR_OK;
}

pr_status pr_band_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, in, "x", 2, PR_MAX_RANK));
    pr_copy_shape(out, in);
    return PR_OK;
}

typedef struct band_job {
    const float *x;
    float *y;
    int64_t rows, columns, low, high;
} band_job;

static int64_t between(int64_t low, int64_t n, int64_t high) { return n < low ? low : n > high ? high : n; }

static void band_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const band_job *job = arg;
    const int64_t columns = job->columns;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const int64_t i = row % job->rows;
        const int64_t first = between(0, i + job->low, columns), last = between(first, i + job->high + 1, columns);
        const float *x = job->x + row * columns;
        float *y = job->y + row * columns;
        memset(y, 0, (size_t)first * sizeof(float));
        if (y != x) memcpy(y + first, x + first, (size_t)(last - first) * sizeof(float));
        memset(y + last, 0, (size_t)(columns - last) * sizeof(float));
    }
}

pr_status pr_band_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_band_attrs *attrs = env->attrs;
    band_job job = {in->data, out->data, in->shape[in->rank - 2], in->shape[in->rank - 1], attrs->low, attrs->high};
    (void)inputs, (void)outputs;
    pr_for(env->pool, pr_view_span(in, 0, in->rank - 1), pr_row_grain(job.columns), band_rows, &job);
    return PR_OK;
}
