/* The operators LAYER_NORM_GRADIENT and LRN_GRADIENT. */
#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/training/training.h"

enum { LANES = 16, WIDE = 64 };             /* sums that run side by side; columns of an item */

static pr_status check_like(pr_env *env, const pr_view *v, const pr_view *x) {
    PR_TRY(pr_check_rank(env, v, "the gradient", x->rank, x->rank));
    for (int i = 0; i < x->rank; i++) PR_TRY(pr_check_dim(env, v, "the gradient", i, x->shape[i]));
    return PR_OK;
}

/* layer normalisation: xh = (x - mean) scale, d = g gamma: dx = scale (d - mean of d - xh mean of d xh) */

pr_status pr_layer_norm_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_layer_norm_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    int64_t count = 1;
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 3, PR_F32));
    PR_TRY(check_like(env, &in[1], x));
    PR_TRY(pr_check_rank(env, &in[2], "gamma", 1, 1));
    if (attrs->axes < 1 || attrs->axes > x->rank)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d axes of rank %d", env->layer, (int)attrs->axes, (int)x->rank);
    for (int i = x->rank - attrs->axes; i < x->rank; i++) count = x->shape[i] < 0 || count < 0 ? -1 : count * x->shape[i];
    PR_TRY(pr_check_dim(env, &in[2], "gamma", 0, count));
    pr_copy_shape(&out[0], x);
    for (int i = 1; i < 3; i++) out[i] = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {in[2].shape[0]}};
    if (pr_view_count(x) < 0) return PR_OK;
    env->scratch_bytes = 2 * (size_t)pr_view_span(x, 0, x->rank - attrs->axes) * sizeof(float);
    return PR_OK;
}

typedef struct layer_job {
    const float *x, *g, *gamma;
    float *dx, *dgamma, *dbeta, *moments;   /* moments (rows, 2): mean, scale */
    int64_t rows, n;
    double epsilon;
} layer_job;

static double total(const float lanes[LANES]) {
    double sum = 0;
    for (int k = 0; k < LANES; k++) sum += (double)lanes[k];
    return sum;
}

static void moments_of(const float *x, int64_t n, double epsilon, float moments[2]) {
    float sum[LANES] = {0}, squares[LANES] = {0};
    for (int64_t i = 0; i < n; i++) sum[i % LANES] += x[i];
    const float about = (float)(total(sum) / (double)n);
    memset(sum, 0, sizeof sum);
    for (int64_t i = 0; i < n; i++) {
        const float d = x[i] - about;
        sum[i % LANES] += d, squares[i % LANES] += d * d;
    }
    const double missed = total(sum) / (double)n, variance = fmax(total(squares) / (double)n - missed * missed, 0);
    moments[0] = (float)((double)about + missed);
    moments[1] = (float)(1 / sqrt(variance + epsilon));
}

static void layer_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const layer_job *job = arg;
    const int64_t n = job->n;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const float *x = job->x + row * n, *g = job->g + row * n, *gamma = job->gamma;
        float *dx = job->dx + row * n, *moments = job->moments + 2 * row, plain[LANES] = {0}, along[LANES] = {0};
        moments_of(x, n, job->epsilon, moments);
        const float mean = moments[0], scale = moments[1];
        for (int64_t i = 0; i < n; i++) {
            const float d = g[i] * gamma[i];
            plain[i % LANES] += d, along[i % LANES] += d * ((x[i] - mean) * scale);
        }
        const float a = (float)(total(plain) / (double)n), b = (float)(total(along) / (double)n);
        for (int64_t i = 0; i < n; i++) dx[i] = scale * (g[i] * gamma[i] - a - (x[i] - mean) * scale * b);
    }
}

static void layer_columns(void *arg, int64_t begin, int64_t end, int worker) {
    const layer_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item * WIDE, n = job->n - first < WIDE ? job->n - first : WIDE;
        float gamma[WIDE] = {0}, beta[WIDE] = {0};
        for (int64_t row = 0; row < job->rows; row++) {
            const float *x = job->x + row * job->n + first, *g = job->g + row * job->n + first;
            const float mean = job->moments[2 * row], scale = job->moments[2 * row + 1];
            for (int64_t i = 0; i < n; i++) gamma[i] += g[i] * ((x[i] - mean) * scale), beta[i] += g[i];
        }
        memcpy(job->dgamma + first, gamma, (size_t)n * sizeof(float));
        memcpy(job->dbeta + first, beta, (size_t)n * sizeof(float));
    }
}

pr_status pr_layer_norm_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_layer_norm_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    layer_job job = {x->data, in[1].data, in[2].data, out[0].data, out[1].data, out[2].data, env->scratch,
                     pr_view_span(x, 0, x->rank - attrs->axes), in[2].shape[0], (double)attrs->epsilon};
    (void)inputs, (void)outputs;
    pr_for(env->pool, job.rows, pr_row_grain(8 * job.n), layer_rows, &job);
    pr_for(env->pool, (job.n + WIDE - 1) / WIDE, pr_row_grain(job.rows * WIDE), layer_columns, &job);
    return PR_OK;
}

/* local response, s = k + scale * sum of x^2: dx = g s^-beta - 2 scale beta x * the sum of g x s^(-beta-1) over the windows
 * that reach the channel */

pr_status pr_lrn_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_lrn_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 2, PR_F32));
    PR_TRY(pr_check_rank(env, in, "x", 1, PR_MAX_RANK));
    PR_TRY(check_like(env, &in[1], in));
    if (attrs->before < 0 || attrs->after < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a window from %d channels before to %d behind", env->layer,
                       (int)attrs->before, (int)attrs->after);
    pr_copy_shape(out, in);
    if (pr_view_count(in) > 0)
        env->scratch_bytes = 2 * (size_t)in->shape[in->rank - 1] * sizeof(float) * (size_t)pr_pool_threads(env->pool);
    return PR_OK;
}

typedef struct lrn_job {
    const pr_lrn_attrs *attrs;
    const float *x, *g;
    float *dx, *scratch;
    int64_t c;
} lrn_job;

static float window_sum(const float *v, int64_t i, int64_t before, int64_t after, int64_t c) {
    const int64_t first = i > before ? i - before : 0, last = c - 1 - i > after ? i + after : c - 1;
    double sum = 0;
    for (int64_t j = first; j <= last; j++) sum += (double)v[j];
    return (float)sum;
}

static void lrn_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const lrn_job *job = arg;
    const pr_lrn_attrs *a = job->attrs;
    const int64_t c = job->c;
    float *own = job->scratch + 2 * c * worker, *crossed = own + c;
    for (int64_t row = begin; row < end; row++) {
        const float *x = job->x + row * c, *g = job->g + row * c;
        float *dx = job->dx + row * c;
        for (int64_t i = 0; i < c; i++) own[i] = x[i] * x[i];
        for (int64_t i = 0; i < c; i++) {
            const float s = a->k + a->scale * window_sum(own, i, a->before, a->after, c), power = powf(s, -a->beta);
            dx[i] = g[i] * power;
            crossed[i] = g[i] * x[i] * power / s;
        }
        for (int64_t i = 0; i < c; i++)         /* the windows that reach i: the other way round */
            dx[i] -= 2 * a->scale * a->beta * x[i] * window_sum(crossed, i, a->after, a->before, c);
    }
}

pr_status pr_lrn_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    lrn_job job = {env->attrs, in[0].data, in[1].data, out->data, env->scratch, in->shape[in->rank - 1]};
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    pr_for(env->pool, pr_view_span(in, 0, in->rank - 1), pr_row_grain(32 * job.c), lrn_rows, &job);
    return PR_OK;
}
