#include "base/vec_avx512.h"
#define PR_LEVEL avx512
#include "ops/rnn/units_body.h"
