/* 3x3 convolution with stride 1 by Winograd's minimal filtering: a tile of m x m outputs costs (m+2)² products for each
 * pair of channels instead of 9 m².  Tiles of one block become (m+2)² matrix products with the GEMM tile.
 *
 * Points of interpolation: 0, ±√½, ±√2, ∞ for m = 4 (their products stay near 1, which keeps the rounding error at one to
 * three and a half times that of the direct sum); 0, ±1, ∞ for m = 2. */
#ifndef PR_OPS_WINOGRAD_H
#define PR_OPS_WINOGRAD_H

#include "ops/conv/conv_kernel.h"

/* Packed form: one GEMM matrix (C, O) per point, one after the other. */
#define PR_LAYOUT_WINOGRAD (4 << 24)                /* | m << 20 | layout of the GEMM matrices */
static inline int pr_winograd_m(int32_t layout) { return (layout & PR_LAYOUT_WINOGRAD) ? layout >> 20 & 15 : 0; }

#define PR_WINOGRAD_MOST 6                          /* cells of a tile's side, m + 2, at most */

/* One tile's input, transformed.  Cell (i, j) of the tile is at image + at + i*line + j*channels; cells outside
 * rows[0] <= i < rows[1], columns[0] <= j < columns[1] count as 0 and are not touched.  Point p goes to u + p*stride,
 * `channels` floats and up to a whole vector. */
typedef struct pr_winograd_in {
    const float *image;
    ptrdiff_t at, line;
    int64_t channels;
    int rows[2], columns[2];
    float *u;
    ptrdiff_t stride;
} pr_winograd_in;
/* One tile's outputs: point p is at products + p*stride.  The tile's rows x columns first outputs exist. */
typedef struct pr_winograd_out {
    const float *products;
    ptrdiff_t stride;
    int64_t channels;
    const float *bias, *residual;                   /* or NULL; residual lies as y does */
    float *y;
    ptrdiff_t line, pixel;                          /* of y and residual */
    int rows, columns;
    const pr_activation *activation;
} pr_winograd_out;

typedef struct pr_winograd_kernels {
    void (*input[2])(const pr_winograd_in *);       /* [0]: m = 2, [1]: m = 4 */
    void (*output[2])(const pr_winograd_out *);
} pr_winograd_kernels;

/* Whether this is a 3x3 convolution of stride 1 in one group. */
static inline bool pr_winograd_fits(const pr_conv_attrs *attrs) {
    if (attrs->kernel.count != 2 || attrs->transposed) return false;
    for (int i = 0; i < 2; i++)
        if (attrs->kernel.at[i] != 3 || attrs->strides.at[i] != 1 || attrs->dilations.at[i] != 1) return false;
    return attrs->groups == 1;
}
/* The m that is faster than the direct sum, or 0.  outputs: positions of an image, -1 for unknown (taken as many). */
int pr_winograd_choice(const pr_conv_attrs *attrs, int64_t channels, int64_t rows, int64_t columns);
int64_t pr_winograd_packed_floats(const struct pr_gemm_kernel *gemm, int64_t channels, int64_t outputs, int m);   /* -1: absurd */
/* w (O, C, 3, 3) -> packed.  PR_NO_MEMORY when there is none for one transformed matrix. */
pr_status pr_winograd_pack(pr_env *env, const float *w, int64_t outputs, int64_t channels, int m, float *out);

int64_t pr_winograd_scratch(const pr_conv *conv, int m, int threads);       /* -1: absurd */
void pr_winograd(const pr_conv *conv, const struct pr_gemm_kernel *gemm, const pr_winograd_kernels *kernels, pr_pool *pool,
                 void *scratch);

#endif
