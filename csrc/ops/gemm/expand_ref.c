#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/gemm/expand_body.h"
