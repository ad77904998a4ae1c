#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/training/training_body.h"
