/* What a level gives to pooling. */
#ifndef PR_OPS_POOL_KERNEL_H
#define PR_OPS_POOL_KERNEL_H

#include "base/isa.h"
#include "ops/conv/window.h"
#include "ops/pool/pool.h"

/* One image.  x (D, H, W, C)   y (OD, OH, OW, C) */
typedef struct pr_pool_args {
    const float *x;
    float *y;
    pr_axis d, h, v;                        /* d: planes, h: rows, v: columns */
    int64_t channels, y_pixel;              /* y_pixel: floats from pixel to pixel of y */
    int32_t kind;                           /* pr_pool_kind */
    bool real_cells_only;                   /* average: divide by the cells that are not padding */
} pr_pool_args;

/* Output row `row`, counted through the planes, channels from .. to-1.  A window of padding only gives 0, and -infinity
 * for MAX. */
typedef void pr_pool_fn(const pr_pool_args *p, int64_t row, int64_t from, int64_t to);

typedef struct pr_pool_kernel {
    const char *name;
    uint32_t level;
    int lanes;
    pr_pool_fn *row;
} pr_pool_kernel;

#define PR_POOL(type, level, lanes) PR_ROW_##level(extern pr_pool_fn pr_pool_##type##__##level;)
#include "ops/pool/pool.def"
#undef PR_POOL

extern const pr_pool_kernel pr_pool_kernels[];
extern const int pr_pool_kernel_count;
const pr_pool_kernel *pr_pool_select(uint32_t levels);

#endif
