#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/conv/winograd_body.h"
