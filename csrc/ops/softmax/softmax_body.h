/* Softmax on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined.
 * Sums run in lanes and then across them, in an order that depends on n only. */
#include <math.h>

#include "ops/level.h"
#include "ops/softmax/softmax.h"
#include "ops/unary/vec_math.h"

/* The last lanes of a row that ends early. */
static const float lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
PR_INLINE vf tail_or(const float *x, int n, float missing) {
    return vf_select(vf_lt(vf_load(lane_numbers), vf_set1((float)n)), vf_load_n(x, n), vf_set1(missing));
}

static void softmax_row(const float *x, float *y, int64_t n) {
    const int64_t whole = n / PR_VL * PR_VL;
    const int left = (int)(n - whole);
    const vf tail = left ? tail_or(x + whole, left, -INFINITY) : vf_set1(-INFINITY);
    vf top = tail, sum = vf_zero();
    for (int64_t i = 0; i < whole; i += PR_VL) top = vf_max(top, vf_load(x + i));
    const vf largest = vf_set1(vf_hmax(top));
    for (int64_t i = 0; i < whole; i += PR_VL) {
        const vf e = vf_exp_falling(vf_sub(vf_load(x + i), largest));
        vf_store(y + i, e);
        sum = vf_add(sum, e);
    }
    const vf last = vf_exp_falling(vf_sub(tail, largest));
    if (left) sum = vf_add(sum, last);
    const vf scale = vf_set1(1 / vf_hsum(sum));
    for (int64_t i = 0; i < whole; i += PR_VL) vf_store(y + i, vf_mul(vf_load(y + i), scale));
    if (left) vf_store_n(y + whole, vf_mul(last, scale), left);
}

/* PR_VL columns, or fewer. */
PR_INLINE void columns_of(const float *x, float *y, int64_t n, int64_t stride, int width) {
    vf top = vf_set1(-INFINITY), sum = vf_zero();
    for (int64_t i = 0; i < n; i++) top = vf_max(top, vf_load_n(x + i * stride, width));
    for (int64_t i = 0; i < n; i++) {
        const vf e = vf_exp_falling(vf_sub(vf_load_n(x + i * stride, width), top));
        vf_store_n(y + i * stride, e, width);
        sum = vf_add(sum, e);
    }
    const vf scale = vf_div(vf_set1(1), sum);
    for (int64_t i = 0; i < n; i++)
        vf_store_n(y + i * stride, vf_mul(vf_load_n(y + i * stride, width), scale), width);
}

static void softmax_columns(const float *x, float *y, int64_t n, int64_t stride, int64_t width) {
    int64_t j = 0;
    for (; j + PR_VL <= width; j += PR_VL) columns_of(x + j, y + j, n, stride, PR_VL);
    if (j < width) columns_of(x + j, y + j, n, stride, (int)(width - j));
}

const pr_softmax_kernels PR_LEVEL_NAME(pr_softmax) = {softmax_row, softmax_columns};
