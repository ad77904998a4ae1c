#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/rnn/gates_body.h"
