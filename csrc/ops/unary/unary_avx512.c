#include "base/vec_avx512.h"
#define PR_LEVEL avx512
#include "ops/unary/unary_body.h"
