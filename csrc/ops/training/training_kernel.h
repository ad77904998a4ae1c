/* What a level gives to training. */
#ifndef PR_OPS_TRAINING_KERNEL_H
#define PR_OPS_TRAINING_KERNEL_H

#include <stdint.h>

/* The real cells of one pooling window: x and dx at the first one, floats from plane to plane, from row to row and from
 * pixel to pixel.  n channels at once.  dx is added to. */
typedef struct pr_pool_cells {
    const float *x;
    float *dx;
    int64_t planes, rows, columns, plane, line, pixel;
} pr_pool_cells;

/* What an optimizer takes for g: clamp(g, -limit, limit) * scale + decay w.  NULL: g as it is. */
typedef struct pr_gradient_shape {
    float limit, scale, decay;
} pr_gradient_shape;

typedef struct pr_training_kernels {
    /* out = v > lo && v < hi ? g : 0; out may be g */
    void (*clip)(const float *g, const float *v, float *out, int64_t n, float lo, float hi);
    /* The sum of clamp(g, -limit, limit)^2; n is small enough for a float to hold it well. */
    float (*squares)(const float *g, int64_t n, float limit);
    /* w_out = w - rate g; g as `shape` says, here and below */
    void (*sgd)(const float *w, const float *g, float *w_out, int64_t n, float rate, const pr_gradient_shape *shape);
    /* v_out = momentum v + g, w_out = w - rate v_out, with nesterov w - rate (g + momentum v_out) */
    void (*momentum)(const float *w, const float *g, const float *v, float *w_out, float *v_out, int64_t n, float rate,
                     float momentum, int nesterov, const pr_gradient_shape *shape);
    /* m_out = beta1 m + (1 - beta1) g, v_out = beta2 v + (1 - beta2) g^2, w_out = kept w - rate m_out / (sqrt(v_out) second +
     * eps); hyper: rate, beta1, beta2, eps, second, kept */
    void (*adam)(const float *w, const float *g, const float *m, const float *v, float *w_out, float *m_out, float *v_out,
                 int64_t n, const float hyper[6], const pr_gradient_shape *shape);
    /* g goes to the first cell that has the maximum of its channel. */
    void (*to_maximum)(const pr_pool_cells *cells, const float *g, int64_t n);
    /* share goes to every cell, or share * x with `squares`. */
    void (*to_all)(const pr_pool_cells *cells, const float *share, int64_t n, int squares);
} pr_training_kernels;

#endif
