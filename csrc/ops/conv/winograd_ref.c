#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/conv/winograd_body.h"
