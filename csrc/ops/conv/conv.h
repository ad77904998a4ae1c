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
 * y = activation(bias + cross-correlation of x and w + residual).  Positions outside the image count as 0. */
typedef struct pr_conv_attrs {
    pr_dims kernel, strides, dilations;     /* two each: height, width */
    pr_dims pads_begin, pads_end;           /* two each, for PR_PAD_EXPLICIT */
    int32_t padding;                        /* pr_padding */
    int32_t groups, outputs;                /* outputs = O */
    int32_t layout;                         /* 0: w as in the file; else the packed form (conv.c says which) */
    int32_t has_bias, has_residual;
    pr_activation activation;
} pr_conv_attrs;

#endif
