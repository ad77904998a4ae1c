/* Pixels to numbers.  NeuralNetwork.proto, NeuralNetworkImageScaler. */
#ifndef PR_OPS_IMAGE_H
#define PR_OPS_IMAGE_H

#include "ops/ops.h"

/* x u8 (N, H, W, C), C = 1 or 3 in R, G, B order -> y f32 (N, H, W, C) = scale * x + bias[c]; reversed: channels B, G, R
 * (bias is in the order of the output's channels). */
typedef struct pr_image_attrs {
    int32_t reversed;
    float scale, bias[3];
} pr_image_attrs;

#endif
