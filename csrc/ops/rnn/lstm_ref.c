#include "base/vec_ref.h"
#define PR_LEVEL ref
#include "ops/rnn/lstm_body.h"
