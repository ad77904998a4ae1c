#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/gemm/gemm.h"
#include "ops/kernels.h"
#include "ops/rnn/lstm.h"

enum { STEPS = 64 };                        /* steps whose gates are made by one product: bounds the scratch */
enum { BLOCK_WORK = 1 << 16 };              /* multiply-adds below which a chunk is not worth a thread */

static int32_t layout_of(const pr_env *env) {
    return pr_gemm_layout(env->kernels->gemm) | env->kernels->lstm->lanes << 25;       /* its own bits end at 24 */
}
static int64_t blocks_of(const pr_env *env, const pr_lstm_attrs *a) {
    const int64_t units = 2 * env->kernels->lstm->lanes;
    return (a->outputs + units - 1) / units;
}
static int64_t w_floats(const pr_env *env, const pr_lstm_attrs *a) {
    return pr_gemm_packed_floats(env->kernels->gemm, a->inputs, 4 * (int64_t)a->outputs);
}
static int64_t r_block_floats(const pr_env *env, const pr_lstm_attrs *a) {
    return 8 * (int64_t)env->kernels->lstm->lanes * a->outputs;
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
    PR_TRY(pr_rnn_check_packed(env, &in[PR_LSTM_R], "packed r", blocks_of(env, a) * r_block_floats(env, a)));
    PR_TRY(pr_check_rank(env, &in[PR_LSTM_BIAS], "bias", 2, 2));
    PR_TRY(pr_check_dim(env, &in[PR_LSTM_BIAS], "bias", 0, 4));
    PR_TRY(pr_check_dim(env, &in[PR_LSTM_BIAS], "bias", 1, a->outputs));
    if (steps < 0 || batch < 0) return PR_OK;
    /* gates of STEPS steps (steps, B, 4, H), and two states h (B, H): before and after a step */
    env->scratch_bytes = (size_t)((steps < STEPS ? steps : STEPS) * 4 + 2) * (size_t)(batch * a->outputs) * sizeof(float);
    return PR_OK;
}

static void pack_r(const pr_env *env, const pr_lstm_attrs *a, const float *r, float *out) {
    const int64_t n = a->outputs, lanes = env->kernels->lstm->lanes;
    for (int64_t unit = 0; unit < blocks_of(env, a) * 2 * lanes; unit += 2 * lanes)
        for (int64_t k = 0; k < n; k++)
            for (int64_t j = 0; j < 8 * lanes; j++) {
                const int64_t u = unit + j / (4 * lanes) * lanes + j % lanes, gate = j / lanes % 4;
                *out++ = u < n ? r[(gate * n + u) * n + k] : 0;
            }
}

pr_status pr_lstm_pack(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_lstm_attrs *a = attrs;
    const bool is_w = which == PR_LSTM_W;
    const pr_view *v = &in[which];
    if ((!is_w && which != PR_LSTM_R) || inputs != (a->has_peepholes ? 7 : 6) || !can_pack(a) ||
        !in[PR_LSTM_W].data || !in[PR_LSTM_R].data)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: input %d is read as it is", env->layer, which);
    const int64_t floats = is_w ? w_floats(env, a) : blocks_of(env, a) * r_block_floats(env, a);
    const int64_t depth = is_w ? a->inputs : a->outputs;
    PR_TRY(pr_check_inputs(env, v, 1, PR_F32));
    if (v->rank != 3 || v->shape[0] != 4 || v->shape[1] != a->outputs || v->shape[2] != depth || floats < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input %d has shape %s, expected (4, %d, %lld)", env->layer, which,
                       pr_show_shape(v).text, a->outputs, (long long)depth);
    *out = (pr_view){out->data, PR_F32, 1, {floats}};
    a->layout = layout_of(env);
    if (!out->data) return PR_OK;
    if (is_w) pr_gemm_pack_matrix(env->kernels->gemm, v->data, 1, depth, depth, 4 * (int64_t)a->outputs, out->data);
    else pack_r(env, a, v->data, out->data);
    return PR_OK;
}

/* One step: blocks of units, each for all examples while its weights are near. */
typedef struct step_job {
    const pr_lstm_kernels *kernels;
    pr_lstm_block block;                    /* of the first example and unit */
    int64_t batch, blocks, block_floats;
    bool backwards;
} step_job;

static void step_blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->block.hidden;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = job->backwards ? job->blocks - 1 - i : i;
        pr_lstm_block block = job->block;
        block.r += at * job->block_floats;
        block.unit = at * 2 * job->kernels->lanes;
        for (int64_t b = 0; b < job->batch; b++) {
            job->kernels->block(&block);
            block.h += n, block.gates += 4 * n, block.c += n, block.next += n;
        }
    }
}

static void make_gates(pr_env *env, const pr_view *in, int64_t first, int64_t steps, float *gates) {
    const pr_lstm_attrs *a = env->attrs;
    const int64_t batch = in[PR_LSTM_X].shape[1];
    const pr_activation none = {1, -INFINITY, INFINITY};
    const pr_gemm_args product = {
        .a = (const float *)in[PR_LSTM_X].data + first * batch * a->inputs, .b = in[PR_LSTM_W].data,
        .bias = in[PR_LSTM_BIAS].data, .c = gates, .lines = 1, .pixels = steps * batch, .columns = 4 * (int64_t)a->outputs,
        .a_line = 0, .a_pixel = a->inputs, .c_line = 0, .c_pixel = 4 * (ptrdiff_t)a->outputs, .segments = 1,
        .k = a->inputs, .activation = none};
    pr_gemm_multiply(env->kernels->gemm, env->pool, &product);
}

/* Weights are walked back and forth on alternate steps: what was read last is read first, while it is still cached. */
void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out) {
    const pr_lstm_attrs *a = env->attrs;
    const int64_t steps = in[PR_LSTM_X].shape[0], batch = in[PR_LSTM_X].shape[1], state = batch * a->outputs;
    float *states[2] = {env->scratch, (float *)env->scratch + state}, *gates = states[1] + state, *y = out[0].data;
    const size_t state_bytes = (size_t)state * sizeof(float);
    step_job job = {.kernels = env->kernels->lstm, .batch = batch, .blocks = blocks_of(env, a),
                    .block_floats = r_block_floats(env, a)};
    const int64_t work = job.block_floats * batch;
    job.block = (pr_lstm_block){.r = in[PR_LSTM_R].data, .c = out[2].data, .cell_clip = a->cell_clip, .hidden = a->outputs,
                                .peepholes = a->has_peepholes ? in[PR_LSTM_PEEPHOLES].data : NULL,
                                .function = {a->gate, a->block, a->output}, .coupled = a->coupled != 0};
    memcpy(states[0], out[1].data, state_bytes);
    for (int64_t t = 0; t < steps; t++) {
        const int64_t from = t / STEPS * STEPS, count = steps - from < STEPS ? steps - from : STEPS;
        if (t == from) make_gates(env, in, a->reverse ? steps - from - count : from, count, gates);
        job.block.gates = gates + (a->reverse ? from + count - 1 - t : t - from) * 4 * state;
        job.block.h = states[t % 2], job.block.next = states[(t + 1) % 2];
        job.backwards = t % 2;
        pr_for(env->pool, job.blocks, 1 + BLOCK_WORK / work, step_blocks, &job);
        if (a->sequence) memcpy(y + (a->aligned && a->reverse ? steps - 1 - t : t) * state, job.block.next, state_bytes);
    }
    memcpy(out[1].data, states[steps % 2], state_bytes);
    if (!a->sequence) memcpy(y, out[1].data, state_bytes);
}
