#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/reduce/reduce_body.h"
