#include "ops/rnn/recurrent.h"

#include <math.h>
#include <string.h>

#include "ops/check.h"

pr_status pr_rnn_check_matrix(pr_env *env, const pr_view *v, const char *what, int64_t a, int64_t b, int64_t c) {
    const int64_t want[3] = {a, b, c};
    const int rank = c >= 0 ? 3 : 2;
    PR_TRY(pr_check_rank(env, v, what, rank, rank));
    for (int i = 0; i < rank; i++) PR_TRY(pr_check_dim(env, v, what, i, want[i]));
    return PR_OK;
}

pr_status pr_rnn_check_state(pr_env *env, const pr_view *v, const char *what, int64_t batch, int64_t n) {
    return pr_rnn_check_matrix(env, v, what, v->rank == 2 && v->shape[0] == 1 ? 1 : batch, n, -1);
}

void pr_rnn_start_state(float *to, const pr_view *from, int64_t batch, int64_t n) {
    const float *data = from->data;
    for (int64_t b = 0; b < batch; b++)
        memcpy(to + b * n, data + (from->shape[0] == 1 ? 0 : b * n), (size_t)n * sizeof(float));
}

pr_status pr_rnn_check_packed(pr_env *env, const pr_view *v, const char *what, int64_t floats) {
    PR_TRY(pr_check_rank(env, v, what, 1, 1));
    if (floats >= 0 && v->shape[0] == floats) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s has %lld numbers, expected %lld", env->layer, what,
                   (long long)v->shape[0], (long long)floats);
}

float pr_gate(int function, float x) {
    switch (function) {
    case PR_GATE_SIGMOID: return 1 / (1 + expf(-x));
    case PR_GATE_TANH: return tanhf(x);
    case PR_GATE_RELU: return fmaxf(x, 0);
    case PR_GATE_HARD_SIGMOID: return fminf(fmaxf(0.2f * x + 0.5f, 0), 1);
    default: return x;
    }
}

float pr_clip(float x, float limit) { return x < -limit ? -limit : x > limit ? limit : x; }

float pr_dot(const float *a, const float *b, int64_t n) {
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}
