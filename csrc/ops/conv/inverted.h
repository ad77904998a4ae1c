/* An inverted residual block (MobileNetV2) in one step: 1x1 convolution to many channels, depthwise convolution, 1x1
 * convolution back to few.  It runs in strips of rows, so the wide images between the three stay in the caches. */
#ifndef PR_OPS_INVERTED_H
#define PR_OPS_INVERTED_H

#include "ops/conv/conv.h"

/* x (..., H, W, C)   then packed weight and bias of each of the three   residual = shape of y?   ->   y (..., OH, OW, O)
 * The same as three CONV steps.  Each has a bias; only `project` may have a residual; no weight is compressed. */
typedef struct pr_inverted_attrs {
    pr_conv_attrs expand, depthwise, project;
} pr_inverted_attrs;

#endif
