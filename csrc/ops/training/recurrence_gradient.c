/* The operator RECURRENCE_GRADIENT: from the last step to the first, one product with r (a GRU: two) of all examples per
 * step.  Gradients of w, r and x are products over all steps at once, which stand outside. */
#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/training/recurrence.h"

enum { G, HS, H, R, GATES, GC, CS, C, PEEPHOLES };      /* inputs */
enum { SUMS_OUT, H_OUT, C_OUT };                        /* results */

/* Scratch: r packed; the states to start with (2, B, H); what goes back through the reset gate (B, H). */
typedef struct room { int64_t first, second, states; } room;
static room room_of(const pr_env *env, const pr_recurrence_attrs *a, int64_t batch) {
    const int64_t n = a->outputs, gru = a->kind == PR_RECURRENCE_GRU;
    return (room){pr_recurrence_floats(env, (gru ? 2 : pr_recurrence_gates(a)) * n, n), gru ? pr_recurrence_floats(env, n, n) : 0,
                  2 * batch * n};
}

static pr_status check_lstm(pr_env *env, const pr_recurrence_attrs *a, const pr_view *in) {
    const int64_t n = a->outputs;
    PR_TRY(pr_recurrence_check_steps(env, &in[GC], "the gradient of cells", &in[G], n));
    PR_TRY(pr_recurrence_check_steps(env, &in[CS], "the cells", &in[G], n));
    PR_TRY(pr_rnn_check_state(env, &in[C], "the state c", in[G].shape[1], n));
    return a->has_peepholes ? pr_rnn_check_matrix(env, &in[PEEPHOLES], "peepholes", 3, n, -1) : PR_OK;
}

pr_status pr_recurrence_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_recurrence_attrs *a = env->attrs;
    const pr_view *g = &in[G];
    PR_TRY(pr_recurrence_check(env, a));
    const int64_t gates = pr_recurrence_gates(a), n = a->outputs;
    const bool lstm = a->kind == PR_RECURRENCE_LSTM;
    PR_TRY(pr_check_input_count(env, inputs, lstm ? 8 + (a->has_peepholes != 0) : a->kind == PR_RECURRENCE_GRU ? 5 : 4));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (outputs != 2 + lstm)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d results, expected %d", env->layer, outputs, 2 + lstm);
    PR_TRY(pr_recurrence_check_steps(env, g, "the gradient", g, n));
    PR_TRY(pr_recurrence_check_steps(env, &in[HS], "the states", g, n));
    PR_TRY(pr_rnn_check_state(env, &in[H], "the state h", g->shape[1], n));
    PR_TRY(pr_rnn_check_matrix(env, &in[R], "r", gates, n, n));
    if (a->kind != PR_RECURRENCE_SIMPLE)
        PR_TRY(pr_recurrence_check_steps(env, &in[GATES], "the gates", g, pr_recurrence_kept(a) * n));
    if (lstm) PR_TRY(check_lstm(env, a, in));
    out[SUMS_OUT] = (pr_view){.dtype = PR_F32, .rank = 3, .shape = {g->shape[0], g->shape[1], gates * n}};
    for (int i = H_OUT; i < outputs; i++) out[i] = (pr_view){.dtype = PR_F32, .rank = 2, .shape = {g->shape[1], n}};
    for (int i = 0; i < outputs; i++) PR_TRY(pr_check_output(env, &out[i]));
    if (g->shape[0] < 0 || g->shape[1] < 0) return PR_OK;
    const room r = room_of(env, a, g->shape[1]);
    if (r.first < 0 || r.second < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: absurdly many units", env->layer);
    env->scratch_bytes = (size_t)(r.first + r.second + r.states + r.states / 2) * sizeof(float);
    return PR_OK;
}

/* The slope of a gate's function where it gave v; arguments beyond 50 were clipped, so it is 0 there. */
static inline float slope(int function, float v) {
    switch (function) {
    case PR_GATE_SIGMOID: return v * (1 - v);
    case PR_GATE_TANH: return 1 - v * v;
    case PR_GATE_RELU: return v > 0 && v < 50 ? 1 : 0;
    case PR_GATE_HARD_SIGMOID: return v > 0 && v < 1 ? 0.2f : 0;
    default: return v > -50 && v < 50 ? 1 : 0;
    }
}
/* The same for the function of the cell, whose argument is not clipped again. */
static inline float slope_of_cell(int function, float v) {
    return function == PR_GATE_LINEAR ? 1 : function == PR_GATE_RELU ? (v > 0 ? 1 : 0) : slope(function, v);
}

/* One step of all examples.  dh, dc: what later steps gave back; they become what this one gives back. */
typedef struct step_job {
    const pr_recurrence_attrs *a;
    const float *g, *hs, *gates, *gc, *cs, *h, *c, *peepholes;          /* h, c: before the step */
    float *sums, *dh, *dc, *seen;
} step_job;

static void simple_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    for (int64_t i = begin * n; i < end * n; i++) job->sums[i] = (job->g[i] + job->dh[i]) * slope(job->a->gate, job->hs[i]);
}

