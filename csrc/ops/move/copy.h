/* The one inner loop of operators that move values: a strided copy in up to 16 dimensions. */
#ifndef PR_OPS_MOVE_COPY_H
#define PR_OPS_MOVE_COPY_H

#include "ops/ops.h"

enum { PR_COPY_RANK = 2 * PR_MAX_RANK };     /* tile has two dimensions per axis: the repeat and the axis */

/* to[sum of i * to] = from[sum of i * from].  Strides count elements; `from` may repeat (0) or run backwards. */
typedef struct pr_copy {
    int rank;
    int64_t size[PR_COPY_RANK], to[PR_COPY_RANK], from[PR_COPY_RANK];
} pr_copy;

/* Row-major strides of the sizes for the target. */
void pr_copy_dense_target(pr_copy *copy);
/* element_bytes: 1 or 4.  Threads share the work. */
void pr_copy_run(pr_env *env, const pr_copy *copy, const void *from, void *to, size_t element_bytes);

/* Values of 4 bytes whatever their type. */
typedef uint32_t __attribute__((may_alias)) pr_word;

/* to[r * to_row + c] = from[c * from_row + r] for r < rows, c < columns */
typedef struct pr_copy_kernels {
    void (*transpose)(const pr_word *from, int64_t from_row, pr_word *to, int64_t to_row, int64_t rows, int64_t columns);
} pr_copy_kernels;

#endif
