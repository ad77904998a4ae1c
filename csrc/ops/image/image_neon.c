#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/image/image_body.h"
