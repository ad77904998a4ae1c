#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/gemm/matmul_body.h"
