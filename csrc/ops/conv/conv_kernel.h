/* What the files of this family tell each other. */
#ifndef PR_OPS_CONV_KERNEL_H
#define PR_OPS_CONV_KERNEL_H

#include "ops/conv/window.h"

struct pr_gemm_kernel;
struct pr_kernels;

/* A convolution with its shapes resolved.  x (images, D, H, W, C)   y (images, OD, OH, OW, O) */
typedef struct pr_conv {
    const pr_conv_attrs *attrs;
    const float *x, *w, *bias, *residual;
    float *y;
    pr_axis axis[PR_SPATIAL];
    int64_t images, channels;               /* C */
    int64_t y_pixel;                        /* floats from pixel to pixel of y, and of the residual */
    const struct pr_codes *codes;           /* the weight, when it is compressed */
} pr_conv;

/* Packed forms: the panels of gemm (one matrix per group and class of taps, depth in the order of taps, then channels), or
 * for depthwise convolution of images the blocks of depthwise.h. */
#define PR_LAYOUT_DEPTHWISE (2 << 24)       /* | lanes of the kernel */
/* One GEMM matrix of the kernel's height and channels by the taps of a row and outputs: conv_few.c. */
#define PR_LAYOUT_FEW (8 << 24)                     /* | layout of the GEMM matrix */
/* Asks pack for the panels of gemm where another form would be faster: codes have only those. */
#define PR_LAYOUT_DIRECT (-1)

static inline bool pr_is_depthwise(const pr_conv_attrs *attrs, int64_t channels_per_group) {
    return attrs->groups > 1 && attrs->groups == attrs->outputs && channels_per_group == 1 && attrs->kernel.count == 2;
}

/* The outputs of one axis that use the same taps.  A convolution has one phase.  In a transposed one the outputs `stride`
 * apart share taps, and each such phase is a plain convolution with stride 1 of its own: nothing is scattered, and no zero
 * is multiplied.
 * Outputs are first, first + step, ..: `count` of them.  Taps are tap, tap + tap_step, ..: `taps` of them, in the order of
 * the cells they meet: output i and tap t meet cell origin + i*advance + t*spread. */
typedef struct pr_phase {
    int64_t first, step, count;
    int64_t tap, tap_step, taps;
    int64_t origin, advance, spread;
    int64_t before;                         /* taps of earlier classes, which are packed before this one's */
} pr_phase;

/* Phases of an axis whose sizes are known. */
int64_t pr_phases(const pr_conv_attrs *attrs, const pr_axis *axis);
pr_phase pr_phase_at(const pr_conv_attrs *attrs, const pr_axis *axis, int64_t i);
/* The taps of a class: those that one phase uses.  Classes do not depend on sizes, only tap, tap_step and taps are set. */
int64_t pr_tap_classes(const pr_conv_attrs *attrs, int axis);
pr_phase pr_tap_class(const pr_conv_attrs *attrs, int axis, int64_t i);
/* Number `axis` (PR_DEPTH ..) of a list of two or three, or 1. */
static inline int64_t pr_at_axis(const pr_dims *dims, int axis) {
    int i = axis - (PR_SPATIAL - dims->count);
    return i < 0 ? 1 : dims->at[i];
}

/* All triples of classes or phases: the callback gets them with depth outermost. */
typedef struct pr_taps3 { pr_phase at[PR_SPATIAL]; } pr_taps3;
static inline int64_t pr_taps_count(const pr_taps3 *p) { return p->at[0].taps * p->at[1].taps * p->at[2].taps; }

/* Bytes of scratch of pr_conv_gemm; -1: absurd. */
int64_t pr_conv_gemm_scratch(const pr_conv *conv);
void pr_conv_gemm(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, void *scratch);
/* A convolution with few outputs: whether it can go that way, and whether that is faster; scratch and floats -1: absurd. */
bool pr_few_fits(const pr_conv_attrs *attrs);
bool pr_few_pays(const struct pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, int64_t channels);
int64_t pr_few_packed_floats(const struct pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, int64_t channels);
void pr_few_pack(const struct pr_gemm_kernel *gemm, const pr_conv_attrs *attrs, const float *w, int64_t channels, float *room, float *out);
int64_t pr_few_scratch(const pr_conv *conv, int threads);
void pr_conv_few(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, void *scratch);
void pr_conv_depthwise(const pr_conv *conv, const struct pr_kernels *kernels, pr_pool *pool);

/* Floats of the packed weight of an input with `depth` channels per group; -1: absurd. */
int64_t pr_conv_packed_floats(const struct pr_kernels *kernels, const pr_conv_attrs *attrs, int64_t depth);
void pr_conv_pack_weight(const struct pr_kernels *kernels, const pr_conv_attrs *attrs, const float *w, int64_t depth, float *out);

#endif
