#include "base/vec_ref.h"
#define PR_LEVEL ref
#define PR_ROW_SPLIT 4
#include "ops/gemm/expand_body.h"
