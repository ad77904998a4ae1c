/* The packed form of LSTM, for gates that are sigmoids and blocks and outputs that are tanh. */
#ifndef PR_OPS_RNN_LSTM_H
#define PR_OPS_RNN_LSTM_H

#include "ops/rnn/rnn.h"

enum { PR_LSTM_LARGEST = 1 << 20 };         /* of inputs and outputs: keeps every product of them in 64 bits */

/* Shapes of packed w, r and bias, and the scratch: the part of infer and run for layouts other than 0.
 * out: h and c hold the states to start with. */
pr_status pr_lstm_packed_check(pr_env *env, const pr_view *in);
void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out);

#endif
