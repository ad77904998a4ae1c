#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/rnn/units_body.h"
