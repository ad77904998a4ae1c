#include <string.h>

#include "ops/check.h"
#include "ops/rnn/recurrent.h"

enum { UPDATE, RESET, OUTPUT, AFTER };                  /* gates of a GRU, and the fourth row of bias */

static pr_status check_attrs(pr_env *env, const pr_rnn_attrs *a) {
    PR_TRY(pr_check_kind(env, "the kind", a->kind, PR_RNN_KIND_COUNT));
    PR_TRY(pr_check_kind(env, "the gate function", a->gate, PR_GATE_COUNT));
    PR_TRY(pr_check_kind(env, "the output function", a->output, PR_GATE_COUNT));
    if (a->inputs > 0 && a->outputs > 0 && a->inputs <= PR_RNN_LARGEST && a->outputs <= PR_RNN_LARGEST) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d inputs and %d outputs, expected 1 to %d", env->layer, a->inputs,
                   a->outputs, PR_RNN_LARGEST);
}

pr_status pr_rnn_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_rnn_attrs *a = env->attrs;
    (void)inputs, (void)outputs;
    PR_TRY(check_attrs(env, a));
    PR_TRY(pr_check_inputs(env, in, 5, PR_F32));
    PR_TRY(pr_check_rank(env, &in[PR_RNN_X], "x", 3, 3));
    PR_TRY(pr_check_dim(env, &in[PR_RNN_X], "x", 2, a->inputs));
    const int64_t batch = in[PR_RNN_X].shape[1], gates = pr_rnn_gates(a), n = a->outputs;
    PR_TRY(pr_rnn_check_state(env, &in[PR_RNN_H], "the state h", batch, n));
    PR_TRY(pr_rnn_check_matrix(env, &in[PR_RNN_BIAS], "bias", a->kind == PR_RNN_GRU_AFTER ? 4 : gates, n, -1));
    if (a->layout == 0) {
        PR_TRY(pr_rnn_check_matrix(env, &in[PR_RNN_W], "w", gates, n, a->inputs));
        PR_TRY(pr_rnn_check_matrix(env, &in[PR_RNN_R], "r", gates, n, n));
        env->scratch_bytes = 3 * (size_t)n * sizeof(float);
    } else {
        PR_TRY(pr_rnn_packed_check(env, in));
    }
    out[0] = (pr_view){out[0].data, PR_F32, 3, {a->sequence ? in[PR_RNN_X].shape[0] : 1, batch, n}};
    out[1] = (pr_view){out[1].data, PR_F32, 2, {batch, n}};
    return pr_check_output(env, out);
}

static float product(const pr_rnn_attrs *a, const float *r, const float *h, int64_t row) {
    return pr_dot(r + row * a->outputs, h, a->outputs);
}

/* What the input gives for row gate * H + unit. */
static float from_input(const pr_rnn_attrs *a, const pr_view *in, const float *x, int64_t row) {
    return ((const float *)in[PR_RNN_BIAS].data)[row] + pr_dot((const float *)in[PR_RNN_W].data + row * a->inputs, x, a->inputs);
}

/* The argument of a gate's function for one unit: x is that of the input, h what the recursion matrix sees. */
static float sum(const pr_rnn_attrs *a, const pr_view *in, const float *x, const float *h, int64_t gate, int64_t unit) {
    const int64_t row = gate * a->outputs + unit;
    const float all = from_input(a, in, x, row) + product(a, in[PR_RNN_R].data, h, row);
    return a->kind == PR_RNN_GRU_AFTER ? all : pr_clip(all, 50);
}

/* One step of one example; h (H) is replaced.  work (3, H) */
static void step(const pr_rnn_attrs *a, const pr_view *in, const float *x, float *h, float *work) {
    const int64_t n = a->outputs;
    float *z = work, *seen = work + n, *next = work + 2 * n;
    for (int64_t u = 0; u < n && a->kind != PR_RNN_SIMPLE; u++) {
        const float reset = pr_gate(a->gate, sum(a, in, x, h, RESET, u));
        z[u] = pr_gate(a->gate, sum(a, in, x, h, UPDATE, u));
        seen[u] = reset * (a->kind == PR_RNN_GRU ? h[u] : product(a, in[PR_RNN_R].data, h, OUTPUT * n + u) +
                                                              ((const float *)in[PR_RNN_BIAS].data)[AFTER * n + u]);
    }
    for (int64_t u = 0; u < n; u++) {
        if (a->kind == PR_RNN_SIMPLE) {
            next[u] = pr_gate(a->gate, sum(a, in, x, h, 0, u));
            continue;
        }
        const float o = a->kind == PR_RNN_GRU ? sum(a, in, x, seen, OUTPUT, u) : from_input(a, in, x, OUTPUT * n + u) + seen[u];
        next[u] = (1 - z[u]) * pr_gate(a->output, o) + z[u] * h[u];
    }
    memcpy(h, next, (size_t)n * sizeof(float));
}

pr_status pr_rnn_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_rnn_attrs *a = env->attrs;
    const int64_t steps = in[PR_RNN_X].shape[0], batch = in[PR_RNN_X].shape[1], n = a->outputs;
    const size_t state_bytes = (size_t)(batch * n) * sizeof(float);
    const float *x = in[PR_RNN_X].data;
    float *y = out[0].data, *h = out[1].data;
    (void)inputs, (void)outputs;
    pr_rnn_start_state(h, &in[PR_RNN_H], batch, n);
    if (a->layout != 0) {
        pr_rnn_packed_run(env, in, out);
        return PR_OK;
    }
    for (int64_t t = 0; t < steps; t++) {
        const int64_t at = a->reverse ? steps - 1 - t : t;
        for (int64_t b = 0; b < batch; b++) step(a, in, x + (at * batch + b) * a->inputs, h + b * n, env->scratch);
        if (a->sequence) memcpy(y + t * batch * n, h, state_bytes);
    }
    if (!a->sequence) memcpy(y, h, state_bytes);
    return PR_OK;
}
