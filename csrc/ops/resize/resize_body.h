/* Bilinear sampling on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include <string.h>

#include "ops/level.h"
#include "ops/resize/resize.h"

PR_INLINE vf mixed(vf a, vf b, vf part) { return vf_fma(part, vf_sub(b, a), a); }

static void blend(const float *a, const float *b, float part, float *y, int64_t n) {
    const vf p = vf_set1(part);
    int64_t i = 0;
    for (; i + PR_VL <= n; i += PR_VL) vf_store(y + i, mixed(vf_load(a + i), vf_load(b + i), p));
    if (i < n) vf_store_n(y + i, mixed(vf_load_n(a + i, (int)(n - i)), vf_load_n(b + i, (int)(n - i)), p), (int)(n - i));
}

/* c >= PR_VL: the last vector of a pixel overlaps the one before, which costs less than a store in parts. */
static void stretch_wide(const float *row, const pr_resize_tap *tap, int64_t taps, float *y, int64_t c, int64_t y_row) {
    for (int64_t i = 0; i < taps; i++, y += y_row) {
        const float *a = row + tap[i].low * c, *b = row + tap[i].high * c;
        const vf part = vf_set1(tap[i].part);
        if (tap[i].part == 0) {
            memcpy(y, a, (size_t)c * sizeof(float));
            continue;
        }
        for (int64_t j = 0; j + PR_VL <= c; j += PR_VL) vf_store(y + j, mixed(vf_load(a + j), vf_load(b + j), part));
        const int64_t end = c - PR_VL;
        if (c % PR_VL) vf_store(y + end, mixed(vf_load(a + end), vf_load(b + end), part));
    }
}

static void stretch_narrow(const float *row, const pr_resize_tap *tap, int64_t taps, float *y, int64_t c, int64_t y_row) {
    for (int64_t i = 0; i < taps; i++, y += y_row) {
        const float *a = row + tap[i].low * c, *b = row + tap[i].high * c, part = tap[i].part;
        for (int64_t j = 0; j < c; j++) y[j] = part == 0 ? a[j] : __builtin_fmaf(part, b[j] - a[j], a[j]);
    }
}

static void stretch(const float *row, const pr_resize_tap *tap, int64_t taps, float *y, int64_t c, int64_t y_row) {
    (c < PR_VL ? stretch_narrow : stretch_wide)(row, tap, taps, y, c, y_row);
}

const pr_resize_kernels PR_LEVEL_NAME(pr_resize) = {blend, stretch};
