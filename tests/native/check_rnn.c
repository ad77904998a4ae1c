/* LSTM, GRU and simple units on packed matrices against the same operators on matrices as they come, which are plain loops:
 * linear gates on small integers are exact in any order.  Every remainder of units and examples, threads that share steps. */
#include "check.h"
#include "ops/attrs.h"
#include "ops/rnn/lstm.h"
#include "ops/rnn/recurrent.h"

enum { MOST = 7 };

static pr_view some(int rank, int64_t a, int64_t b, int64_t c) {
    pr_view v = {.dtype = PR_F32, .rank = rank, .shape = {a, b, c}};
    const int64_t count = a * b * (rank > 2 ? c : 1);
    float *data = guarded(count);
    for (int64_t i = 0; i < count; i++) data[i] = (float)random_int(-1, 1);
    v.data = data;
    return v;
}

/* in[which] packed; the layout goes into `attrs`. */
static int pack(const pr_op_info *op, const pr_kernels *kernels, void *attrs, const pr_view *in, int inputs, int which, pr_view *packed) {
    pr_message message;
    pr_env env = {.kernels = kernels, .layer = "rnn", .attrs = attrs, .message = &message};
    *packed = (pr_view){0};
    if (op->pack(&env, attrs, in, inputs, which, packed) != PR_OK) return check_fail("%s: %s", op->name, message.text);
    packed->data = guarded(packed->shape[0]);
    return op->pack(&env, attrs, in, inputs, which, packed) == PR_OK;
}

static void compare(int number, const pr_kernels *kernels, void *attrs, size_t bytes, const pr_view *in, int inputs, int w) {
    const pr_op_info *op = &pr_ops[number];
    char plain[64];
    pr_view packed[MOST], expected[3] = {{0}}, again[3];
    pr_message message;
    pr_env env = {.kernels = kernels, .layer = "rnn", .attrs = plain, .message = &message};
    memcpy(plain, attrs, bytes);
    memcpy(packed, in, (size_t)inputs * sizeof *in);
    if (op->infer(&env, in, inputs, expected, op->outputs) != PR_OK) { check_fail("%s: %s", op->name, message.text); return; }
    for (int i = 0; i < op->outputs; i++) expected[i].data = guarded(pr_view_count(&expected[i]));
    env.scratch = guarded_bytes((env.scratch_bytes + 63) / 64 * 64);
    op->run(&env, in, inputs, expected, op->outputs);
    for (int i = w; i < w + 2; i++) if (!pack(op, kernels, attrs, in, inputs, i, &packed[i])) return;
    for (int threads = 1; threads <= 3; threads++) {
        env.attrs = attrs, env.pool = pools[threads], env.scratch_bytes = 0;
        memset(again, 0, sizeof again);
        if (op->infer(&env, packed, inputs, again, op->outputs) != PR_OK) { check_fail("%s: %s", op->name, message.text); return; }
        for (int i = 0; i < op->outputs; i++) again[i].data = guarded(pr_view_count(&again[i]));
        env.scratch = guarded_bytes((env.scratch_bytes + 63) / 64 * 64);
        op->run(&env, packed, inputs, again, op->outputs);
        for (int i = 0; i < op->outputs; i++) {
            const int64_t count = pr_view_count(&again[i]);
            char text[96];
            snprintf(text, sizeof text, "%s result %d, %d threads, %lld units", op->name, i, threads, (long long)expected[1].shape[1]);
            same_rows(text, again[i].data, expected[i].data, count, 1, 1, count);
        }
    }
}

static void check_one(const pr_kernels *kernels, bool large) {
    const int n = large ? random_int(250, 290) : random_int(1, random_int(0, 3) ? 20 : 150), k = random_int(1, 12), b = random_int(1, 5);
    const int steps = large ? 1 : random_int(1, 2), kind = random_int(0, PR_RNN_KIND_COUNT - 1), lin = PR_GATE_LINEAR;
    if (random_int(0, 1)) {
        const int peepholes = random_int(0, 1);
        pr_lstm_attrs a = {k, n, random_int(0, 1), random_int(0, 1), random_int(0, 1), lin, lin, lin, peepholes, 0, 50, random_int(0, 1)};
        const pr_view in[] = {some(3, steps, b, k), some(2, b, n, 0), some(2, random_int(0, 1) ? b : 1, n, 0), some(3, 4, n, k),
                              some(3, 4, n, n), some(2, 4, n, 0), some(2, 3, n, 0)};
        compare(PR_OP_LSTM, kernels, &a, sizeof a, in, 6 + peepholes, PR_LSTM_W);
    } else {
        const int after = kind == PR_RNN_GRU_AFTER;             /* nothing is clipped: a second step would round */
        pr_rnn_attrs a = {kind, k, n, random_int(0, 1), random_int(0, 1), lin, lin, 0};
        const int gates = (int)pr_rnn_gates(&a);
        const pr_view in[] = {some(3, after ? 1 : steps, b, k), some(2, random_int(0, 1) ? b : 1, n, 0), some(3, gates, n, k),
                              some(3, gates, n, n), some(2, gates + after, n, 0)};
        compare(PR_OP_RNN, kernels, &a, sizeof a, in, 5, PR_RNN_W);
    }
    release_all();
}

void check_rnn(void) {
    for (int level = 0; level < 32; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, (1u << (level + 1)) - 1);
        for (int round = 0; round < options.rounds * 2; round++) check_one(&kernels, round % 50 == 0);
    }
}
