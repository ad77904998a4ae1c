/* Updates written into a copy of x at the places that an index tensor says, in the order of the indices: of two updates of
 * one element UPDATE keeps the later, the others take both.  The answer does not depend on the number of threads. */
#ifndef PR_OPS_SCATTER_H
#define PR_OPS_SCATTER_H

#include "ops/ops.h"

/* ScatterMode: y = u, y + u, y - u, y * u, y / u, the larger, the smaller */
typedef enum pr_scatter_mode {
    PR_SCATTER_UPDATE = 0, PR_SCATTER_ADD = 1, PR_SCATTER_SUB = 2, PR_SCATTER_MUL = 3, PR_SCATTER_DIV = 4,
    PR_SCATTER_MAX = 5, PR_SCATTER_MIN = 6
} pr_scatter_mode;

/* x, index (I..), updates (x before axis, I.., x behind axis).  Indices as in gather.h. */
typedef struct pr_scatter_attrs { int32_t mode, axis; } pr_scatter_attrs;

/* x, index (.., K), updates (.., rest of x): index[..., :] points into the first K axes of x */
typedef struct pr_scatter_nd_attrs { int32_t mode; } pr_scatter_nd_attrs;

/* x, index and updates of one shape, equal to x off `axis` */
typedef struct pr_scatter_along_attrs { int32_t mode, axis; } pr_scatter_along_attrs;

#endif
