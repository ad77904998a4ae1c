/* A block of LSTM units on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include <math.h>

#include "ops/level.h"
#include "ops/rnn/lstm.h"
#include "ops/unary/vec_math.h"

PR_INLINE vf clipped(vf x, float limit) { return vf_min(vf_set1(limit), vf_max(vf_set1(-limit), x)); }

/* a: input, forget, block input, output of n units. */
PR_INLINE void finish(const vf *a, float *c, float *next, float cell_clip, int n) {
    const vf i = vf_sigmoid(clipped(a[0], 50)), f = vf_sigmoid(clipped(a[1], 50));
    const vf z = vf_tanh(clipped(a[2], 50)), o = vf_sigmoid(clipped(a[3], 50));
    const vf cell = clipped(vf_fma(f, vf_load_n(c, n), vf_mul(i, z)), cell_clip);
    vf_store_n(c, cell, n);
    vf_store_n(next, vf_mul(o, vf_tanh(cell)), n);
}

/* Eight accumulators hide the latency of the multiply-add. */
static void block(const pr_lstm_block *job) {
    const int64_t left = job->hidden - job->unit;
    const int n[2] = {left < PR_VL ? (int)left : PR_VL, left < PR_VL ? 0 : left < 2 * PR_VL ? (int)left - PR_VL : PR_VL};
    const float *r = job->r;
    vf a[8];
    PR_UNROLL for (int j = 0; j < 8; j++) {
        const int group = j / 4, gate = j % 4;
        a[j] = n[group] ? vf_load_n(job->gates + gate * job->hidden + job->unit + group * PR_VL, n[group]) : vf_zero();
    }
    for (int64_t k = 0; k < job->hidden; k++, r += 8 * PR_VL) {
        const vf x = vf_set1(job->h[k]);
        PR_UNROLL for (int j = 0; j < 8; j++) a[j] = vf_fma(x, vf_load(r + j * PR_VL), a[j]);
    }
    finish(a, job->c + job->unit, job->next + job->unit, job->cell_clip, n[0]);
    if (n[1]) finish(a + 4, job->c + job->unit + PR_VL, job->next + job->unit + PR_VL, job->cell_clip, n[1]);
}

const pr_lstm_kernels PR_LEVEL_NAME(pr_lstm) = {PR_VL, block};
