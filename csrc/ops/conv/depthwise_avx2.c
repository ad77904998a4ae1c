#include "base/vec_avx2.h"
#include "ops/conv/depthwise_body.h"

void pr_depthwise_f32__avx2(const pr_depthwise_args *d, int64_t row, int rows, int64_t from, int64_t to) {
    pr_depthwise_rows(d, row, rows, from, to);
}
