/* Simple and gated recurrent units on packed matrices: the inputs of many steps in one product, then per step one
 * product (a GRU: two) of all examples with the recursion matrices, added onto what the inputs gave. */
#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/gemm/gemm.h"
#include "ops/kernels.h"
#include "ops/rnn/recurrent.h"

enum { STEPS = 64 };                        /* steps whose inputs are multiplied at once: bounds the scratch */

static int64_t packed_floats(const pr_env *env, int64_t depth, int64_t columns) {
    return pr_gemm_packed_floats(env->kernels->gemm, depth, columns);
}
/* r of a GRU is two matrices: update and reset gate side by side, which see h, then the output gate, which sees r h. */
static int64_t first_columns(const pr_rnn_attrs *a) { return (int64_t)a->outputs * (a->kind == PR_RNN_GRU ? 2 : 1); }

static int64_t r_floats(const pr_env *env, const pr_rnn_attrs *a) {
    const int64_t first = packed_floats(env, a->outputs, first_columns(a)), second = packed_floats(env, a->outputs, a->outputs);
    if (a->kind != PR_RNN_GRU || first < 0 || second < 0) return second < 0 ? -1 : first;
    return first + second;
}

pr_status pr_rnn_packed_check(pr_env *env, const pr_view *in) {
    const pr_rnn_attrs *a = env->attrs;
    const int64_t steps = in[PR_RNN_X].shape[0], batch = in[PR_RNN_X].shape[1], gates = pr_rnn_gates(a);
    const int32_t layout = pr_gemm_layout(env->kernels->gemm);
    if (a->layout != layout)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: weights are packed for other kernels (form %d, here %d)", env->layer,
                       a->layout, layout);
    PR_TRY(pr_rnn_check_packed(env, &in[PR_RNN_W], "packed w", packed_floats(env, a->inputs, gates * a->outputs)));
    PR_TRY(pr_rnn_check_packed(env, &in[PR_RNN_R], "packed r", r_floats(env, a)));
    if (steps < 0 || batch < 0) return PR_OK;
    /* gates of STEPS steps (steps, B, G, H), and r h (B, H) */
    env->scratch_bytes = (size_t)((steps < STEPS ? steps : STEPS) * gates + 1) * (size_t)(batch * a->outputs) * sizeof(float);
    return PR_OK;
}

pr_status pr_rnn_pack(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_rnn_attrs *a = attrs;
    const struct pr_gemm_kernel *gemm = env->kernels->gemm;
    const bool is_w = which == PR_RNN_W;
    const pr_view *v = &in[which];
    if ((!is_w && which != PR_RNN_R) || inputs != 5 || !in[PR_RNN_W].data || !in[PR_RNN_R].data || a->inputs < 1 ||
        a->outputs < 1 || a->inputs > PR_RNN_LARGEST || a->outputs > PR_RNN_LARGEST)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: input %d is read as it is", env->layer, which);
    const int64_t n = a->outputs, depth = is_w ? a->inputs : n, gates = pr_rnn_gates(a);
    const int64_t floats = is_w ? packed_floats(env, depth, gates * n) : r_floats(env, a);
    PR_TRY(pr_check_inputs(env, v, 1, PR_F32));
    if (v->rank != 3 || v->shape[0] != gates || v->shape[1] != n || v->shape[2] != depth || floats < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d has shape %s, expected (%lld, %lld, %lld)", env->layer, which,
                       pr_show_shape(v).text, (long long)gates, (long long)n, (long long)depth);
    *out = (pr_view){out->data, PR_F32, 1, {floats}};
    a->layout = pr_gemm_layout(gemm);
    if (!out->data) return PR_OK;
    const int64_t first = is_w ? gates * n : first_columns(a);
    pr_gemm_pack_matrix(gemm, v->data, 1, depth, depth, first, out->data);
    if (!is_w && a->kind == PR_RNN_GRU)
        pr_gemm_pack_matrix(gemm, (const float *)v->data + first * n, 1, n, n, n,
                            (float *)out->data + packed_floats(env, n, first));
    return PR_OK;
}

