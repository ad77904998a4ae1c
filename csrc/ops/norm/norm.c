#include "ops/norm/norm.h"

#include <math.h>

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

static void layer_norm_rows(const float *x, const float *gamma, const float *beta, float *y, int64_t rows, int64_t c,
                            float epsilon) {
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < c; i++) sum += (double)x[i];
        const double mean = sum / (double)c;
        for (int64_t i = 0; i < c; i++) squares += ((double)x[i] - mean) * ((double)x[i] - mean);
        const double scale = 1 / sqrt(squares / (double)c + (double)epsilon);
        for (int64_t i = 0; i < c; i++) y[i] = (float)(((double)x[i] - mean) * scale) * gamma[i] + beta[i];
    }
}

static void lrn_rows(const float *x, float *y, float *squares, int64_t rows, int64_t c, const pr_lrn_attrs *attrs) {
    for (int64_t row = 0; row < rows; row++, x += c, y += c) {
        for (int64_t i = 0; i < c; i++) squares[i] = x[i] * x[i];
        for (int64_t i = 0; i < c; i++) {
            const int64_t first = i > attrs->before ? i - attrs->before : 0;
            const int64_t last = c - 1 - i > attrs->after ? i + attrs->after : c - 1;
            double sum = 0;
            for (int64_t j = first; j <= last; j++) sum += (double)squares[j];
            y[i] = x[i] / powf(attrs->k + attrs->scale * (float)sum, attrs->beta);
        }
    }
}

const pr_norm_kernels pr_norm__ref = {affine_rows, prelu_rows, layer_norm_rows, lrn_rows};

typedef struct norm_job {
    const pr_norm_kernels *kernels;
    const float *x, *scale, *shift;
    float *y;
    int64_t c;
    const pr_activation *activation;
    float epsilon;
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
    norm_job job = {.kernels = env->kernels->norm, .x = in[0].data, .scale = in[1].data, .shift = in[2].data,
                    .y = out->data, .c = channels_of(in), .activation = &attrs->activation};
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
    norm_job job = {.kernels = env->kernels->norm, .x = in[0].data, .scale = in[1].data, .y = out->data, .c = channels_of(in)};
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

pr_status pr_layer_norm_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_layer_norm_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (attrs->axes < 1 || attrs->axes > in->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: normalised over the last %d axes, but x has shape %s", env->layer,
                       attrs->axes, pr_show_shape(in).text);
    const int64_t size = pr_view_span(in, in->rank - attrs->axes, in->rank);
    PR_TRY(pr_check_rank(env, &in[1], "gamma", 1, 1));
    PR_TRY(pr_check_rank(env, &in[2], "beta", 1, 1));
    PR_TRY(pr_check_dim(env, &in[1], "gamma", 0, size));
    PR_TRY(pr_check_dim(env, &in[2], "beta", 0, size));
    pr_copy_shape(out, in);
    return PR_OK;
}

static void layer_norm_range(void *arg, int64_t begin, int64_t end, int worker) {
    const norm_job *job = arg;
    (void)worker;
    job->kernels->layer_norm(job->x + begin * job->c, job->scale, job->shift, job->y + begin * job->c, end - begin, job->c,
                             job->epsilon);
}

pr_status pr_layer_norm_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_layer_norm_attrs *attrs = env->attrs;
    norm_job job = {.kernels = env->kernels->norm, .x = in[0].data, .scale = in[1].data, .shift = in[2].data,
                    .y = out->data, .c = pr_view_span(in, in->rank - attrs->axes, in->rank), .epsilon = attrs->epsilon};
    (void)inputs, (void)outputs;
    if (pr_view_count(in)) pr_for(env->pool, pr_view_count(in) / job.c, pr_row_grain(2 * job.c), layer_norm_range, &job);
    return PR_OK;
}

/* The window as far as it can meet a channel: c - 1 on each side. */
static pr_lrn_attrs met(const pr_lrn_attrs *attrs, int64_t c) {
    pr_lrn_attrs a = *attrs;
    if (a.before >= c) a.before = (int32_t)(c - 1);
    if (a.after >= c) a.after = (int32_t)(c - 1);
    return a;
}
static int64_t squares_of(const pr_lrn_attrs *attrs, int64_t c) {
    const pr_lrn_attrs a = met(attrs, c);
    return (a.before + c + a.after + 15) / 16 * 16;
}

pr_status pr_lrn_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_lrn_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, in, "x", 1, PR_MAX_RANK));
    if (attrs->before < 0 || attrs->after < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a window of %d channels before and %d after, expected 0 or more",
                       env->layer, attrs->before, attrs->after);
    const int threads = env->pool ? pr_pool_threads(env->pool) : 1;
    if (channels_of(in) > 0) env->scratch_bytes = (size_t)(threads * squares_of(attrs, channels_of(in))) * sizeof(float);
    pr_copy_shape(out, in);
    return PR_OK;
}

typedef struct lrn_job {
    const pr_norm_kernels *kernels;
    const float *x;
    float *y, *squares;                     /* `room` floats per worker */
    int64_t c, room;
    pr_lrn_attrs attrs;
} lrn_job;

static void lrn_range(void *arg, int64_t begin, int64_t end, int worker) {
    const lrn_job *job = arg;
    job->kernels->lrn(job->x + begin * job->c, job->y + begin * job->c, job->squares + worker * job->room, end - begin, job->c,
                      &job->attrs);
}

pr_status pr_lrn_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int64_t c = channels_of(in);
    lrn_job job = {env->kernels->norm, in->data, out->data, env->scratch, c, squares_of(env->attrs, c), met(env->attrs, c)};
    (void)inputs, (void)outputs;
    if (pr_view_count(in)) pr_for(env->pool, pr_view_count(in) / c, pr_row_grain(4 * c), lrn_range, &job);
    return PR_OK;
}
