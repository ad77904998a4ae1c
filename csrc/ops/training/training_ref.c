#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/training/training_body.h"
