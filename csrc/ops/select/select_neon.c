#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/select/select_body.h"
