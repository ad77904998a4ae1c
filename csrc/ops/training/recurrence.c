/* The operator RECURRENCE: per step one product with r (a GRU: two) of all examples, then the gates of each. */
#include "ops/training/recurrence.h"

#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/kernels.h"

enum { SUMS, H, R, C, PEEPHOLES };          /* inputs */
enum { HS, GATES, CS };                     /* results */

pr_status pr_recurrence_check(pr_env *env, const pr_recurrence_attrs *a) {
    PR_TRY(pr_check_kind(env, "the kind", a->kind, PR_RECURRENCE_LSTM + 1));
    PR_TRY(pr_check_kind(env, "the gate function", a->gate, PR_GATE_COUNT));
    PR_TRY(pr_check_kind(env, "the block function", a->block, PR_GATE_COUNT));
    PR_TRY(pr_check_kind(env, "the output function", a->output, PR_GATE_COUNT));
    if (a->outputs > 0 && a->outputs <= PR_RNN_LARGEST) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d outputs, expected 1 to %d", env->layer, a->outputs, PR_RNN_LARGEST);
}

pr_status pr_recurrence_check_steps(pr_env *env, const pr_view *v, const char *what, const pr_view *like, int64_t n) {
    PR_TRY(pr_check_rank(env, v, what, 3, 3));
    PR_TRY(pr_check_dim(env, v, what, 0, like->shape[0]));
    PR_TRY(pr_check_dim(env, v, what, 1, like->shape[1]));
    return pr_check_dim(env, v, what, 2, n);
}

int64_t pr_recurrence_floats(const pr_env *env, int64_t depth, int64_t columns) {
    const int64_t floats = pr_gemm_packed_floats(env->kernels->gemm, depth, columns);
    return floats < 0 ? -1 : (floats + 15) / 16 * 16;
}

void pr_recurrence_multiply(pr_env *env, const float *a, int64_t a_stride, int64_t depth, const float *b, const float *addend,
                            float *c, int64_t rows, int64_t columns, int64_t stride) {
    const pr_activation none = {1, -INFINITY, INFINITY};
    const pr_gemm_args product = {.a = a, .b = b, .residual = addend, .c = c, .lines = 1, .pixels = rows, .columns = columns,
                                  .a_pixel = a_stride, .c_pixel = stride, .segments = 1, .k = depth, .activation = none};
    pr_gemm_multiply(env->kernels->gemm, env->pool, &product);
}

/* Scratch: r packed; the states to start with (2, B, H); sums of a step (B, G H); r h of a GRU (B, H). */
typedef struct room { int64_t first, second, states, sums; } room;
static room room_of(const pr_env *env, const pr_recurrence_attrs *a, int64_t batch) {
    const int64_t n = a->outputs, gru = a->kind == PR_RECURRENCE_GRU;
    return (room){pr_recurrence_floats(env, n, (gru ? 2 : pr_recurrence_gates(a)) * n), gru ? pr_recurrence_floats(env, n, n) : 0,
                  2 * batch * n, batch * pr_recurrence_gates(a) * n};
}

pr_status pr_recurrence_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_recurrence_attrs *a = env->attrs;
    const pr_view *sums = &in[SUMS];
    PR_TRY(pr_recurrence_check(env, a));
    const int64_t gates = pr_recurrence_gates(a), n = a->outputs;
    const bool lstm = a->kind == PR_RECURRENCE_LSTM;
    PR_TRY(pr_check_input_count(env, inputs, lstm ? 4 + (a->has_peepholes != 0) : 3));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (outputs != a->kind + 1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d results, expected %d", env->layer, outputs, a->kind + 1);
    PR_TRY(pr_recurrence_check_steps(env, sums, "the sums", sums, gates * n));
    PR_TRY(pr_rnn_check_state(env, &in[H], "the state h", sums->shape[1], n));
    PR_TRY(pr_rnn_check_matrix(env, &in[R], "r", gates, n, n));
    if (lstm) PR_TRY(pr_rnn_check_state(env, &in[C], "the state c", sums->shape[1], n));
    if (lstm && a->has_peepholes) PR_TRY(pr_rnn_check_matrix(env, &in[PEEPHOLES], "peepholes", 3, n, -1));
    for (int i = 0; i < outputs; i++) {
        const int64_t width = i == GATES ? pr_recurrence_kept(a) * n : n;
        out[i] = (pr_view){.dtype = PR_F32, .rank = 3, .shape = {sums->shape[0], sums->shape[1], width}};
        PR_TRY(pr_check_output(env, &out[i]));
    }
    if (sums->shape[0] < 0 || sums->shape[1] < 0) return PR_OK;
    const room r = room_of(env, a, sums->shape[1]);
    if (r.first < 0 || r.second < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: absurdly many units", env->layer);
    env->scratch_bytes = (size_t)(r.first + r.second + r.states + r.sums + r.states / 2) * sizeof(float);
    return PR_OK;
}

/* One step of all examples, at the place that its pointers say. */
typedef struct step_job {
    const pr_recurrence_attrs *a;
    const pr_gates_kernels *kernels;
    const float *h, *c, *peepholes;         /* states before (B, H) */
    float *sums, *next, *gates, *next_c, *seen;
} step_job;

static void simple_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    job->kernels->simple(job->a->gate, job->sums + begin * n, job->next + begin * n, (end - begin) * n);
}

