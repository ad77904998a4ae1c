#include "base/vec_avx2.h"
#define PR_LEVEL avx2
#include "ops/attention/attention_body.h"
