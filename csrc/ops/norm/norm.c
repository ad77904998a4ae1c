#include "ops/norm/norm.h"

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/unary/unary.h"

static void affine_rows(const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t c,
                        const pr_activation *activation) {
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < c; i++)
            y[row * c + i] = pr_activate(x[row * c + i] * scale[i] + shift[i], activation);
}

static void prelu_rows(const float *x, const float *slope, float *y, int64_t rows, int64_t c) {
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < c; i++) {
            const float v = x[row * c + i];
            y[row * c + i] = v < 0 ? slope[i] * v : v;
        }
}

const pr_norm_kernels pr_norm__ref = {affine_rows, prelu_rows};

typedef struct norm_job {
    const pr_norm_kernels *kernels;
    const float *x, *scale, *shift;
    float *y;
    int64_t c;
    const pr_activation *activation;
} norm_job;

static int64_t channels_of(const pr_view *x) { return x->shape[x->rank - 1]; }

pr_status pr_affine_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[0], "x", 1, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, &in[1], "scale", 1, 1));
    PR_TRY(pr_check_rank(env, &in[2], "shift", 1, 1));
    PR_TRY(pr_check_dim(env, &in[1], "scale", 0, channels_of(&in[0])));
    PR_TRY(pr_check_dim(env, &in[2], "shift", 0, channels_of(&in[0])));
    pr_copy_shape(out, in);
    if (channels_of(out) < 0) out->shape[out->rank - 1] = in[1].shape[0] >= 0 ? in[1].shape[0] : in[2].shape[0];
    return PR_OK;
}

static void affine_range(void *arg, int64_t begin, int64_t end, int worker) {
    const norm_job *job = arg;
    (void)worker;
    job->kernels->affine(job->x + begin * job->c, job->scale, job->shift, job->y + begin * job->c, end - begin, job->c,
                         job->activation);
}

pr_status pr_affine_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_affine_attrs *attrs = env->attrs;
    norm_job job = {env->kernels->norm, in[0].data, in[1].data, in[2].data, out->data, channels_of(in),
                    &attrs->activation};
    (void)inputs, (void)outputs;
    if (pr_view_count(in)) pr_for(env->pool, pr_view_count(in) / job.c, pr_row_grain(job.c), affine_range, &job);
    return PR_OK;
}

pr_status pr_prelu_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[0], "x", 1, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, &in[1], "slope", 1, 1));
    if (in[1].shape[0] != 1) PR_TRY(pr_check_dim(env, &in[1], "slope", 0, channels_of(&in[0])));
    pr_copy_shape(out, in);
    return PR_OK;
}

static void prelu_range(void *arg, int64_t begin, int64_t end, int worker) {
    const norm_job *job = arg;
    (void)worker;
    job->kernels->prelu(job->x + begin * job->c, job->scale, job->y + begin * job->c, end - begin, job->c);
}

pr_status pr_prelu_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    norm_job job = {env->kernels->norm, in[0].data, in[1].data, NULL, out->data, channels_of(in), NULL};
    (void)inputs, (void)outputs;
    if (in[1].shape[0] == 1 && job.c != 1) {
        pr_unary_attrs leaky = {PR_UNARY_LEAKY_RELU, job.scale[0], 0};
        pr_env inner = *env;
        inner.attrs = &leaky;
        return pr_unary_run(&inner, in, 1, out, 1);
    }
    if (pr_view_count(in)) pr_for(env->pool, pr_view_count(in) / job.c, pr_row_grain(job.c), prelu_range, &job);
    return PR_OK;
}
