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

/* What the optimizer takes for a gradient.  `shaped` is a constant where this is called. */
PR_INLINE vf slope_of(vf g, vf w, const pr_gradient_shape *s, const int shaped) {
    if (!shaped) return g;
    const vf cut = vf_max(vf_set1(-s->limit), vf_min(vf_set1(s->limit), g));
    return vf_add(vf_mul(cut, vf_set1(s->scale)), vf_mul(vf_set1(s->decay), w));
}

static float squares(const float *g, int64_t n, float limit) {
    const vf high = vf_set1(limit), low = vf_set1(-limit);
    vf sum = vf_zero();
    for (int64_t i = 0; i < n; i += PR_VL) {
        const vf cut = vf_max(low, vf_min(high, load(g + i, PR_TAIL(i, n))));
        sum = vf_add(sum, vf_mul(cut, cut));
    }
    return vf_hsum(sum);
}

PR_INLINE void sgd_step(const float *w, const float *g, float *w_out, int64_t n, float rate, const pr_gradient_shape *shape,
                        const int shaped) {
    const vf r = vf_set1(rate);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf weight = load(w + i, lanes);
        store(w_out + i, vf_sub(weight, vf_mul(r, slope_of(load(g + i, lanes), weight, shape, shaped))), lanes);
    }
}

static void sgd(const float *w, const float *g, float *w_out, int64_t n, float rate, const pr_gradient_shape *shape) {
    if (shape) sgd_step(w, g, w_out, n, rate, shape, 1);
    else sgd_step(w, g, w_out, n, rate, shape, 0);
}

PR_INLINE void momentum_step(const float *w, const float *g, const float *v, float *w_out, float *v_out, int64_t n, float rate,
                             float kept, const int nesterov, const pr_gradient_shape *shape, const int shaped) {
    const vf r = vf_set1(rate), k = vf_set1(kept);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf weight = load(w + i, lanes), slope = slope_of(load(g + i, lanes), weight, shape, shaped);
        const vf velocity = vf_add(vf_mul(k, load(v + i, lanes)), slope);
        const vf step = nesterov ? vf_add(slope, vf_mul(k, velocity)) : velocity;
        store(v_out + i, velocity, lanes);
        store(w_out + i, vf_sub(weight, vf_mul(r, step)), lanes);
    }
}

static void momentum(const float *w, const float *g, const float *v, float *w_out, float *v_out, int64_t n, float rate,
                     float kept, int nesterov, const pr_gradient_shape *shape) {
    static const pr_gradient_shape as_it_is = {INFINITY, 1, 0};
    if (nesterov) momentum_step(w, g, v, w_out, v_out, n, rate, kept, 1, shape ? shape : &as_it_is, 1);
    else if (shape) momentum_step(w, g, v, w_out, v_out, n, rate, kept, 0, shape, 1);
    else momentum_step(w, g, v, w_out, v_out, n, rate, kept, 0, shape, 0);
}

PR_INLINE void adam_step(const float *w, const float *g, const float *m, const float *v, float *w_out, float *m_out,
                         float *v_out, int64_t n, const float hyper[6], const pr_gradient_shape *shape, const int shaped) {
    const vf rate = vf_set1(hyper[0]), beta1 = vf_set1(hyper[1]), beta2 = vf_set1(hyper[2]), eps = vf_set1(hyper[3]);
    const vf second = vf_set1(hyper[4]), kept = vf_set1(hyper[5]), rest1 = vf_set1(1 - hyper[1]), rest2 = vf_set1(1 - hyper[2]);
    for (int64_t i = 0; i < n; i += PR_VL) {
        const int lanes = PR_TAIL(i, n);
        const vf weight = load(w + i, lanes), slope = slope_of(load(g + i, lanes), weight, shape, shaped);
        const vf mean = vf_add(vf_mul(beta1, load(m + i, lanes)), vf_mul(rest1, slope));
        const vf square = vf_add(vf_mul(beta2, load(v + i, lanes)), vf_mul(rest2, vf_mul(slope, slope)));
        store(m_out + i, mean, lanes);
        store(v_out + i, square, lanes);
        const vf divisor = vf_add(vf_mul(vf_sqrt(square), second), eps);
        store(w_out + i, vf_sub(vf_mul(kept, weight), vf_div(vf_mul(rate, mean), divisor)), lanes);
    }
}

static void adam(const float *w, const float *g, const float *m, const float *v, float *w_out, float *m_out, float *v_out,
                 int64_t n, const float hyper[6], const pr_gradient_shape *shape) {
    if (shape) adam_step(w, g, m, v, w_out, m_out, v_out, n, hyper, shape, 1);
    else adam_step(w, g, m, v, w_out, m_out, v_out, n, hyper, shape, 0);
}

/* The largest number and its first cell, then g to that cell. */
static void to_maximum(const pr_pool_cells *c, const float *g, int64_t n) {
    for (int64_t k = 0; k < n; k += PR_VL) {
        const int lanes = PR_TAIL(k, n);
        const vf slope = load(g + k, lanes), one = vf_set1(1);
        vf best = vf_set1(-__builtin_inff()), where = vf_set1(-1), cell = vf_zero();
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

const pr_training_kernels PR_LEVEL_NAME(pr_training) = {clip, squares, sgd, momentum, adam, to_maximum, to_all};
