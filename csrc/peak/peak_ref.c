#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "peak/peak_body.h"
