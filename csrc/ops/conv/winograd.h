/* 3x3 and 5x5 convolutions with stride 1 by Winograd's minimal filtering: a tile of m x m outputs of a k x k kernel costs
 * (m+k-1)² products for each pair of channels instead of (k m)².  Tiles of one block become (m+k-1)² matrix products with
 * the GEMM tile.
 *
 * Tiles of 4 x 4 (m = 4, k = 3): points of interpolation 0, ±√½, ±√2, ∞, whose products stay near 1, which keeps the
 * rounding error at one to three and a half times that of the direct sum.  The same points, and so the same transform of
 * the input, give m = 2, k = 5.  m = 2, k = 3: 0, ±1, ∞. */
#ifndef PR_OPS_WINOGRAD_H
#define PR_OPS_WINOGRAD_H

#include "ops/conv/conv_kernel.h"

/* Packed form: one GEMM matrix (C, O) per point, one after the other. */
#define PR_LAYOUT_WINOGRAD (4 << 24)                /* | m << 20 | layout of the GEMM matrices */
static inline int pr_winograd_m(int32_t layout) { return (layout & PR_LAYOUT_WINOGRAD) ? layout >> 20 & 15 : 0; }

#define PR_WINOGRAD_MOST 6                          /* cells of a tile's side, m + k - 1, at most */

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
    void (*input[2])(const pr_winograd_in *);       /* [0]: a side of 4, [1]: of 6 */
    void (*output[3])(const pr_winograd_out *);     /* [0]: m = 2 of 4, [1]: 4 of 6, [2]: 2 of 6 */
} pr_winograd_kernels;

/* Whether this is a convolution of stride 1 in one group for which there are tiles (of side m, or of any: 0). */
static inline bool pr_winograd_fits(const pr_conv_attrs *attrs, int m) {
    if (attrs->kernel.count != 2 || attrs->transposed || attrs->groups != 1) return false;
    const int k = attrs->kernel.at[0];
    for (int i = 0; i < 2; i++)
        if (attrs->kernel.at[i] != k || attrs->strides.at[i] != 1 || attrs->dilations.at[i] != 1) return false;
    return k == 3 ? m == 0 || m == 2 || m == 4 : k == 5 && (m == 0 || m == 2);
}
/* The m that is faster than the direct sum, or 0.  outputs: positions of an image, -1 for unknown (taken as many). */
int pr_winograd_choice(const pr_conv_attrs *attrs, int64_t channels, int64_t rows, int64_t columns);
/* Floats of the packed weight of a k x k kernel; -1: absurd. */
int64_t pr_winograd_packed_floats(const struct pr_gemm_kernel *gemm, int64_t channels, int64_t outputs, int m, int k);
/* w (O, C, k, k) -> packed.  PR_NO_MEMORY when there is none for one transformed matrix. */
pr_status pr_winograd_pack(pr_env *env, const float *w, int64_t outputs, int64_t channels, int m, int k, float *out);

int64_t pr_winograd_scratch(const pr_conv *conv, int m, int threads);       /* -1: absurd */
void pr_winograd(const pr_conv *conv, const struct pr_gemm_kernel *gemm, const pr_winograd_kernels *kernels, pr_pool *pool,
                 void *scratch);

#endif
