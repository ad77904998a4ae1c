/* Pixels to numbers.  NeuralNetwork.proto, NeuralNetworkImageScaler. */
#ifndef PR_OPS_IMAGE_H
#define PR_OPS_IMAGE_H

#include "ops/ops.h"

/* x u8 (..., H, W, C), C = 1 or 3 in R, G, B order -> y f32 (..., H, W, C) = scale * x + bias[c]; reversed: channels B, G, R
 * (bias is in the order of the output's channels). */
typedef struct pr_image_attrs {
    int32_t reversed;
    float scale, bias[3];
} pr_image_attrs;

/* Pixels of one channel, or of three. */
typedef struct pr_image_kernels {
    void (*gray)(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs);
    void (*colour)(const uint8_t *x, float *y, int64_t pixels, const pr_image_attrs *attrs);
} pr_image_kernels;

#endif
