#include <string.h>

#include "ops/check.h"
#include "ops/rnn/lstm.h"

enum { INPUT, FORGET, BLOCK, OUTPUT };                  /* gates */

static pr_status check_functions(pr_env *env, const pr_lstm_attrs *a) {
    PR_TRY(pr_check_kind(env, "the gate function", a->gate, PR_GATE_COUNT));
    PR_TRY(pr_check_kind(env, "the block function", a->block, PR_GATE_COUNT));
    PR_TRY(pr_check_kind(env, "the output function", a->output, PR_GATE_COUNT));
    if (a->inputs > 0 && a->outputs > 0 && a->inputs <= PR_RNN_LARGEST && a->outputs <= PR_RNN_LARGEST) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d inputs and %d outputs, expected 1 to %d", env->layer, a->inputs,
                   a->outputs, PR_RNN_LARGEST);
}

pr_status pr_lstm_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_lstm_attrs *a = env->attrs;
    (void)outputs;
    PR_TRY(check_functions(env, a));
    PR_TRY(pr_check_input_count(env, inputs, a->has_peepholes ? 7 : 6));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, &in[PR_LSTM_X], "x", 3, 3));
    PR_TRY(pr_check_dim(env, &in[PR_LSTM_X], "x", 2, a->inputs));
    const int64_t batch = in[PR_LSTM_X].shape[1];
    PR_TRY(pr_rnn_check_state(env, &in[PR_LSTM_H], "the state h", batch, a->outputs));
    PR_TRY(pr_rnn_check_state(env, &in[PR_LSTM_C], "the state c", batch, a->outputs));
    if (a->has_peepholes) PR_TRY(pr_rnn_check_matrix(env, &in[PR_LSTM_PEEPHOLES], "peepholes", 3, a->outputs, -1));
    if (a->layout == 0) {
        PR_TRY(pr_rnn_check_matrix(env, &in[PR_LSTM_W], "w", 4, a->outputs, a->inputs));
        PR_TRY(pr_rnn_check_matrix(env, &in[PR_LSTM_R], "r", 4, a->outputs, a->outputs));
        PR_TRY(pr_rnn_check_matrix(env, &in[PR_LSTM_BIAS], "bias", 4, a->outputs, -1));
        env->scratch_bytes = 4 * (size_t)a->outputs * sizeof(float);
    } else {
        PR_TRY(pr_lstm_packed_check(env, in));
    }
    out[0] = (pr_view){out[0].data, PR_F32, 3, {a->sequence ? in[PR_LSTM_X].shape[0] : 1, batch, a->outputs}};
    for (int i = 1; i < 3; i++) out[i] = (pr_view){out[i].data, PR_F32, 2, {batch, a->outputs}};
    return pr_check_output(env, out);
}

/* One step of one example; h and c (H) are replaced.  sums (4, H) */
static void step(const pr_lstm_attrs *a, const pr_view *in, const float *x, float *h, float *c, float *sums) {
    const int64_t inputs = a->inputs, n = a->outputs;
    const float *w = in[PR_LSTM_W].data, *r = in[PR_LSTM_R].data, *bias = in[PR_LSTM_BIAS].data, *peep = a->has_peepholes ? in[PR_LSTM_PEEPHOLES].data : NULL;
    for (int64_t j = 0; j < 4 * n; j++) sums[j] = bias[j] + pr_dot(w + j * inputs, x, inputs) + pr_dot(r + j * n, h, n);
    for (int64_t u = 0; u < n; u++) {
        const float i = pr_gate(a->gate, pr_clip(sums[INPUT * n + u] + (peep ? peep[u] * c[u] : 0), 50));
        const float f = a->coupled ? 1 - i : pr_gate(a->gate, pr_clip(sums[FORGET * n + u] + (peep ? peep[n + u] * c[u] : 0), 50));
        const float z = pr_gate(a->block, pr_clip(sums[BLOCK * n + u], 50));
        c[u] = pr_clip(c[u] * f + i * z, a->cell_clip);
        const float o = pr_gate(a->gate, pr_clip(sums[OUTPUT * n + u] + (peep ? peep[2 * n + u] * c[u] : 0), 50));
        h[u] = pr_gate(a->output, c[u]) * o;
    }
}

pr_status pr_lstm_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_lstm_attrs *a = env->attrs;
    const int64_t steps = in[PR_LSTM_X].shape[0], batch = in[PR_LSTM_X].shape[1], n = a->outputs;
    const size_t state_bytes = (size_t)(batch * n) * sizeof(float);
    const float *x = in[PR_LSTM_X].data;
    float *y = out[0].data, *h = out[1].data, *c = out[2].data;
    (void)inputs, (void)outputs;
    if (batch == 0) return PR_OK;
    pr_rnn_start_state(h, &in[PR_LSTM_H], batch, n);
    pr_rnn_start_state(c, &in[PR_LSTM_C], batch, n);
    if (a->layout != 0) {
        pr_lstm_packed_run(env, in, out);
        return PR_OK;
    }
    for (int64_t t = 0; t < steps; t++) {
        const int64_t at = a->reverse ? steps - 1 - t : t;
        for (int64_t b = 0; b < batch; b++)
            step(a, in, x + (at * batch + b) * a->inputs, h + b * n, c + b * n, env->scratch);
        if (a->sequence) memcpy(y + (a->aligned ? at : t) * batch * n, h, state_bytes);
    }
    if (!a->sequence) memcpy(y, h, state_bytes);
    return PR_OK;
}
