#include "base/vec_ref.h"
#include "ops/pool/pool_body.h"

void pr_pool_f32__ref(const pr_pool_args *p, int64_t row, int64_t from, int64_t to) { pr_pool_row(p, row, from, to); }
