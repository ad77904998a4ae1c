#include "base/vec_neon.h"
#define PR_LEVEL neon
#include "ops/rnn/lstm_body.h"
