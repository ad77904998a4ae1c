#include "ops/softmax/softmax.h"

#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"

/* The largest is subtracted first, so that inputs of 1e8 survive.  A row with NaN, +inf or only -inf becomes NaN. */
static void softmax_columns(const float *x, float *y, int64_t n, int64_t stride, int64_t width) {
    for (int64_t j = 0; j < width; j++) {
        float largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++) largest = fmaxf(largest, x[i * stride + j]);
        for (int64_t i = 0; i < n; i++) sum += y[i * stride + j] = expf(x[i * stride + j] - largest);
        for (int64_t i = 0; i < n; i++) y[i * stride + j] /= sum;
    }
}
static void softmax_row(const float *x, float *y, int64_t n) { softmax_columns(x, y, n, 1, 1); }

const pr_softmax_kernels pr_softmax__ref = {softmax_row, softmax_columns};

pr_status pr_softmax_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_softmax_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (attrs->axis < 0 || attrs->axis >= in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: softmax along axis %d, but x of shape %s has rank %d", env->layer,
                       attrs->axis, pr_show_shape(in).text, in->rank);
    pr_copy_shape(out, in);
    return PR_OK;
}

/* x as (outer, n, inner); an item is one row, or one block of columns of one outer index. */
typedef struct softmax_job {
    const pr_softmax_kernels *kernels;
    const float *x;
    float *y;
    int64_t n, inner, blocks;
} softmax_job;

static void softmax_range(void *arg, int64_t begin, int64_t end, int worker) {
    const softmax_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        if (job->inner == 1) {
            job->kernels->row(job->x + item * job->n, job->y + item * job->n, job->n);
            continue;
        }
        int64_t column = item % job->blocks * PR_SOFTMAX_WIDTH, left = job->inner - column;
        int64_t at = item / job->blocks * job->n * job->inner + column;
        job->kernels->columns(job->x + at, job->y + at, job->n, job->inner, left < PR_SOFTMAX_WIDTH ? left : PR_SOFTMAX_WIDTH);
    }
}

pr_status pr_softmax_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_softmax_attrs *attrs = env->attrs;
    softmax_job job = {env->kernels->softmax, in->data, out->data, in->shape[attrs->axis],
                       pr_view_span(in, attrs->axis + 1, in->rank), 0};
    (void)inputs, (void)outputs;
    if (pr_view_count(in) == 0) return PR_OK;
    job.blocks = (job.inner + PR_SOFTMAX_WIDTH - 1) / PR_SOFTMAX_WIDTH;
    int64_t width = job.inner < PR_SOFTMAX_WIDTH ? job.inner : PR_SOFTMAX_WIDTH;
    pr_for(env->pool, pr_view_span(in, 0, attrs->axis) * job.blocks, pr_row_grain(4 * job.n * width), softmax_range, &job);
    return PR_OK;
}
