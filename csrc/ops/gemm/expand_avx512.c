#include "base/vec_avx512.h"
#define PR_LEVEL avx512
#define PR_ROW_SPLIT 4
#include "ops/gemm/expand_body.h"