static void reset_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        float *gates = job->gates + 3 * b * n;
        job->kernels->simple(job->a->gate, job->sums + 3 * b * n, gates, 2 * n);
        for (int64_t u = 0; u < n; u++) job->seen[b * n + u] = gates[n + u] * job->h[b * n + u];
    }
}

static void update_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const int64_t n = job->a->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        float *z = job->gates + 3 * b * n, *o = z + 2 * n;
        const float *h = job->h + b * n;
        job->kernels->simple(job->a->output, job->sums + (3 * b + 2) * n, o, n);
        for (int64_t u = 0; u < n; u++) job->next[b * n + u] = (1 - z[u]) * o[u] + z[u] * h[u];
    }
}

/* The functions whose arguments nobody clips here: a cell is clipped by cell_clip only. */
static void of_cell(const step_job *job, const float *c, float *out, int64_t n) {
    if (job->a->output == PR_GATE_LINEAR) memcpy(out, c, (size_t)n * sizeof(float));
    else if (job->a->output == PR_GATE_RELU)
        for (int64_t u = 0; u < n; u++) out[u] = c[u] > 0 ? c[u] : 0;
    else job->kernels->simple(job->a->output, c, out, n);
}

static void lstm_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const step_job *job = arg;
    const pr_recurrence_attrs *a = job->a;
    const int64_t n = a->outputs;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        float *s = job->sums + 4 * b * n, *i = job->gates + 5 * b * n, *f = i + n, *z = f + n, *o = z + n, *shown = o + n;
        float *c = job->next_c + b * n, *h = job->next + b * n;
        const float *before = job->c + b * n, *peep = job->peepholes;
        for (int64_t u = 0; peep && u < n; u++) s[u] += peep[u] * before[u], s[n + u] += peep[n + u] * before[u];
        job->kernels->simple(a->gate, s, i, 2 * n);
        for (int64_t u = 0; a->coupled && u < n; u++) f[u] = 1 - i[u];
        job->kernels->simple(a->block, s + 2 * n, z, n);
        for (int64_t u = 0; u < n; u++) c[u] = pr_clip(before[u] * f[u] + i[u] * z[u], a->cell_clip);
        for (int64_t u = 0; peep && u < n; u++) s[3 * n + u] += peep[2 * n + u] * c[u];
        job->kernels->simple(a->gate, s + 3 * n, o, n);
        of_cell(job, c, shown, n);
        for (int64_t u = 0; u < n; u++) h[u] = shown[u] * o[u];
    }
}

static void step(pr_env *env, step_job *job, const float *r, const float *second, const float *given, int64_t batch) {
    const pr_recurrence_attrs *a = job->a;
    const int64_t n = a->outputs, row = pr_recurrence_gates(a) * n, grain = pr_row_grain(8 * n);
    const bool gru = a->kind == PR_RECURRENCE_GRU;
    pr_recurrence_multiply(env, job->h, n, n, r, given, job->sums, batch, gru ? 2 * n : row, row);
    if (gru) {
        pr_for(env->pool, batch, grain, reset_rows, job);
        pr_recurrence_multiply(env, job->seen, n, n, second, given + 2 * n, job->sums + 2 * n, batch, n, row);
        pr_for(env->pool, batch, grain, update_rows, job);
    } else
        pr_for(env->pool, batch, grain, a->kind == PR_RECURRENCE_LSTM ? lstm_rows : simple_rows, job);
}

pr_status pr_recurrence_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_recurrence_attrs *a = env->attrs;
    const int64_t steps = in[SUMS].shape[0], batch = in[SUMS].shape[1], n = a->outputs, row = pr_recurrence_gates(a) * n;
    const bool gru = a->kind == PR_RECURRENCE_GRU, lstm = a->kind == PR_RECURRENCE_LSTM;
    const room room = room_of(env, a, batch);
    float *first = env->scratch, *second = first + room.first, *h = second + room.second, *c = h + batch * n;
    step_job job = {.a = a, .kernels = env->kernels->gates, .sums = h + room.states, .seen = h + room.states + room.sums,
                    .peepholes = lstm && a->has_peepholes ? in[PEEPHOLES].data : NULL};
    const float *r = in[R].data, *given = in[SUMS].data;
    float *hs = out[HS].data, *gates = outputs > 1 ? out[GATES].data : NULL, *cs = lstm ? out[CS].data : NULL;
    (void)inputs;
    if (steps == 0 || batch == 0) return PR_OK;
    pr_rnn_start_state(h, &in[H], batch, n);
    if (lstm) pr_rnn_start_state(c, &in[C], batch, n);
    pr_gemm_pack_threads(env->kernels->gemm, env->pool, r, 1, n, n, gru ? 2 * n : row, first);
    if (gru) pr_gemm_pack_threads(env->kernels->gemm, env->pool, r + 2 * n * n, 1, n, n, n, second);
    job.h = h, job.c = c;
    for (int64_t t = 0; t < steps; t++) {
        const int64_t at = pr_recurrence_place(a, t, steps) * batch;
        job.next = hs + at * n;
        if (gates) job.gates = gates + at * pr_recurrence_kept(a) * n;
        if (cs) job.next_c = cs + at * n;
        step(env, &job, first, second, given + at * row, batch);
        job.h = job.next, job.c = job.next_c;
    }
    return PR_OK;
}
