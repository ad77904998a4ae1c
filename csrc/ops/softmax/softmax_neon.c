#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/softmax/softmax_body.h"
