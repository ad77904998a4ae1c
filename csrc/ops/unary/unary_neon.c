#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/unary/unary_body.h"
