#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/binary/binary_body.h"
