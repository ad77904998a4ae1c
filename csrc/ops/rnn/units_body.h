/* Panels of recurrent units on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/level.h"
#include "ops/rnn/gate_vec.h"
#include "ops/rnn/units.h"

enum { AHEAD = 256 };                       /* floats that are asked for before their turn: pages end what the CPU foresees */

PR_INLINE void ask_for(const float *p, int vectors) {
    if (PR_VL < 8) return;                  /* small cores pay for each instruction */
    PR_UNROLL for (int i = 0; i < vectors * PR_VL; i += 16) __builtin_prefetch(p + i);
}

/* a (rows, count vectors) += seen (rows, n) r, `count` vectors of r's rows of `width` vectors. */
PR_INLINE void add_products(vf *a, int rows, int count, int width, const float *r, const float *seen, int64_t n) {
    for (int64_t k = 0; k < n; k++, r += width * PR_VL) {
        vf x[2];
        PR_UNROLL for (int i = 0; i < rows; i++) x[i] = vf_set1(seen[i * n + k]);
        ask_for(r + AHEAD, count);
        PR_UNROLL for (int j = 0; j < count; j++) {
            const vf w = vf_load(r + j * PR_VL);
            PR_UNROLL for (int i = 0; i < rows; i++) a[i * count + j] = vf_fma(x[i], w, a[i * count + j]);
        }
    }
}

/* Where a group of n units of example `row` lies. */
typedef struct place {
    const pr_units *job;
    int64_t row, unit;
    int n;
} place;
PR_INLINE vf at(const place *p, const float *matrix, int64_t row) {
    matrix += row * p->job->hidden + p->unit;
    return p->n == PR_VL ? vf_load(matrix) : vf_load_n(matrix, p->n);
}
PR_INLINE void put(const place *p, float *matrix, int64_t row, vf v) {
    matrix += row * p->job->hidden + p->unit;
    if (p->n == PR_VL) vf_store(matrix, v);
    else vf_store_n(matrix, v, p->n);
}

/* A kind is what its sums start with and what becomes of them; a: one vector per gate. */
PR_INLINE vf from_inputs(const place *p, int gates, int which) { return at(p, p->job->sums, p->row * gates + which); }

PR_INLINE vf look(const place *p, int which, vf cell, vf sum) {
    return p->job->peepholes ? vf_fma(at(p, p->job->peepholes, which), cell, sum) : sum;
}
PR_INLINE vf start_lstm(const place *p, int which) { return from_inputs(p, 4, which); }
PR_INLINE void finish_lstm(const place *p, const vf *a) {
    const pr_units *job = p->job;
    const vf before = at(p, job->c, p->row), z = clipped_gate(job->function[1], a[2]);
    const vf i = clipped_gate(job->function[0], look(p, 0, before, a[0]));
    const vf f = job->coupled ? vf_sub(vf_set1(1), i) : clipped_gate(job->function[0], look(p, 1, before, a[1]));
    const vf cell = clipped(vf_fma(f, before, vf_mul(i, z)), job->cell_clip);
    const vf o = clipped_gate(job->function[0], look(p, 2, cell, a[3]));
    put(p, job->c, p->row, cell);
    put(p, job->out, p->row, vf_mul(o, gate(job->function[2], cell)));
}

PR_INLINE vf start_simple(const place *p, int which) { return from_inputs(p, 1, which); }
PR_INLINE void finish_simple(const place *p, const vf *a) { put(p, p->job->out, p->row, clipped_gate(p->job->function[0], a[0])); }

PR_INLINE vf start_reset(const place *p, int which) { return from_inputs(p, 3, which); }
PR_INLINE void finish_reset(const place *p, const vf *a) {
    put(p, p->job->sums, 3 * p->row, clipped_gate(p->job->function[0], a[0]));
    put(p, p->job->out, p->row, vf_mul(clipped_gate(p->job->function[0], a[1]), at(p, p->job->h, p->row)));
}

/* (1 - z) o + z h */
PR_INLINE void blend(const place *p, vf z, vf o) {
    put(p, p->job->out, p->row, vf_fma(z, at(p, p->job->h, p->row), vf_mul(vf_sub(vf_set1(1), z), o)));
}
PR_INLINE vf start_output(const place *p, int which) { return from_inputs(p, 3, which + 2); }
PR_INLINE void finish_output(const place *p, const vf *a) {
    blend(p, at(p, p->job->sums, 3 * p->row), clipped_gate(p->job->function[1], a[0]));
}

PR_INLINE vf start_after(const place *p, int which) { return which == 2 ? at(p, p->job->bias, 0) : from_inputs(p, 3, which); }
PR_INLINE void finish_after(const place *p, const vf *a) {
    const vf reset = gate(p->job->function[0], a[1]);
    blend(p, gate(p->job->function[0], a[0]), gate(p->job->function[1], vf_fma(reset, a[2], from_inputs(p, 3, 2))));
}

typedef vf start_fn(const place *p, int which);
typedef void finish_fn(const place *p, const vf *a);

/* `rows` examples from `row` on, `groups` groups of a panel from `group` on. */
PR_INLINE void some(const pr_units *job, int rows, int64_t row, int groups, int group, int gates, int width, start_fn *start,
                    finish_fn *finish) {
    vf a[16];
    PR_UNROLL for (int i = 0; i < rows * groups; i++) {
        const int64_t unit = job->unit + (group + i % groups) * PR_VL, left = job->hidden - unit;
        const place p = {job, row + i / groups, unit, left < PR_VL ? (int)left : PR_VL};
        PR_UNROLL for (int j = 0; j < gates; j++) a[i * gates + j] = left > 0 ? start(&p, j) : vf_zero();
    }
    add_products(a, rows, groups * gates, width, job->r + group * gates * PR_VL, job->seen + row * job->hidden, job->hidden);
    PR_UNROLL for (int i = 0; i < rows * groups; i++) {
        const int64_t unit = job->unit + (group + i % groups) * PR_VL, left = job->hidden - unit;
        const place p = {job, row + i / groups, unit, left < PR_VL ? (int)left : PR_VL};
        if (left > 0) finish(&p, a + i * gates);
    }
}

/* One example with all groups at once: 6 or 8 sums hide the latency of the multiply-add.  Two examples share each load of
 * weights, with as many groups as sums fit the registers. */
PR_INLINE void panel(const pr_units *job, int groups, int pair_groups, int gates, start_fn *start, finish_fn *finish) {
    int64_t row = 0;
    for (; row + 1 < job->rows; row += 2)
        for (int group = 0; group < groups && job->unit + group * PR_VL < job->hidden; group += pair_groups)
            some(job, 2, row, pair_groups, group, gates, groups * gates, start, finish);
    if (row < job->rows) some(job, 1, row, groups, 0, gates, groups * gates, start, finish);
}

static void lstm(const pr_units *job) { panel(job, 2, 1, 4, start_lstm, finish_lstm); }
static void simple(const pr_units *job) { panel(job, 8, 4, 1, start_simple, finish_simple); }
static void reset(const pr_units *job) { panel(job, 4, 2, 2, start_reset, finish_reset); }
static void output(const pr_units *job) { panel(job, 8, 4, 1, start_output, finish_output); }
static void after(const pr_units *job) { panel(job, 2, 2, 3, start_after, finish_after); }

const pr_units_kernels PR_LEVEL_NAME(pr_units) = {PR_VL, {lstm, simple, reset, output, after}};
