#include "base/vec_neon.h"
#define PR_LEVEL neon
#define PR_ROW_SPLIT 1
#include "ops/gemm/expand_body.h"
