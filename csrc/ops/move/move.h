/* Operators that move values and compute none: most are one strided copy. */
#ifndef PR_OPS_MOVE_H
#define PR_OPS_MOVE_H

#include "ops/ops.h"

/* x -> the same elements under `shape`; one entry may be -1 (inferred), 0 keeps the dimension at that
 * place, -2 - k keeps dimension k; no dimension is kept twice. */
typedef struct pr_reshape_attrs { pr_dims shape; } pr_reshape_attrs;

/* output dimension i is input dimension axes[i] */
typedef struct pr_transpose_attrs { pr_dims axes; } pr_transpose_attrs;

/* inputs agree off `axis` (0 .. rank-1) */
typedef struct pr_concat_attrs { int32_t axis; } pr_concat_attrs;

/* y = x[begin:end:stride] per axis with NumPy's rules for negative numbers and clipping; stride never 0.
 * end INT32_MAX: to the last element; end INT32_MIN with a negative stride: to the first. */
typedef struct pr_slice_attrs { pr_dims begin, end, stride; } pr_slice_attrs;

typedef enum pr_pad_mode { PR_PAD_CONSTANT = 0, PR_PAD_REFLECT = 1, PR_PAD_EDGE = 2 } pr_pad_mode;

/* numpy.pad per axis; REFLECT does not repeat the edge and needs fewer cells than the axis has */
typedef struct pr_pad_attrs { int32_t mode; pr_dims before, after; float value; } pr_pad_attrs;

/* numpy.tile; repeats has the rank of x or more (leading 1s are added to x's shape) */
typedef struct pr_tile_attrs { pr_dims repeats; } pr_tile_attrs;

#endif
