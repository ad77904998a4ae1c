/* What training adds to inference: products and gradients of run-time operands, losses, optimizer steps.
 *
 * g is always the gradient of the loss with respect to the result of the operator whose gradient is taken.  Sums run in
 * an order that depends on shapes only, so the bits do not depend on the number of threads. */
#ifndef PR_OPS_TRAINING_H
#define PR_OPS_TRAINING_H

#include "ops/conv/conv.h"
#include "ops/norm/norm.h"
#include "ops/ops.h"
#include "ops/pool/pool.h"
#include "ops/resize/crop_resize.h"
#include "ops/unary/unary.h"

/* a (..., K), or with transpose_a (..., M) whose leading axes are K; b (K, N), or with transpose_b (N, K);
 * bias (N)?   ->   a b + bias: (..., N), or (M, N).  b's leading axes are one axis. */
typedef struct pr_product_attrs {
    int32_t transpose_a, transpose_b, has_bias;
} pr_product_attrs;

/* x (..., H, W, C)   g (..., OH, OW, O)   ->   gradient of the weight (O, C/groups, KH, KW).  The attributes are those of
 * the convolution; its bias, residual and activation do not matter. */
typedef pr_conv_attrs pr_conv_weight_gradient_attrs;

/* x (..., H, W, C)   g (..., OH, OW, C)   y = shape of g   ->   gradient of x; or with a depth before the height.  A maximum
 * passes g to the first cell of the window, row by row, that has it. */
typedef pr_pool_attrs pr_pool_gradient_attrs;

/* x (..., N), g as x, gamma (N)   ->   gradients of x, gamma, beta; N is the last axes together. */
typedef pr_layer_norm_attrs pr_layer_norm_gradient_attrs;

/* x (..., C)   g as x   ->   gradient of x */
typedef pr_lrn_attrs pr_lrn_gradient_attrs;

/* g (..., OH, OW, C)   ->   gradient of x (..., height, width, C); the sizes of `resize` do not matter. */
typedef struct pr_resize_gradient_attrs {
    pr_resize_attrs resize;
    int32_t height, width;
} pr_resize_gradient_attrs;

/* g (N, B, OH, OW, C) or (N, 1, OH, OW, C)   boxes (N, 4) or (N, 5)   ->   gradient of x, which has `shape` */
typedef struct pr_crop_resize_gradient_attrs {
    pr_crop_resize_attrs crop;
    pr_dims shape;
} pr_crop_resize_gradient_attrs;

/* g, v (same shape) -> g * f'.  v is the function's argument or its result, as slope.def says. */
typedef pr_unary_attrs pr_unary_gradient_attrs;

/* p (rows, classes) of a softmax   target (rows): class numbers   weights w (classes)?   ->   gradient of the mean loss with
 * respect to what went into the softmax (rows, classes), loss of each row (rows) = -log(max(p[target], floor)).
 * With w (1 without them) or smoothing s, a[c] = w[c] ((1 - s) [c is target] + s / classes), the loss of a row is the sum of
 * -a[c] log(max(p[c], floor)), times rows / (sum of w[target] over the rows): their mean is the weighted mean.  Rows that
 * together weigh nothing have the loss 0. */
typedef struct pr_cross_entropy_attrs {
    float floor, smoothing;
} pr_cross_entropy_attrs;

/* y, target (rows, n) -> gradient of the mean loss (rows, n), loss of each row (rows) = mean of (y - target)^2. */
typedef struct pr_squared_error_attrs {
    int32_t unused;                         /* C has no empty structs */
} pr_squared_error_attrs;

/* gradients g1, g2 ...   ->   scale (1): min(1, most / (norm + 1e-6)), norm the Euclidean one of all of them together, each
 * number cut to -limit .. limit first. */
typedef struct pr_clip_norm_attrs {
    float most, limit;
} pr_clip_norm_attrs;

/* In both optimizers, with `scale` (1) as last input where has_scale says so, g stands for clamp(g, -limit, limit) * scale +
 * decay w; decoupled: the decay takes rate decay w from w instead, as AdamW does.
 *
 * w, g, hyper (2): rate, momentum   ->   w - rate g; or, with a further input v of the shape of w, a second result
 * v' = momentum v + g, and w - rate v'; with nesterov, w - rate (g + momentum v'). */
typedef struct pr_sgd_attrs {
    int32_t has_momentum, nesterov, has_scale;
    float decay, limit;
} pr_sgd_attrs;

/* w, g, m, v, hyper (6): rate, beta1, beta2, eps, 1 - beta1^t, 1 - beta2^t   ->   w', m', v' with
 * m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g^2, w' = w - rate / h4 * m' / (sqrt(v' / h5) + eps). */
typedef struct pr_adam_attrs {
    int32_t decoupled, has_scale;
    float decay, limit;
} pr_adam_attrs;

#endif
