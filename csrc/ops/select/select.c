#include "ops/select/select.h"

#include "ops/broadcast.h"
#include "ops/check.h"
#include "ops/kernels.h"

static void select_rows(const pr_select_rows *job) {
    for (int64_t row = 0; row < job->rows; row++)
        for (int64_t i = 0; i < job->n; i++) {
            const float c = job->condition[row * job->condition_row + i * job->condition_step];
            const float x = job->x[row * job->x_row + i * job->x_step];
            const float y = job->y[row * job->y_row + i * job->y_step];
            job->z[row * job->n + i] = c != 0 ? x : y;
        }
}

const pr_select_kernels pr_select__ref = {select_rows};

pr_status pr_select_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    return pr_broadcast_shape(env, in, inputs, out);
}

typedef struct select_job {
    const pr_select_kernels *kernels;
    const float *condition, *x, *y;
    float *z;
} select_job;

static void select_block(void *arg, const pr_broadcast_block *block) {
    const select_job *job = arg;
    const pr_select_rows part = {
        job->condition + block->from[0], job->x + block->from[1], job->y + block->from[2], job->z + block->to,
        block->rows, block->n, block->row[0], block->row[1], block->row[2], block->step[0], block->step[1], block->step[2]};
    job->kernels->rows(&part);
}

pr_status pr_select_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    select_job job = {env->kernels->select, in[0].data, in[1].data, in[2].data, out->data};
    (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    const pr_broadcast walk = pr_broadcast_of(in, inputs, out);
    pr_broadcast_for(env->pool, &walk, select_block, &job);
    return PR_OK;
}