static void update_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        const float *z = job->gates + 3 * b * n, *o = z + 2 * n;
        float *sums = job->sums + 3 * b * n;
        for (int64_t u = 0; u < n; u++) {
            const float d = job->g[b * n + u] + job->dh[b * n + u];
            sums[u] = d * (job->h[b * n + u] - o[u]) * slope(job->a->gate, z[u]);
            sums[2 * n + u] = d * (1 - z[u]) * slope(job->a->output, o[u]);
            job->dh[b * n + u] = d * z[u];
        }
    }
}

static void reset_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        const float *r = job->gates + (3 * b + 1) * n, *seen = job->seen + b * n;
        for (int64_t u = 0; u < n; u++) {
            job->sums[(3 * b + 1) * n + u] = seen[u] * job->h[b * n + u] * slope(job->a->gate, r[u]);
            job->dh[b * n + u] += seen[u] * r[u];
        }
    }
}

static void lstm_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const pr_recurrence_attrs *a = job->a;
    const int64_t n = a->outputs;
    const float *peep = job->peepholes;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        const float *gates = job->gates + 5 * b * n;
        float *sums = job->sums + 4 * b * n;
        for (int64_t u = 0; u < n; u++) {
            const int64_t at = b * n + u;
            const float i = gates[u], f = gates[n + u], z = gates[2 * n + u], o = gates[3 * n + u], shown = gates[4 * n + u];
            const float d = job->g[at] + job->dh[at];
            sums[3 * n + u] = d * shown * slope(a->gate, o);
            float dc = job->gc[at] + job->dc[at] + d * o * slope_of_cell(a->output, shown);
            if (peep) dc += peep[2 * n + u] * sums[3 * n + u];
            if (!(fabsf(job->cs[at]) < a->cell_clip)) dc = 0;
            const float forget = dc * job->c[at], input = dc * z - (a->coupled ? forget : 0);
            sums[u] = input * slope(a->gate, i);
            sums[n + u] = a->coupled ? 0 : forget * slope(a->gate, f);
            sums[2 * n + u] = dc * i * slope(a->block, z);
            job->dc[at] = dc * f;
            if (peep) job->dc[at] += peep[u] * sums[u] + peep[n + u] * sums[n + u];
        }
    }
}

static void step(pr_env *env, step_job *job, const float *first, const float *second, int64_t batch) {
    const pr_recurrence_attrs *a = job->a;
    const int64_t n = a->outputs, row = pr_recurrence_gates(a) * n, grain = pr_row_grain(16 * n);
    if (a->kind == PR_RECURRENCE_GRU) {
        pr_for(env->pool, batch, grain, update_rows, job);
        pr_recurrence_multiply(env, job->sums + 2 * n, row, n, second, NULL, job->seen, batch, n, n);
        pr_for(env->pool, batch, grain, reset_rows, job);
        pr_recurrence_multiply(env, job->sums, row, 2 * n, first, job->dh, job->dh, batch, n, n);
        return;
    }
    pr_for(env->pool, batch, grain, a->kind == PR_RECURRENCE_LSTM ? lstm_rows : simple_rows, job);
    pr_recurrence_multiply(env, job->sums, row, row, first, NULL, job->dh, batch, n, n);
}

pr_status pr_recurrence_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_recurrence_attrs *a = env->attrs;
    const int64_t steps = in[G].shape[0], batch = in[G].shape[1], n = a->outputs, row = pr_recurrence_gates(a) * n;
    const bool gru = a->kind == PR_RECURRENCE_GRU, lstm = a->kind == PR_RECURRENCE_LSTM;
    const room room = room_of(env, a, batch);
    float *first = env->scratch, *second = first + room.first, *h = second + room.second, *c = h + batch * n;
    const float *g = in[G].data, *hs = in[HS].data, *gates = a->kind == PR_RECURRENCE_SIMPLE ? NULL : in[GATES].data;
    const float *gc = lstm ? in[GC].data : NULL, *cs = lstm ? in[CS].data : NULL, *r = in[R].data;
    step_job job = {.a = a, .dh = out[H_OUT].data, .dc = lstm ? out[C_OUT].data : NULL, .seen = h + room.states,
                    .peepholes = lstm && a->has_peepholes ? in[PEEPHOLES].data : NULL};
    (void)inputs;
    for (int i = H_OUT; i < outputs; i++) memset(out[i].data, 0, (size_t)(batch * n) * sizeof(float));
    if (steps == 0 || batch == 0) return PR_OK;
    pr_rnn_start_state(h, &in[H], batch, n);
    if (lstm) pr_rnn_start_state(c, &in[C], batch, n);
    pr_gemm_pack_threads(env->kernels->gemm, env->pool, r, n, 1, gru ? 2 * n : row, n, first);
    if (gru) pr_gemm_pack_threads(env->kernels->gemm, env->pool, r + 2 * n * n, n, 1, n, n, second);
    for (int64_t t = steps - 1; t >= 0; t--) {
        const int64_t at = pr_recurrence_place(a, t, steps) * batch, before = pr_recurrence_place(a, t - 1, steps) * batch;
        job.g = g + at * n, job.hs = hs + at * n, job.sums = (float *)out[SUMS_OUT].data + at * row;
        job.h = t ? hs + before * n : h;
        if (gates) job.gates = gates + at * pr_recurrence_kept(a) * n;
        if (lstm) job.gc = gc + at * n, job.cs = cs + at * n, job.c = t ? cs + before * n : c;
        step(env, &job, first, second, batch);
    }
    return PR_OK;
}
