/* Simple and gated recurrent units on packed matrices: the inputs of many steps in one product, then step by step the
 * panels of the recursion matrix. */
#include "ops/check.h"
#include "ops/gemm/gemm.h"
#include "ops/kernels.h"
#include "ops/rnn/sequence.h"

static int32_t layout_of(const pr_env *env) {
    return pr_gemm_layout(env->kernels->gemm) | env->kernels->units->lanes << 25;      /* its own bits end at 24 */
}

/* r as panels: those of the reset-first GRU are update and reset gate, which see h, then the output gate, which sees r h. */
static pr_walk walk_of(const pr_env *env, const pr_rnn_attrs *a) {
    static const pr_units_kind first[PR_RNN_KIND_COUNT] = {PR_UNITS_SIMPLE, PR_UNITS_RESET, PR_UNITS_AFTER};
    const int32_t lanes = env->kernels->units->lanes;
    pr_walk walk = {.halves = 1, .kind = {first[a->kind]}, .panels = {pr_panels_of(lanes, first[a->kind], a->outputs)}};
    if (a->kind != PR_RNN_GRU) return walk;
    walk.halves = 2;
    walk.kind[1] = PR_UNITS_OUTPUT;
    walk.panels[1] = pr_panels_of(lanes, PR_UNITS_OUTPUT, a->outputs);
    return walk;
}
static int64_t floats_of(const pr_panels *p) { return p->count * p->floats; }
static int64_t r_floats(const pr_env *env, const pr_rnn_attrs *a) {
    const pr_walk walk = walk_of(env, a);
    return floats_of(&walk.panels[0]) + (walk.halves > 1 ? floats_of(&walk.panels[1]) : 0);
}
static int64_t w_floats(const pr_env *env, const pr_rnn_attrs *a) {
    return pr_gemm_packed_floats(env->kernels->gemm, a->inputs, pr_rnn_gates(a) * a->outputs);
}

pr_status pr_rnn_packed_check(pr_env *env, const pr_view *in) {
    const pr_rnn_attrs *a = env->attrs;
    const int64_t steps = in[PR_RNN_X].shape[0], batch = in[PR_RNN_X].shape[1];
    if (a->layout != layout_of(env))
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: weights are packed for other kernels (form %d, here %d)", env->layer,
                       a->layout, layout_of(env));
    PR_TRY(pr_rnn_check_packed(env, &in[PR_RNN_W], "packed w", w_floats(env, a)));
    PR_TRY(pr_rnn_check_packed(env, &in[PR_RNN_R], "packed r", r_floats(env, a)));
    if (steps < 0 || batch < 0) return PR_OK;
    env->scratch_bytes = pr_rnn_scratch(steps, batch, pr_rnn_gates(a), a->outputs);
    return PR_OK;
}

static void pack_r(const pr_env *env, const pr_rnn_attrs *a, const float *r, float *out) {
    const pr_walk walk = walk_of(env, a);
    const int64_t n = a->outputs;
    for (int i = 0; i < walk.halves; i++) {
        pr_panels_pack(&walk.panels[i], env->kernels->units->lanes, r, n, out);
        r += walk.panels[i].gates * n * n, out += floats_of(&walk.panels[i]);
    }
}

pr_status pr_rnn_pack(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_rnn_attrs *a = attrs;
    const bool is_w = which == PR_RNN_W;
    const pr_view *v = &in[which];
    if ((!is_w && which != PR_RNN_R) || inputs != 5 || !in[PR_RNN_W].data || !in[PR_RNN_R].data || a->inputs < 1 ||
        a->outputs < 1 || a->inputs > PR_RNN_LARGEST || a->outputs > PR_RNN_LARGEST)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: input %d is read as it is", env->layer, which);
    const int64_t n = a->outputs, depth = is_w ? a->inputs : n, gates = pr_rnn_gates(a);
    const int64_t floats = is_w ? w_floats(env, a) : r_floats(env, a);
    PR_TRY(pr_check_inputs(env, v, 1, PR_F32));
    if (v->rank != 3 || v->shape[0] != gates || v->shape[1] != n || v->shape[2] != depth || floats < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d has shape %s, expected (%lld, %lld, %lld)", env->layer, which,
                       pr_show_shape(v).text, (long long)gates, (long long)n, (long long)depth);
    *out = (pr_view){out->data, PR_F32, 1, {floats}};
    a->layout = layout_of(env);
    if (!out->data) return PR_OK;
    if (is_w) pr_gemm_pack_matrix(env->kernels->gemm, v->data, 1, depth, depth, gates * n, out->data);
    else pack_r(env, a, v->data, out->data);
    return PR_OK;
}

static pr_units make_job(const void *arg, int64_t step, int half) {
    const pr_sequence *s = arg;
    const pr_rnn_attrs *a = s->env->attrs;
    const float *r = s->in[PR_RNN_R].data, *h = pr_rnn_state(s, step);
    const bool first_of_two = a->kind == PR_RNN_GRU && half == 0, second = a->kind == PR_RNN_GRU && half == 1;
    if (second) {
        const pr_panels first = pr_panels_of(s->env->kernels->units->lanes, PR_UNITS_RESET, a->outputs);
        r += floats_of(&first);
    }
    return (pr_units){.r = r, .seen = second ? s->seen : h, .h = h, .sums = pr_rnn_sums(s, step),
                      .out = first_of_two ? s->seen : pr_rnn_state(s, step + 1),
                      .bias = a->kind == PR_RNN_GRU_AFTER ? (const float *)s->in[PR_RNN_BIAS].data + 3 * s->hidden : NULL,
                      .function = {a->gate, a->output, PR_GATE_LINEAR}, .rows = s->batch, .hidden = s->hidden};
}

void pr_rnn_packed_run(pr_env *env, const pr_view *in, pr_view *out) {
    const pr_rnn_attrs *a = env->attrs;
    pr_walk walk = walk_of(env, a);
    pr_sequence s = pr_rnn_sequence(env, in, out, pr_rnn_gates(a), a->outputs);
    walk.make = make_job, walk.rows = s.batch;
    s.w = &in[PR_RNN_W], s.bias = &in[PR_RNN_BIAS];
    s.keep = a->sequence != 0, s.reverse = a->reverse != 0;
    pr_rnn_walk(&s, &walk);
}
