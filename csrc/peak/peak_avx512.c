#include "base/vec_avx512.h"
#define PR_LEVEL avx512
#include "peak/peak_body.h"
