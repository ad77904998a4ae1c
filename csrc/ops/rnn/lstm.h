/* The packed form of LSTM.
 *
 * w (4, H, I) becomes the right side of one product that makes the gates of many steps from their inputs; r (4, H, H)
 * becomes panels of units (units.h). */
#ifndef PR_OPS_RNN_LSTM_H
#define PR_OPS_RNN_LSTM_H

#include "ops/rnn/recurrent.h"

enum { PR_LSTM_X, PR_LSTM_H, PR_LSTM_C, PR_LSTM_W, PR_LSTM_R, PR_LSTM_BIAS, PR_LSTM_PEEPHOLES };   /* inputs */

/* Shapes of packed w, r and bias, and the scratch: the part of infer and run for layouts other than 0.
 * out: h and c hold the states to start with. */
pr_status pr_lstm_packed_check(pr_env *env, const pr_view *in);
void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out);

#endif
