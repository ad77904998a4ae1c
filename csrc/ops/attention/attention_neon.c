#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/attention/attention_body.h"