/* c (rows, columns of a row of `stride`) = bias, or what c holds, + a (rows, depth) b */
static void multiply(pr_env *env, const float *a, int64_t depth, const float *b, const float *bias, float *c, int64_t rows,
                     int64_t columns, int64_t stride) {
    const pr_activation none = {1, -INFINITY, INFINITY};
    const pr_gemm_args product = {.a = a, .b = b, .bias = bias, .residual = bias ? NULL : c, .c = c, .lines = 1, .pixels = rows,
                                  .columns = columns, .a_pixel = depth, .c_pixel = stride, .segments = 1, .k = depth,
                                  .activation = none};
    pr_gemm_multiply(env->kernels->gemm, env->pool, &product);
}

typedef struct gates_job {
    const pr_rnn_attrs *attrs;
    const pr_gates_kernels *kernels;
    const float *sums;                      /* (B, G, H) */
    float *h, *seen;                        /* (B, H) */
} gates_job;

static void simple_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const gates_job *job = arg;
    const int64_t n = job->attrs->outputs;
    (void)worker;
    job->kernels->simple(job->attrs->gate, job->sums + begin * n, job->h + begin * n, (end - begin) * n);
}
static void reset_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const gates_job *job = arg;
    const int64_t n = job->attrs->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++)
        job->kernels->reset(job->attrs->gate, job->sums + (3 * b + 1) * n, job->h + b * n, job->seen + b * n, n);
}
static void update_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const gates_job *job = arg;
    const int64_t n = job->attrs->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++)
        job->kernels->update(job->attrs->gate, job->attrs->output, job->sums + 3 * b * n, job->sums + (3 * b + 2) * n,
                             job->h + b * n, n);
}

static void step(pr_env *env, const float *r, int64_t batch, float *sums, float *h, float *seen) {
    const pr_rnn_attrs *a = env->attrs;
    const int64_t n = a->outputs, stride = pr_rnn_gates(a) * n, grain = pr_row_grain(8 * n);
    gates_job job = {a, env->kernels->gates, sums, h, seen};
    multiply(env, h, n, r, NULL, sums, batch, first_columns(a), stride);
    if (a->kind == PR_RNN_SIMPLE) {
        pr_for(env->pool, batch, grain, simple_rows, &job);
        return;
    }
    pr_for(env->pool, batch, grain, reset_rows, &job);
    multiply(env, seen, n, r + packed_floats(env, n, 2 * n), NULL, sums + 2 * n, batch, n, stride);
    pr_for(env->pool, batch, grain, update_rows, &job);
}

void pr_rnn_packed_run(pr_env *env, const pr_view *in, pr_view *out) {
    const pr_rnn_attrs *a = env->attrs;
    const int64_t steps = in[PR_RNN_X].shape[0], batch = in[PR_RNN_X].shape[1], state = batch * a->outputs;
    const int64_t row = pr_rnn_gates(a) * a->outputs;
    const size_t state_bytes = (size_t)state * sizeof(float);
    const float *x = in[PR_RNN_X].data;
    float *seen = env->scratch, *gates = seen + state, *y = out[0].data, *h = out[1].data;
    for (int64_t t = 0; t < steps; t++) {
        const int64_t from = t / STEPS * STEPS, count = steps - from < STEPS ? steps - from : STEPS;
        const int64_t first = a->reverse ? steps - from - count : from;             /* in memory: reversed chunks run backwards */
        if (t == from)
            multiply(env, x + first * batch * a->inputs, a->inputs, in[PR_RNN_W].data, in[PR_RNN_BIAS].data, gates,
                     count * batch, row, row);
        step(env, in[PR_RNN_R].data, batch, gates + (a->reverse ? from + count - 1 - t : t - from) * batch * row, h, seen);
        if (a->sequence) memcpy(y + t * state, h, state_bytes);
    }
    if (!a->sequence) memcpy(y, h, state_bytes);
}
