/* Gates of simple and gated recurrent units: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/level.h"
#include "ops/rnn/gate_vec.h"
#include "ops/rnn/recurrent.h"

PR_INLINE int lanes_at(int64_t i, int64_t n) { return n - i < PR_VL ? (int)(n - i) : PR_VL; }

static void simple(int function, const float *sums, float *h, int64_t n) {
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = lanes_at(i, n);
        vf_store_n(h + i, clipped_gate(function, vf_load_n(sums + i, lanes)), lanes);
    }
}

static void reset(int function, const float *sums, const float *h, float *out, int64_t n) {
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = lanes_at(i, n);
        vf_store_n(out + i, vf_mul(clipped_gate(function, vf_load_n(sums + i, lanes)), vf_load_n(h + i, lanes)), lanes);
    }
}

static void update(int gate_function, int output, const float *z_sums, const float *o_sums, float *h, int64_t n) {
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = lanes_at(i, n);
        const vf z = clipped_gate(gate_function, vf_load_n(z_sums + i, lanes));
        const vf o = clipped_gate(output, vf_load_n(o_sums + i, lanes));
        vf_store_n(h + i, vf_fma(z, vf_load_n(h + i, lanes), vf_mul(vf_sub(vf_set1(1), z), o)), lanes);
    }
}

const pr_gates_kernels PR_LEVEL_NAME(pr_gates) = {simple, reset, update};
