/* Weights that stay compressed: panels of small numbers, expanded one at a time right before the tile reads them. */
#ifndef PR_OPS_CODES_H
#define PR_OPS_CODES_H

#include "ops/ops.h"

/* How a number of the weight is stored.  Linear ones are scale[column] * code + bias[column], rounded after each step as
 * when a file is expanded; tables are one for the whole weight.  Bits 28..30 of a layout; 0: floats. */
typedef enum pr_code_form {
    PR_CODES_NONE, PR_CODES_F16, PR_CODES_LINEAR8, PR_CODES_LINEAR4, PR_CODES_LINEAR2, PR_CODES_TABLE8, PR_CODES_TABLE4,
    PR_CODES_TABLE2, PR_CODES_COUNT
} pr_code_form;
#define PR_CODES_SHIFT 28
static inline int pr_codes_form(int32_t layout) { return layout >> PR_CODES_SHIFT & 7; }
static inline int32_t pr_codes_panels(int32_t layout) { return layout & ((1 << PR_CODES_SHIFT) - 1); }

struct pr_gemm_kernel;

/* A constant of bytes: scales and biases of the columns, rounded up to whole vectors, or the table; then the codes in the
 * order of the panels of gemm, of less than a byte the first ones in the low bits. */
typedef struct pr_codes {
    int form;
    const float *scale, *bias;              /* or the table and NULL */
    const uint8_t *bytes;
    const struct pr_expand_kernels *kernels;
    float *room;                            /* one panel for each thread */
} pr_codes;

typedef struct pr_expand_kernels {
    /* [form]: depth * n numbers of a panel of n columns, a multiple of the level's lanes */
    void (*panel[PR_CODES_COUNT])(const uint8_t *codes, const float *scale, const float *bias, int64_t depth, int64_t n, float *out);
    /* A product of one row adds up its depth in `split` equal parts.  sums[i][n] += sum over p of a[i*a_part + p] * b[i][p][n],
     * i < parts, p < depth; parts is split or 1.  The same roundings as the level's tile of one row. */
    int split;
    void (*row_sums)(const float *a, ptrdiff_t a_part, const float *b, int64_t depth, int64_t n, int parts, float *sums);
} pr_expand_kernels;
#define PR_CODES_SPLIT 4
#define PR_CODES_PIECE 4096                 /* floats that stay in the first-level cache between expanding and reading */

/* Bytes of such a constant; -1: absurd. */
int64_t pr_codes_bytes(const struct pr_gemm_kernel *kernel, int form, int64_t depth, int64_t columns);
/* Floats of room of one thread. */
int64_t pr_codes_room(const struct pr_gemm_kernel *kernel, int64_t depth);
pr_codes pr_codes_of(const struct pr_kernels *kernels, int form, int64_t columns, const void *constant, float *room);
int64_t pr_codes_offset(int form, int64_t numbers);
/* Refuses a constant of another type or length. */
pr_status pr_check_codes(pr_env *env, int form, const pr_view *w, int64_t depth, int64_t columns);

#endif
