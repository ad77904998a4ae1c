#include "ops/check.h"
#include "ops/gemm/gemm.h"
#include "ops/kernels.h"
#include "ops/rnn/lstm.h"
#include "ops/rnn/sequence.h"

static int32_t layout_of(const pr_env *env) {
    return pr_gemm_layout(env->kernels->gemm) | env->kernels->units->lanes << 25;      /* its own bits end at 24 */
}
static pr_panels panels_of(const pr_env *env, const pr_lstm_attrs *a) {
    return pr_panels_of(env->kernels->units->lanes, PR_UNITS_LSTM, a->outputs);
}
static int64_t r_floats(const pr_env *env, const pr_lstm_attrs *a) {
    const pr_panels panels = panels_of(env, a);
    return panels.count * panels.floats;
}
static int64_t w_floats(const pr_env *env, const pr_lstm_attrs *a) {
    return pr_gemm_packed_floats(env->kernels->gemm, a->inputs, 4 * (int64_t)a->outputs);
}
static bool can_pack(const pr_lstm_attrs *a) {
    return a->inputs > 0 && a->outputs > 0 && a->inputs <= PR_RNN_LARGEST && a->outputs <= PR_RNN_LARGEST;
}

pr_status pr_lstm_packed_check(pr_env *env, const pr_view *in) {
    const pr_lstm_attrs *a = env->attrs;
    const int64_t steps = in[PR_LSTM_X].shape[0], batch = in[PR_LSTM_X].shape[1];
    if (a->layout != layout_of(env) || !can_pack(a))
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: weights are packed for other kernels (form %d, here %d)", env->layer,
                       a->layout, layout_of(env));
    PR_TRY(pr_rnn_check_packed(env, &in[PR_LSTM_W], "packed w", w_floats(env, a)));
    PR_TRY(pr_rnn_check_packed(env, &in[PR_LSTM_R], "packed r", r_floats(env, a)));
    PR_TRY(pr_check_rank(env, &in[PR_LSTM_BIAS], "bias", 2, 2));
    PR_TRY(pr_check_dim(env, &in[PR_LSTM_BIAS], "bias", 0, 4));
    PR_TRY(pr_check_dim(env, &in[PR_LSTM_BIAS], "bias", 1, a->outputs));
    if (steps < 0 || batch < 0) return PR_OK;
    env->scratch_bytes = pr_rnn_scratch(steps, batch, 4, a->outputs);
    return PR_OK;
}

pr_status pr_lstm_pack(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_lstm_attrs *a = attrs;
    const bool is_w = which == PR_LSTM_W;
    const pr_view *v = &in[which];
    if ((!is_w && which != PR_LSTM_R) || inputs != (a->has_peepholes ? 7 : 6) || !can_pack(a) ||
        !in[PR_LSTM_W].data || !in[PR_LSTM_R].data)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: input %d is read as it is", env->layer, which);
    const int64_t floats = is_w ? w_floats(env, a) : r_floats(env, a);
    const int64_t depth = is_w ? a->inputs : a->outputs;
    PR_TRY(pr_check_inputs(env, v, 1, PR_F32));
    if (v->rank != 3 || v->shape[0] != 4 || v->shape[1] != a->outputs || v->shape[2] != depth || floats < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d has shape %s, expected (4, %d, %lld)", env->layer, which,
                       pr_show_shape(v).text, a->outputs, (long long)depth);
    *out = (pr_view){out->data, PR_F32, 1, {floats}};
    a->layout = layout_of(env);
    if (!out->data) return PR_OK;
    if (is_w) {
        pr_gemm_pack_matrix(env->kernels->gemm, v->data, 1, depth, depth, 4 * (int64_t)a->outputs, out->data);
    } else {
        const pr_panels panels = panels_of(env, a);
        pr_panels_pack(&panels, env->kernels->units->lanes, v->data, a->outputs, out->data);
    }
    return PR_OK;
}

static pr_units make_job(const void *arg, int64_t step, int half) {
    const pr_sequence *s = arg;
    const pr_lstm_attrs *a = s->env->attrs;
    (void)half;
    return (pr_units){
        .r = s->in[PR_LSTM_R].data, .seen = pr_rnn_state(s, step), .sums = pr_rnn_sums(s, step), .out = pr_rnn_state(s, step + 1),
        .c = s->out[2].data, .peepholes = a->has_peepholes ? s->in[PR_LSTM_PEEPHOLES].data : NULL, .cell_clip = a->cell_clip,
        .coupled = a->coupled != 0, .function = {a->gate, a->block, a->output}, .rows = s->batch, .hidden = a->outputs};
}

void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out) {
    const pr_lstm_attrs *a = env->attrs;
    const pr_walk walk = {.make = make_job, .rows = in[PR_LSTM_X].shape[1], .halves = 1, .kind = {PR_UNITS_LSTM},
                          .panels = {panels_of(env, a)}};
    pr_sequence s = pr_rnn_sequence(env, in, out, 4, a->outputs);
    s.w = &in[PR_LSTM_W], s.bias = &in[PR_LSTM_BIAS];
    s.keep = a->sequence != 0, s.reverse = a->reverse != 0, s.aligned = a->aligned != 0;
    pr_rnn_walk(&s, &walk);
}
