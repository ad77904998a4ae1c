/* The operators CROSS_ENTROPY and SQUARED_ERROR: the loss of each example, and the gradient of their mean. */
#include <math.h>

#include "ops/check.h"
#include "ops/training/training.h"

static pr_status infer_loss(pr_env *env, const pr_view *in, const pr_view *target, pr_view *out) {
    PR_TRY(pr_check_rank(env, in, "the prediction", 2, 2));
    for (int i = 0; i < target->rank; i++) PR_TRY(pr_check_dim(env, target, "the target", i, in->shape[i]));
    pr_copy_shape(&out[0], in);
    out[1] = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {in->shape[0]}};
    return PR_OK;
}

pr_status pr_cross_entropy_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[1], "the target", 1, 1));
    PR_TRY(infer_loss(env, in, &in[1], out));
    if (inputs < 3) return PR_OK;
    PR_TRY(pr_check_rank(env, &in[2], "the weights of classes", 1, 1));
    return pr_check_dim(env, &in[2], "the weights of classes", 0, in->shape[1]);
}

/* Softmax and cross entropy together have the gradient p - onehot, whatever p is; only the logarithm needs the floor. */
static void plain_rows(const pr_view *in, pr_view *out, float floor) {
    const int64_t rows = in->shape[0], classes = in->shape[1];
    const float *p = in[0].data, *target = in[1].data, share = 1.0f / (float)(rows > 0 ? rows : 1);
    float *gradient = out[0].data, *loss = out[1].data;
    for (int64_t i = 0; i < rows; i++, p += classes, gradient += classes) {
        int64_t at = (int64_t)target[i];
        float right = p[at];
        for (int64_t j = 0; j < classes; j++) gradient[j] = p[j] * share;
        gradient[at] = (right - 1) * share;
        loss[i] = -logf(right < floor ? floor : right);     /* NaN stays NaN */
    }
}

/* a[c] for each class of a row, the loss and its gradient sum(a) p - a.  The gradient may lie over p. */
static void weighted_rows(const pr_view *in, pr_view *out, const float *weights, const pr_cross_entropy_attrs *attrs) {
    const int64_t rows = in->shape[0], classes = in->shape[1];
    const float *p = in[0].data, *target = in[1].data, even = attrs->smoothing / (float)classes;
    float *gradient = out[0].data, *loss = out[1].data;
    double whole = 0, all = 0;
    for (int64_t i = 0; i < rows; i++) whole += weights ? (double)weights[(int64_t)target[i]] : 1;
    for (int64_t j = 0; j < classes; j++) all += weights ? (double)weights[j] : 1;
    const float share = whole > 0 ? (float)(1 / whole) : 0;
    for (int64_t i = 0; i < rows; i++, p += classes, gradient += classes) {
        const int64_t at = (int64_t)target[i];
        const float right = (1 - attrs->smoothing) * (weights ? weights[at] : 1), sum = right + even * (float)all;
        double total = 0;
        for (int64_t j = 0; j < classes; j++) {
            const float a = even * (weights ? weights[j] : 1) + (j == at ? right : 0), q = p[j];
            if (a != 0) total -= (double)(a * logf(q < attrs->floor ? attrs->floor : q));
            gradient[j] = (sum * q - a) * share;
        }
        loss[i] = (float)(total * (double)share * (double)rows);
    }
}

pr_status pr_cross_entropy_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_cross_entropy_attrs *attrs = env->attrs;
    const int64_t rows = in->shape[0], classes = in->shape[1];
    const float *target = in[1].data;
    (void)outputs;
    for (int64_t i = 0; i < rows; i++)      /* all before any is used; NaN fails the comparison */
        if (!((double)target[i] > -1 && (double)target[i] < (double)classes))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: class %g of example %lld of the mini-batch, there are classes 0 to "
                           "%lld", env->layer, (double)target[i], (long long)i, (long long)classes - 1);
    if (inputs < 3 && attrs->smoothing == 0) plain_rows(in, out, attrs->floor);
    else weighted_rows(in, out, inputs < 3 ? NULL : in[2].data, attrs);
    return PR_OK;
}

pr_status pr_squared_error_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[1], "the target", 2, 2));
    return infer_loss(env, in, &in[1], out);
}

typedef struct job {
    const float *y, *target;
    float *gradient, *loss;
    int64_t n;
    float share;
} job;

static void squares_range(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0;
        for (int64_t k = i * j->n; k < (i + 1) * j->n; k++) {
            float difference = j->y[k] - j->target[k];
            sum += (double)difference * difference;
            j->gradient[k] = difference * j->share;
        }
        j->loss[i] = (float)(sum / (double)j->n);
    }
}

pr_status pr_squared_error_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int64_t rows = in->shape[0], n = in->shape[1];
    (void)inputs, (void)outputs;
    if (rows == 0 || n == 0) {
        for (int64_t i = 0; i < rows; i++) ((float *)out[1].data)[i] = 0;
        return PR_OK;
    }
    job j = {in[0].data, in[1].data, out[0].data, out[1].data, n, (float)(2.0 / ((double)rows * (double)n))};
    pr_for(env->pool, rows, pr_row_grain(n), squares_range, &j);
    return PR_OK;
}
