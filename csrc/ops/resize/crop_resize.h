/* Boxes of an image, each sampled on a grid of its own, channels last.  NeuralNetwork.proto, CropResizeLayerParams. */
#ifndef PR_OPS_CROP_RESIZE_H
#define PR_OPS_CROP_RESIZE_H

#include "ops/resize/resize.h"

typedef enum pr_box_mode {
    PR_BOX_CORNERS_HEIGHT_FIRST = 0,        /* y0, x0, y1, x1 */
    PR_BOX_CORNERS_WIDTH_FIRST = 1,         /* x0, y0, x1, y1 */
    PR_BOX_CENTER_HEIGHT_FIRST = 2,         /* centre y, x, height, width */
    PR_BOX_CENTER_WIDTH_FIRST = 3,          /* centre x, y, width, height */
    PR_BOX_COUNT
} pr_box_mode;

/* x (..., H, W, C): B images   boxes (N, 4): y (N, B, OH, OW, C), or (N, 5) with an image's number first: y (N, 1, OH, OW, C)
 * Coordinates are times (H-1, W-1) when normalized, and then times scale.  A grid of pr_resize_grid spans the closed
 * interval from one end of the box to the other, backwards where the second end is the smaller one; points outside the
 * image are moved to its border. */
typedef struct pr_crop_resize_attrs {
    int32_t grid, mode, normalized;         /* pr_resize_grid STRICT_ALIGN .. ROI_ALIGN; pr_box_mode */
    float scale;
    pr_dims size;                           /* OH, OW */
} pr_crop_resize_attrs;

/* The ends of a box on one axis, in cells. */
typedef struct pr_box_side { double from, to; } pr_box_side;
/* box: its four numbers.  cells: of that axis of the image. */
pr_box_side pr_box_side_of(const pr_crop_resize_attrs *attrs, const float *box, bool is_width, int64_t cells);
/* Point i of n of the grid over a side, on an axis of x cells. */
pr_resize_tap pr_box_point_at(int grid, pr_box_side side, int64_t i, int64_t n, int64_t x);

#endif
