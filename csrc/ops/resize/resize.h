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
    PR_GRID_HALF_PIXEL = 5,          /* (i + 1/2) * X/N - 1/2 */
    PR_GRID_COUNT
} pr_resize_grid;

/* x (..., H, W, C) -> y (..., OH, OW, C).  size: OH, OW, or empty; then OH = floor(H * factor[0]), OW likewise, with the
 * product in float: 50 * 1.66f is 83 there, and a hair less in double.
 * NEAREST takes the cell below the grid's position. */
typedef struct pr_resize_attrs {
    int32_t kind, grid;
    pr_dims size;
    float factor[2];
} pr_resize_attrs;

/* Position on an axis: (1 - part) * cell[low] + part * cell[high]. */
typedef struct pr_resize_tap {
    int64_t low, high;
    float part;
} pr_resize_tap;

/* Position of output cell i of n on an axis of x cells. */
pr_resize_tap pr_resize_tap_at(int kind, int grid, int64_t i, int64_t n, int64_t x);

typedef struct pr_resize_kernels {
    /* y = (1 - part) * a + part * b over n numbers */
    void (*blend)(const float *a, const float *b, float part, float *y, int64_t n);
    /* y (taps, c), its rows y_row apart: the same between cells low and high of row (.., c) */
    void (*stretch)(const float *row, const pr_resize_tap *tap, int64_t taps, float *y, int64_t c, int64_t y_row);
} pr_resize_kernels;

#endif
