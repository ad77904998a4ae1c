/* What a level gives: tiles of 1.. rows by 1.. vectors.  Rows of gemm.def become pr_gemm_kernels. */
#ifndef PR_OPS_GEMM_KERNEL_H
#define PR_OPS_GEMM_KERNEL_H

#include "base/isa.h"
#include "ops/gemm/gemm.h"

#define PR_GEMM_VECTORS 4                   /* widest tile of any level */
#define PR_GEMM_ROWS 14                     /* highest */
#define PR_GEMM_FEW 3                       /* rows of a whole product, at most, where the wait for B counts */
#define PR_GEMM_STRADDLE 6                  /* highest whose rows may go on in the next line of the image */

/* A tile of mr rows and nv vectors; `lanes` columns (1 .. PR_VL) of the last vector exist in memory.
 * a: first row; b: panel of nv vectors per depth; bias (or NULL) and residual (or NULL), c: at the tile's first column.
 * left: rows until the image's next line begins; PR_NO_LINE when all lie in one line.
 * ahead: read into the second-level cache on the way, one line per depth; its bytes are never looked at. */
typedef void pr_gemm_tile(const pr_gemm_args *g, const float *a, const float *b, const float *bias,
                          const float *residual, float *c, int lanes, int64_t left,
                          const float *ahead);
#define PR_NO_LINE INT64_MAX
typedef pr_gemm_tile *pr_gemm_tiles[PR_GEMM_VECTORS + 1][PR_GEMM_ROWS + 1];

/* `tiles` full tiles of the usual panel, one below the other in one line: where a level has it, the work around a tile is
 * done once for all of them.  Reads and writes what so many calls of the tile would. */
typedef void pr_gemm_stack(const pr_gemm_args *g, const float *a, const float *b, const float *bias, const float *residual,
                         float *c, int64_t tiles);
#define PR_GEMM_STACK_ref NULL
#define PR_GEMM_STACK_avx2 NULL
#define PR_GEMM_STACK_avx512 NULL
#define PR_GEMM_STACK_neon pr_gemm_stack__neon
PR_ROW_neon(pr_gemm_stack pr_gemm_stack__neon;)
#define PR_GEMM_STACK_a53 pr_gemm_stack__a53
PR_ROW_a53(pr_gemm_stack pr_gemm_stack__a53;)

typedef struct pr_gemm_kernel {
    const char *name;
    uint32_t level;                         /* a bit of isa.h */
    int lanes, panel, most;
    int rows[PR_GEMM_VECTORS + 1];          /* by vectors; 0: no such tile */
    const pr_gemm_tiles *tiles;             /* [vectors][rows] */
    pr_gemm_stack *stack;                       /* or NULL */
} pr_gemm_kernel;

#define PR_GEMM(type, level, ...) PR_ROW_##level(extern const pr_gemm_tiles pr_gemm_##type##__##level;)
#include "ops/gemm/gemm.def"
#undef PR_GEMM

extern const pr_gemm_kernel pr_gemm_kernels[];
extern const int pr_gemm_kernel_count;
const pr_gemm_kernel *pr_gemm_select(uint32_t levels);

/* Checks what stands behind x and w in convolution and dense layers: bias (n) and residual (shape of y), where asked for. */
pr_status pr_check_addends(pr_env *env, const pr_view *in, int inputs, bool bias, bool residual, int64_t n,
                           const pr_view *y);

/* One panel of pr_gemm_pack_steps: n columns, of which `real` exist. */
void pr_gemm_pack_panel(const float *b, const pr_gemm_steps *steps, ptrdiff_t stride_n, int64_t real, int64_t n, float *out);
/* pr_gemm_pack_matrix, its panels shared out to threads. */
void pr_gemm_pack_threads(const pr_gemm_kernel *kernel, pr_pool *pool, const float *b, ptrdiff_t stride_k, ptrdiff_t stride_n,
                          int64_t depth, int64_t columns, float *out);

/* Vectors of the panel that begins after `done` of `total` vectors. */
static inline int64_t pr_gemm_panel(const pr_gemm_kernel *kernel, int64_t total, int64_t done) {
    int64_t rest = total % kernel->panel;
    if (done || !rest) return kernel->panel;
    return total > kernel->panel && rest + kernel->panel <= kernel->most ? rest + kernel->panel : rest;
}

#endif
