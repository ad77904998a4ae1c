#include <math.h>

#include "ops/check.h"
#include "ops/random/random.h"

pr_status pr_categorical_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_categorical_attrs *a = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, in, "the input", 1, PR_MAX_RANK));
    if (a->samples < 1 || !(a->temperature > 0) || !isfinite(a->temperature) || !(a->eps >= 0) || !isfinite(a->eps))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d samples at temperature %g with eps %g; expected at least one, a "
                       "positive temperature and an eps from 0", env->layer, a->samples, (double)a->temperature, (double)a->eps);
    const int64_t classes = in->shape[in->rank - 1];
    if (classes == 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: no classes to draw from", env->layer);
    pr_copy_shape(out, in);
    out->shape[out->rank - 1] = a->samples;
    if (classes > 0) env->scratch_bytes = (size_t)pr_pool_threads(env->pool) * (size_t)classes * sizeof(double);
    return pr_check_output(env, out);
}

typedef struct categorical_job {
    const pr_categorical_attrs *attrs;
    pr_stream stream;
    const float *x;
    float *y;
    double *sums;                           /* per worker (N) */
    int64_t classes;
} categorical_job;

/* Running sums of weights; the last one is positive and finite when the row is a distribution. */
static double running_sums(const pr_categorical_attrs *a, const float *x, int64_t n, double *sums) {
    double total = 0;
    float largest = x[0];
    for (int64_t i = 1; i < n; i++)
        if (x[i] > largest) largest = x[i];
    for (int64_t i = 0; i < n; i++) {
        const double p = (double)x[i] + a->eps;         /* a class below 1e-300, which is 0, has no weight */
        if (a->is_logits) total += pr_exp(((double)x[i] - largest) / a->temperature);
        else if (a->temperature == 1) total += p;
        else if (p >= 1e-300) total += pr_exp((pr_log(p) - pr_log(largest + (double)a->eps)) / a->temperature);
        sums[i] = total;
    }
    return total;
}

/* The first index whose running sum is above `target`. */
static int64_t find(const double *sums, int64_t n, double target) {
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sums[middle] > target) high = middle;
        else low = middle + 1;
    }
    return low;
}

static void categorical_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const categorical_job *job = arg;
    const int64_t n = job->classes, samples = job->attrs->samples;
    double *sums = job->sums + worker * n;
    for (int64_t row = begin; row < end; row++) {
        const double total = running_sums(job->attrs, job->x + row * n, n, sums);
        for (int64_t s = 0; s < samples; s++) {
            const int64_t at = row * samples + s;
            const pr_block words = pr_stream_block(&job->stream, at / 4);
            job->y[at] = (float)find(sums, n, total * (words.word[at % 4] * 0x1p-32));
        }
    }
}

static pr_status check_rows(pr_env *env, const float *x, int64_t rows, int64_t n) {
    const pr_categorical_attrs *a = env->attrs;
    for (int64_t row = 0; row < rows; row++) {
        bool any = false;
        for (int64_t i = 0; i < n; i++) {
            const float v = x[row * n + i];
            if (a->is_logits ? isnan(v) || v == INFINITY : !(v >= 0) || v == INFINITY)
                return pr_fail(env->message, PR_BAD_VALUE, "%s: %s %lld of row %lld is %g", env->layer,
                               a->is_logits ? "logit" : "probability", (long long)i, (long long)row, (double)v);
            if (a->is_logits ? v > -INFINITY : v + (double)a->eps >= 1e-300) any = true;
        }
        if (!any)
            return pr_fail(env->message, PR_BAD_VALUE, "%s: row %lld has no class that can be drawn", env->layer,
                           (long long)row);
    }
    return PR_OK;
}

pr_status pr_categorical_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_categorical_attrs *a = env->attrs;
    const int64_t n = in->shape[in->rank - 1], rows = pr_view_count(in) / n;
    categorical_job job = {.attrs = a, .x = in->data, .y = out->data, .sums = env->scratch, .classes = n};
    (void)inputs, (void)outputs;
    PR_TRY(check_rows(env, job.x, rows, n));
    PR_TRY(pr_open_stream(env, a->seed, &job.stream));
    pr_for(env->pool, rows, pr_row_grain(n + 8 * (int64_t)a->samples), categorical_rows, &job);
    return PR_OK;
}
