/* Pooling, channels last.  NeuralNetwork.proto, PoolingLayerParams, Pooling3DLayerParams. */
#ifndef PR_OPS_POOL_H
#define PR_OPS_POOL_H

#include "ops/conv/conv.h"

typedef enum pr_pool_kind { PR_POOL_MAX = 0, PR_POOL_AVERAGE = 1, PR_POOL_L2 = 2 } pr_pool_kind;

/* x (..., H, W, C) -> y (..., OH, OW, C), or with a depth before the height.  MAX ignores padded cells; AVERAGE
 * divides by the cells of the window up to the end of the padding, or by the real ones with exclude_padding; L2 is the root
 * of the sum of squares. */
typedef struct pr_pool_attrs {
    int32_t kind;                           /* pr_pool_kind */
    int32_t global;                         /* the window is the whole image; of the rest only the count of `kernel` matters */
    pr_dims kernel, strides, pads_begin, pads_end;
    int32_t padding;                        /* pr_padding */
    int32_t exclude_padding;
} pr_pool_attrs;

#endif
