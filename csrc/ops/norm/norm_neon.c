#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/norm/norm_body.h"
