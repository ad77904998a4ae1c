#include "base/vec_neon.h"
#include "ops/pool/pool_body.h"

void pr_pool_f32__neon(const pr_pool_args *p, int64_t row, int64_t from, int64_t to) { pr_pool_row(p, row, from, to); }
