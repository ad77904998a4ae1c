#include "base/vec_avx2.h"
#define PR_LEVEL avx2
#define PR_ROW_SPLIT 4
#include "ops/gemm/expand_body.h"
