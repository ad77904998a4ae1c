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

/* The same with numbers of a prediction: x, begin, end, stride, begin mask, end mask, each f32 with one number per axis or
 * more.  A mask other than 0: from the natural start, to the natural end.  squeeze: one entry per axis; where it is not 0,
 * the element `begin` is taken and the axis dropped. */
typedef struct pr_slice_to_attrs { pr_dims squeeze; } pr_slice_to_attrs;

/* x, begin (one number, negative: from the end) -> `size` elements from there along `axis` */
typedef struct pr_slice_by_size_attrs { int32_t axis, size; } pr_slice_by_size_attrs;

typedef enum pr_pad_mode { PR_PAD_CONSTANT = 0, PR_PAD_REFLECT = 1, PR_PAD_EDGE = 2 } pr_pad_mode;

/* numpy.pad per axis; REFLECT does not repeat the edge and needs fewer cells than the axis has */
typedef struct pr_pad_attrs { int32_t mode; pr_dims before, after; float value; } pr_pad_attrs;

/* x, amounts (2 * rank: before and after for each axis) -> x padded with value; with to_size, an amount that is not 0 is the
 * size that the axis shall have, padded on that side; one of the two is 0, and an axis of that size or more stays. */
typedef struct pr_pad_to_attrs { int32_t to_size; float value; } pr_pad_to_attrs;

/* numpy.tile; repeats has the rank of x or more (leading 1s are added to x's shape) */
typedef struct pr_tile_attrs { pr_dims repeats; } pr_tile_attrs;
/* x, repeats (R): the same.  repeats: what is known of them, else -1. */
typedef struct pr_tile_to_attrs { pr_dims repeats; } pr_tile_to_attrs;

/* axis of L -> two axes ((L - size) / step + 1, size) */
typedef struct pr_windows_attrs { int32_t axis, size, step; } pr_windows_attrs;

/* x, lengths (B): along sequence_axis the first lengths[b] elements are reversed, b counting along batch_axis */
typedef struct pr_reverse_sequence_attrs { int32_t batch_axis, sequence_axis; } pr_reverse_sequence_attrs;

/* y[.., i, j] = x[.., i, j] where low <= j - i <= high, else 0 */
typedef struct pr_band_attrs { int32_t low, high; } pr_band_attrs;

/* Row-major strides of a view. */
static inline void pr_view_strides(const pr_view *v, int64_t *stride) {
    int64_t span = 1;
    for (int i = v->rank - 1; i >= 0; i--) stride[i] = span, span *= v->shape[i];
}

/* Python's slice.indices: first element and number of elements along an axis of n. */
int64_t pr_slice_axis(int64_t n, int64_t begin, int64_t end, int64_t stride, int64_t *first);

#endif
