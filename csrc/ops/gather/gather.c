#include "ops/gather/gather.h"

#include <string.h>

#include "ops/check.h"

pr_status pr_gather_rows_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_gather_rows_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, attrs->has_bias ? 3 : 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[0], "the index", 0, PR_MAX_RANK - 1));
    PR_TRY(pr_check_rank(env, &in[1], "the table", 2, 2));
    if (attrs->has_bias) {
        PR_TRY(pr_check_rank(env, &in[2], "bias", 1, 1));
        PR_TRY(pr_check_dim(env, &in[2], "bias", 0, in[1].shape[1]));
    }
    pr_copy_shape(out, in);
    out->shape[out->rank++] = in[1].shape[1];
    return pr_check_output(env, out);
}

typedef struct gather_job {
    const float *index, *table, *bias;      /* bias: NULL for none */
    float *y;
    int64_t width;
} gather_job;

static void gather_range(void *arg, int64_t begin, int64_t end, int worker) {
    const gather_job *job = arg;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *row = job->table + (int64_t)job->index[i] * job->width;
        float *y = job->y + i * job->width;
        if (job->bias)
            for (int64_t j = 0; j < job->width; j++) y[j] = row[j] + job->bias[j];
        else memcpy(y, row, (size_t)job->width * sizeof(float));
    }
}

pr_status pr_gather_rows_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_gather_rows_attrs *attrs = env->attrs;
    const int64_t count = pr_view_count(&in[0]), rows = in[1].shape[0];
    const gather_job job = {in[0].data, in[1].data, attrs->has_bias ? in[2].data : NULL, out->data, in[1].shape[1]};
    (void)inputs, (void)outputs;
    for (int64_t i = 0; i < count; i++)     /* all before any is used; NaN fails the comparison */
        if (!((double)job.index[i] > -1 && (double)job.index[i] < (double)rows))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: index %g at position %lld, the table has rows 0 to %lld", env->layer,
                           (double)job.index[i], (long long)i, (long long)rows - 1);
    if (pr_view_count(out)) pr_for(env->pool, count, pr_row_grain(job.width), gather_range, (void *)&job);
    return PR_OK;
}
