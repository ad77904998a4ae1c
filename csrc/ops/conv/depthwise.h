/* Depthwise convolution: each channel has its own kernel, so vectors run over channels. */
#ifndef PR_OPS_DEPTHWISE_H
#define PR_OPS_DEPTHWISE_H

#include "base/isa.h"
#include "ops/conv/window.h"

/* One image.  x (H, W, C), or its last `ring` rows: row r at place r % ring; 0: all of it.  
 * bias (C) or NULL   residual, y (OH, OW, C), residual may be NULL.  Rows and pixels are *_line and *_pixel floats apart.
 * w: blocks of as many channels as a vector has, in a block tap after tap.  Where channels are left over, the last block is
 * that of the last channels and shares some with the one before; if there are fewer than in a vector, zeros follow. */
typedef struct pr_depthwise_args {
    const float *x, *w, *bias, *residual;
    float *y;
    pr_axis h, v;                           /* h: rows, v: columns */
    int64_t channels, ring;
    ptrdiff_t x_line, x_pixel, y_line, y_pixel;
    pr_activation activation;
} pr_depthwise_args;

#define PR_DW_COLUMNS 4                     /* outputs of a tile */
#define PR_DW_ITEM 4                        /* rows of a work item */

/* Channels in all blocks of the weights, those that two have in common twice. */
static inline int64_t pr_depthwise_padded(int lanes, int64_t channels) { return (channels + lanes - 1) / lanes * lanes; }

/* Output rows row .. row+rows-1 (at most PR_DW_ITEM), channels from .. to-1. */
typedef void pr_depthwise_fn(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to);

typedef struct pr_depthwise_kernel {
    const char *name;
    uint32_t level;
    int lanes;
    pr_depthwise_fn *rows;
} pr_depthwise_kernel;

#define PR_DEPTHWISE(type, level, lanes) PR_ROW_##level(extern pr_depthwise_fn pr_depthwise_##type##__##level;)
#include "ops/conv/depthwise.def"
#undef PR_DEPTHWISE

extern const pr_depthwise_kernel pr_depthwise_kernels[];
extern const int pr_depthwise_kernel_count;
const pr_depthwise_kernel *pr_depthwise_select(uint32_t levels);

void pr_depthwise(const pr_depthwise_kernel *kernel, pr_pool *pool, const pr_depthwise_args *args);

#endif
