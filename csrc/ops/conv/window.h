/* Where windows lie on one axis of an image: convolution and pooling. */
#ifndef PR_OPS_WINDOW_H
#define PR_OPS_WINDOW_H

#include "ops/conv/conv.h"

/* Output position o reads the cells o*stride - before + i*dilation, i = 0 .. kernel-1; those outside 0 .. size-1 are
 * padding, of which `past` cells lie behind the image.  Transposed: cell h adds to the outputs h*stride - before +
 * i*dilation that exist.  size and out are -1 where unknown. */
typedef struct pr_axis {
    int64_t size, kernel, stride, dilation, before, past, out;
} pr_axis;

/* The axes of an image: depth, height, width; one of two axes has a depth of 1. */
enum { PR_DEPTH, PR_HEIGHT, PR_WIDTH, PR_SPATIAL };

/* The numbers of a layer: two of each, height first, or three, depth first; dilations NULL for 1. */
typedef struct pr_windows {
    const pr_dims *kernel, *strides, *dilations, *pads_begin, *pads_end;
    int32_t padding;                        /* pr_padding */
    bool transposed;
    const pr_dims *size;                    /* of the output of a transposed convolution; NULL or empty: from the padding */
} pr_windows;

/* Refuses what cannot be: wrong counts, zero strides, negative padding, absurd numbers, no output.  The image's axes
 * are those before x's last one. */
pr_status pr_window_axes(pr_env *env, const pr_windows *windows, const pr_view *x, pr_axis axes[PR_SPATIAL]);
/* Puts the outputs' sizes where x has its own; `spatial` axes. */
void pr_window_shape(const pr_axis axes[PR_SPATIAL], int spatial, pr_view *out);

static inline int64_t pr_span(const pr_axis *a) { return (a->kernel - 1) * a->dilation + 1; }
/* First cell of the window of output o; negative inside the padding. */
static inline int64_t pr_origin(const pr_axis *a, int64_t o) { return o * a->stride - a->before; }
/* The taps from..to-1 of the window of output o that lie on real cells. */
static inline void pr_taps(const pr_axis *a, int64_t o, int64_t *from, int64_t *to) {
    int64_t first = pr_origin(a, o), end = a->size - first;
    *from = first < 0 ? (-first + a->dilation - 1) / a->dilation : 0;
    *to = end <= 0 ? 0 : (end + a->dilation - 1) / a->dilation;
    if (*to > a->kernel) *to = a->kernel;
    if (*from > *to) *from = *to;
}

#endif
