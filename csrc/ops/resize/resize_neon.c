#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/resize/resize_body.h"
