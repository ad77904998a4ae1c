#include "ops/rnn/sequence.h"

#include <math.h>
#include <string.h>

#include "ops/gemm/gemm.h"
#include "ops/kernels.h"

enum { STEPS = 64 };                        /* whose inputs are multiplied at once: bounds the scratch */

static int64_t at_once(int64_t steps) { return steps < STEPS ? steps : STEPS; }

size_t pr_rnn_scratch(int64_t steps, int64_t batch, int64_t gates, int64_t hidden) {
    return (size_t)(at_once(steps) * gates + 2) * (size_t)(batch * hidden) * sizeof(float);
}

pr_sequence pr_rnn_sequence(pr_env *env, const pr_view *in, pr_view *out, int64_t gates, int64_t hidden) {
    const int64_t batch = in[0].shape[1], steps = in[0].shape[0];
    float *seen = env->scratch, *other = seen + batch * hidden;
    return (pr_sequence){.env = env, .in = in, .out = out, .steps = steps, .batch = batch, .inputs = in[0].shape[2],
                         .gates = gates, .hidden = hidden, .sums = other + batch * hidden, .other = other, .seen = seen};
}

/* y keeps every state where it stays; else two of them take turns in memory. */
static float *state_at(const pr_sequence *s, int64_t step) {
    const int64_t done = s->aligned && s->reverse ? s->steps - step : step - 1;
    if (step == 0 || (!s->keep && step % 2 == 0)) return s->out[1].data;
    return s->keep ? (float *)s->out[0].data + done * s->batch * s->hidden : s->other;
}
float *pr_rnn_state(const pr_sequence *s, int64_t step) { return state_at(s, s->first + step); }

/* In memory the inputs of reversed steps run backwards. */
float *pr_rnn_sums(const pr_sequence *s, int64_t step) {
    return s->sums + (s->reverse ? s->count - 1 - step : step) * s->batch * s->gates * s->hidden;
}

static void make_sums(const pr_sequence *s) {
    const int64_t at = s->reverse ? s->steps - s->first - s->count : s->first, columns = s->gates * s->hidden;
    const pr_gemm_args product = {
        .a = (const float *)s->in[0].data + at * s->batch * s->inputs, .b = s->w->data, .bias = s->bias->data, .c = s->sums,
        .lines = 1, .pixels = s->count * s->batch, .columns = columns, .a_pixel = s->inputs, .c_pixel = columns, .segments = 1,
        .k = s->inputs, .activation = {1, -INFINITY, INFINITY},
        .in_order = s->count * s->batch > 1};       /* a sequence in pieces is the same as the whole, but for lone steps */
    pr_gemm_multiply(s->env->kernels->gemm, s->env->pool, &product);
}

void pr_rnn_walk(pr_sequence *s, const pr_walk *walk) {
    const size_t state_bytes = (size_t)(s->batch * s->hidden) * sizeof(float);
    pr_walk part = *walk;
    part.arg = s;
    for (s->first = 0; s->first < s->steps; s->first += s->count) {
        part.steps = s->count = at_once(s->steps - s->first);
        make_sums(s);
        pr_walk_steps(s->env, &part);
    }
    float *end = state_at(s, s->steps);
    if (end != s->out[1].data) memcpy(s->out[1].data, end, state_bytes);
    if (!s->keep) memcpy(s->out[0].data, s->out[1].data, state_bytes);
}
