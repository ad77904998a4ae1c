#include "base/vec_avx512.h"
#include "ops/pool/pool_body.h"

void pr_pool_f32__avx512(const pr_pool_args *p, int64_t row, int64_t from, int64_t to) { pr_pool_row(p, row, from, to); }
