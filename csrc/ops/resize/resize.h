/* Sampling an image on another grid, channels last. */
#ifndef PR_OPS_RESIZE_H
#define PR_OPS_RESIZE_H

#include "ops/ops.h"

typedef enum pr_resize_kind { PR_RESIZE_NEAREST = 0, PR_RESIZE_BILINEAR = 1 } pr_resize_kind;

/* Where output position i of N samples an axis of X cells; every grid is clamped to 0..X-1. */
typedef enum pr_resize_grid {
    PR_GRID_FLOOR = 0,               /* floor(i * X / N): nearest neighbour */
    PR_GRID_STRICT_ALIGN = 1,        /* i * (X-1)/(N-1); N = 1: 0 */
    PR_GRID_ALIGN = 2,               /* the same, but N = 1: (X-1)/2 */
    PR_GRID_UPSAMPLE = 3,            /* i * X/N */
    PR_GRID_ROI_ALIGN = 4,           /* (i + 1/2) * max(1, X-1)/N */
    PR_GRID_HALF_PIXEL = 5           /* (i + 1/2) * X/N - 1/2 */
} pr_resize_grid;

/* x (..., H, W, C) -> y (..., OH, OW, C).  size: OH, OW, or empty; then OH = floor(H * factor[0]), OW likewise. */
typedef struct pr_resize_attrs {
    int32_t kind, grid;
    pr_dims size;
    float factor[2];
} pr_resize_attrs;

#endif
