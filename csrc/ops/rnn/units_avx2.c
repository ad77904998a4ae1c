#include "base/vec_avx2.h"
#define PR_LEVEL avx2
#include "ops/rnn/units_body.h"
