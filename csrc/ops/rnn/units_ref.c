#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/rnn/units_body.h"
