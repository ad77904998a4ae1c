/* Convolution, channels last.  NeuralNetwork.proto, ConvolutionLayerParams. */
#ifndef PR_OPS_CONV_H
#define PR_OPS_CONV_H

#include "ops/activation.h"
#include "ops/ops.h"

typedef enum pr_padding {
    PR_PAD_EXPLICIT = 0,            /* pads_begin / pads_end; out = floor((in + pads - K) / stride) + 1 */
    PR_PAD_SAME_BOTTOM_RIGHT = 1,   /* out = ceil(in / stride); the odd cell at the end */
    PR_PAD_SAME_TOP_LEFT = 2,       /* the odd cell at the start */
    PR_PAD_INCLUDE_LAST = 3         /* pooling only: Caffe's ceiling rule, symmetric pads_begin */
} pr_padding;

/* x (..., H, W, C)   w (O, C/groups, KH, KW) or packed   bias (O)?   residual = shape of y?   ->   y (..., OH, OW, O)
 * y = activation(bias + sums + residual).  Three numbers in `kernel`: x (..., D, H, W, C), w (O, C/groups, KD, KH, KW).
 * The sum of output (i, j) and channel o of group o / (O/groups), c over the group's channels, p and q over the kernel:
 *   convolution  x[i*sh + p*dh - top, j*sw + q*dw - left, c] * w[o, c, p, q]; cells outside the image count as 0
 *   transposed   x[h, v, c] * w[o, c, p, q] wherever h*sh + p*dh - top = i and v*sw + q*dw - left = j
 * Transposed sizes: (H-1)*sh + (KH-1)*dh + 1 - pads, or H*sh for the two SAME kinds, or `size`. */
typedef struct pr_conv_attrs {
    pr_dims kernel, strides, dilations;     /* of each (depth,) height, width */
    pr_dims pads_begin, pads_end;           /* as many, for PR_PAD_EXPLICIT */
    int32_t padding;                        /* pr_padding */
    int32_t groups, outputs;                /* outputs = O */
    int32_t transposed;
    pr_dims size;                           /* transposed: (OD,) OH, OW; empty: from the padding */
    int32_t layout;                         /* 0: w as above, packed when it runs; else the packed form (conv.c says which) */
    int32_t has_bias, has_residual;
    pr_activation activation;
} pr_conv_attrs;

#endif
