/* Training's element-wise loops on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined.
 * A tail is loaded and stored in part, so a number's result does not depend on its place. */
#include <math.h>

#include "ops/level.h"
#include "ops/training/training_kernel.h"

#define PR_TAIL(i, n) ((int)((n) - (i) < PR_VL ? (n) - (i) : PR_VL))

PR_INLINE vf load(const float *p, int lanes) { return lanes == PR_VL ? vf_load(p) : vf_load_n(p, lanes); }
PR_INLINE void store(float *p, vf v, int lanes) {
    if (lanes == PR_VL) vf_store(p, v);
    else vf_store_n(p, v, lanes);
}

static void clip(const float *g, const float *v, float *out, int64_t n, float lo, float hi) {
    const vf low = vf_set1(lo), high = vf_set1(hi), zero = vf_zero();
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf x = load(v + i, lanes), inside = vf_select(vf_lt(low, x), load(g + i, lanes), zero);
        store(out + i, vf_select(vf_lt(x, high), inside, zero), lanes);
    }
}

static void sgd(const float *w, const float *g, float *w_out, int64_t n, float rate) {
    const vf r = vf_set1(rate);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        store(w_out + i, vf_sub(load(w + i, lanes), vf_mul(r, load(g + i, lanes))), lanes);
    }
}

static void momentum(const float *w, const float *g, const float *v, float *w_out, float *v_out, int64_t n, float rate,
                     float kept) {
    const vf r = vf_set1(rate), k = vf_set1(kept);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf velocity = vf_add(vf_mul(k, load(v + i, lanes)), load(g + i, lanes));
        store(v_out + i, velocity, lanes);
        store(w_out + i, vf_sub(load(w + i, lanes), vf_mul(r, velocity)), lanes);
    }
}

static void adam(const float *w, const float *g, const float *m, const float *v, float *w_out, float *m_out, float *v_out,
                 int64_t n, const float hyper[5]) {
    const vf rate = vf_set1(hyper[0]), beta1 = vf_set1(hyper[1]), beta2 = vf_set1(hyper[2]), eps = vf_set1(hyper[3]);
    const vf second = vf_set1(hyper[4]), rest1 = vf_set1(1 - hyper[1]), rest2 = vf_set1(1 - hyper[2]);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf slope = load(g + i, lanes);
        const vf mean = vf_add(vf_mul(beta1, load(m + i, lanes)), vf_mul(rest1, slope));
        const vf square = vf_add(vf_mul(beta2, load(v + i, lanes)), vf_mul(rest2, vf_mul(slope, slope)));
        store(m_out + i, mean, lanes);
        store(v_out + i, square, lanes);
        const vf divisor = vf_add(vf_mul(vf_sqrt(square), second), eps);
        store(w_out + i, vf_sub(load(w + i, lanes), vf_div(vf_mul(rate, mean), divisor)), lanes);
    }
}

/* The largest number and its first cell, then g to that cell. */
static void to_maximum(const pr_pool_cells *c, const float *g, int64_t n) {
    for (int64_t k = 0; k < n; k += PR_VL) {
        const int lanes = PR_TAIL(k, n);
        const vf slope = load(g + k, lanes), one = vf_set1(1);
        vf best = vf_set1(c->least), where = vf_set1(-1), cell = vf_zero();
        for (int64_t d = 0; d < c->planes; d++)
            for (int64_t i = 0; i < c->rows; i++)
                for (int64_t j = 0; j < c->columns; j++, cell = vf_add(cell, one)) {
                    const vf x = load(c->x + d * c->plane + i * c->line + j * c->pixel + k, lanes);
                    const vm larger = vf_lt(best, x);
                    best = vf_select(larger, x, best);
                    where = vf_select(larger, cell, where);
                }
        cell = vf_zero();
        for (int64_t d = 0; d < c->planes; d++)
            for (int64_t i = 0; i < c->rows; i++)
                for (int64_t j = 0; j < c->columns; j++, cell = vf_add(cell, one)) {
                    float *dx = c->dx + d * c->plane + i * c->line + j * c->pixel + k;
                    store(dx, vf_add(load(dx, lanes), vf_select(vf_eq(where, cell), slope, vf_zero())), lanes);
                }
    }
}

static void to_all(const pr_pool_cells *c, const float *share, int64_t n, int squares) {
    for (int64_t k = 0; k < n; k += PR_VL) {
        const int lanes = PR_TAIL(k, n);
        const vf own = load(share + k, lanes);
        for (int64_t d = 0; d < c->planes; d++)
            for (int64_t i = 0; i < c->rows; i++)
                for (int64_t j = 0; j < c->columns; j++) {
                    const int64_t at = d * c->plane + i * c->line + j * c->pixel + k;
                    const vf more = squares ? vf_mul(own, load(c->x + at, lanes)) : own;
                    store(c->dx + at, vf_add(load(c->dx + at, lanes), more), lanes);
                }
    }
}

const pr_training_kernels PR_LEVEL_NAME(pr_training) = {clip, sgd, momentum, adam, to_maximum, to_all};
