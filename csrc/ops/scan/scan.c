#include "ops/scan/scan.h"

#include "ops/check.h"

pr_status pr_cum_sum_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_cum_sum_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, in, "x", 1, PR_MAX_RANK));
    if (attrs->axis < -1 || attrs->axis >= in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: sums along axis %d, but x of shape %s has rank %d", env->layer,
                       attrs->axis, pr_show_shape(in).text, in->rank);
    PR_TRY(pr_check_input_count(env, inputs, attrs->axis < 0 ? 2 : 1));
    if (inputs == 2 && pr_view_count(&in[1]) >= 0 && pr_view_count(&in[1]) != 1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the axis has shape %s, expected one number", env->layer,
                       pr_show_shape(&in[1]).text);
    pr_copy_shape(out, in);
    return PR_OK;
}

/* x, y (outer, n, inner); an item is a block of columns of one outer index.  y may be x. */
enum { WIDTH = 64 };
typedef struct scan_job {
    const float *x;
    float *y;
    int64_t n, inner, blocks;
    bool exclusive, reversed;
} scan_job;

static void scan_columns(const scan_job *job, const float *x, float *y, int64_t width) {
    double sum[WIDTH];
    for (int64_t j = 0; j < width; j++) sum[j] = 0;
    for (int64_t i = 0; i < job->n; i++) {
        const int64_t at = (job->reversed ? job->n - 1 - i : i) * job->inner;
        for (int64_t j = 0; j < width; j++) {
            const double before = sum[j];
            sum[j] += (double)x[at + j];
            y[at + j] = (float)(job->exclusive ? before : sum[j]);
        }
    }
}

static void scan_range(void *arg, int64_t begin, int64_t end, int worker) {
    const scan_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t column = item % job->blocks * WIDTH, left = job->inner - column;
        const int64_t at = item / job->blocks * job->n * job->inner + column;
        scan_columns(job, job->x + at, job->y + at, left < WIDTH ? left : WIDTH);
    }
}

pr_status pr_cum_sum_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_cum_sum_attrs *attrs = env->attrs;
    int axis = attrs->axis;
    (void)outputs;
    if (inputs == 2) {
        const double wanted = (double)*(const float *)in[1].data;
        if (!(wanted >= -in->rank && wanted < in->rank) || wanted != (double)(int)wanted)
            return pr_fail(env->message, PR_BAD_VALUE, "%s: the axis is %g, expected a whole number from %d to %d for x %s",
                           env->layer, wanted, -in->rank, in->rank - 1, pr_show_shape(in).text);
        axis = (int)wanted < 0 ? (int)wanted + in->rank : (int)wanted;
    }
    scan_job job = {.x = in->data, .y = out->data, .n = in->shape[axis], .inner = pr_view_span(in, axis + 1, in->rank),
                    .exclusive = attrs->exclusive, .reversed = attrs->reversed};
    if (pr_view_count(in) == 0) return PR_OK;
    job.blocks = (job.inner + WIDTH - 1) / WIDTH;
    const int64_t width = job.inner < WIDTH ? job.inner : WIDTH;
    pr_for(env->pool, pr_view_span(in, 0, axis) * job.blocks, pr_row_grain(job.n * width), scan_range, &job);
    return PR_OK;
}
