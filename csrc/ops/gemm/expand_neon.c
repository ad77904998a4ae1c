#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/gemm/expand_body.h"
