/* The few of many boxes that overlap little.  NeuralNetwork.proto, NonMaximumSuppressionLayerParams. */
#ifndef PR_OPS_NMS_H
#define PR_OPS_NMS_H

#include "ops/ops.h"

/* boxes (B, N, 4): centre x, centre y, width, height   scores (B, N, C)   iou threshold, score threshold, M: one number each
 *   ->   boxes (B, M, 4)   scores (B, M, C)   indices (B, M)   count (B)
 * A box scores the largest of its class scores.  Boxes that score less than the threshold fall out; of the rest, highest
 * first (of equal ones the first in the list), a box stays unless one that stayed overlaps it by more than the iou threshold;
 * with per_class, only one whose highest class is the same counts.  At most M stay; the rest of the rows is 0, of
 * indices -1.  When the score threshold leaves none, the highest box of all stays. */
typedef struct pr_nms_attrs { int32_t per_class; } pr_nms_attrs;

#endif
