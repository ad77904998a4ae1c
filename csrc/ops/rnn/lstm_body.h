/* A block of LSTM units on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/level.h"
#include "ops/rnn/gate_vec.h"
#include "ops/rnn/lstm.h"

/* sum + peephole * cell for n units from `unit` on. */
PR_INLINE vf look(const pr_lstm_block *job, int which, int64_t unit, int n, vf cell, vf sum) {
    return job->peepholes ? vf_fma(vf_load_n(job->peepholes + which * job->hidden + unit, n), cell, sum) : sum;
}

/* a: sums of input, forget, block input, output for n units from `unit` on. */
PR_INLINE void finish(const pr_lstm_block *job, const vf *a, int64_t unit, int n) {
    const vf before = vf_load_n(job->c + unit, n), z = clipped_gate(job->function[1], a[2]);
    const vf i = clipped_gate(job->function[0], look(job, 0, unit, n, before, a[0]));
    const vf f = job->coupled ? vf_sub(vf_set1(1), i) : clipped_gate(job->function[0], look(job, 1, unit, n, before, a[1]));
    const vf cell = clipped(vf_fma(f, before, vf_mul(i, z)), job->cell_clip);
    const vf o = clipped_gate(job->function[0], look(job, 2, unit, n, cell, a[3]));
    vf_store_n(job->c + unit, cell, n);
    vf_store_n(job->next + unit, vf_mul(o, gate(job->function[2], cell)), n);
}

/* Eight accumulators hide the latency of the multiply-add. */
static void block(const pr_lstm_block *job) {
    const int64_t left = job->hidden - job->unit;
    const int n[2] = {left < PR_VL ? (int)left : PR_VL, left < PR_VL ? 0 : left < 2 * PR_VL ? (int)left - PR_VL : PR_VL};
    const float *r = job->r;
    vf a[8];
    PR_UNROLL for (int j = 0; j < 8; j++) {
        const int group = j / 4, which = j % 4;
        a[j] = n[group] ? vf_load_n(job->gates + which * job->hidden + job->unit + group * PR_VL, n[group]) : vf_zero();
    }
    for (int64_t k = 0; k < job->hidden; k++, r += 8 * PR_VL) {
        const vf x = vf_set1(job->h[k]);
        PR_UNROLL for (int j = 0; j < 8; j++) a[j] = vf_fma(x, vf_load(r + j * PR_VL), a[j]);
    }
    finish(job, a, job->unit, n[0]);
    if (n[1]) finish(job, a + 4, job->unit + PR_VL, n[1]);
}

const pr_lstm_kernels PR_LEVEL_NAME(pr_lstm) = {PR_VL, block};
