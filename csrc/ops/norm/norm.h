/* Functions along the last axis: per channel what batch normalisation becomes and PReLU; over the channels, or the last
 * axes together, response and layer normalisation. */
#ifndef PR_OPS_NORM_H
#define PR_OPS_NORM_H

#include "ops/activation.h"
#include "ops/ops.h"

/* x (..., C)   scale (C)   shift (C)   ->   y (..., C) = activation(x * scale[c] + shift[c]) */
typedef struct pr_affine_attrs {
    pr_activation activation;
} pr_affine_attrs;

/* x (..., C)   slope (C) or (1)   ->   y (..., C) = x < 0 ? slope[c] * x : x */
typedef struct pr_prelu_attrs {
    int32_t unused;                         /* C has no empty structs */
} pr_prelu_attrs;

/* x (..., N1, .., Nk)   gamma, beta (N1 * .. * Nk)   ->   y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, mean and
 * biased variance over the last k = `axes` axes.  Two passes, so that a large mean costs no digits. */
typedef struct pr_layer_norm_attrs {
    int32_t axes;
    float epsilon;
} pr_layer_norm_attrs;

/* x (..., C) -> y[c] = x[c] / (k + scale * sum of x[j]^2 for j in c - before .. c + after)^beta; channels that are not there
 * count as 0 */
typedef struct pr_lrn_attrs {
    int32_t before, after;
    float scale, k, beta;
} pr_lrn_attrs;

/* x, y (rows, c), y may be x; scale, shift, slope, gamma, beta (c).  squares: scratch of before + c + after floats. */
typedef struct pr_norm_kernels {
    void (*affine)(const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t c,
                   const pr_activation *activation);
    void (*prelu)(const float *x, const float *slope, float *y, int64_t rows, int64_t c);
    void (*layer_norm)(const float *x, const float *gamma, const float *beta, float *y, int64_t rows, int64_t c, float epsilon);
    void (*lrn)(const float *x, float *y, float *squares, int64_t rows, int64_t c, const pr_lrn_attrs *attrs);
} pr_norm_kernels;

#endif
