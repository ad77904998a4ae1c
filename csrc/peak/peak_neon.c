#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "peak/peak_body.h"
