/* The packed form of LSTM.
 *
 * w (4, H, I) becomes the right side of one product that makes the gates of many steps from their inputs.
 * r (4, H, H) becomes blocks of 2 * lanes units: block (H, 2, 4, lanes), so that the four gates of a unit end in the same
 * lane of four registers; units past H are zeros. */
#ifndef PR_OPS_RNN_LSTM_H
#define PR_OPS_RNN_LSTM_H

#include "ops/rnn/recurrent.h"

enum { PR_LSTM_X, PR_LSTM_H, PR_LSTM_C, PR_LSTM_W, PR_LSTM_R, PR_LSTM_BIAS, PR_LSTM_PEEPHOLES };   /* inputs */

/* One block of units for one example: r its weights; h (H) before the step; gates (4, H) made from the inputs;
 * c (H) replaced and next (H) written from `unit` on, as far as units exist. */
typedef struct pr_lstm_block {
    const float *r, *h, *gates;
    const float *peepholes;                 /* (3, H) or NULL */
    float *c, *next, cell_clip;
    int64_t hidden, unit;
    int32_t function[3];                    /* of gates, block input, output */
    bool coupled;
} pr_lstm_block;
typedef struct pr_lstm_kernels {
    int32_t lanes;
    void (*block)(const pr_lstm_block *job);
} pr_lstm_kernels;

/* Shapes of packed w, r and bias, and the scratch: the part of infer and run for layouts other than 0.
 * out: h and c hold the states to start with. */
pr_status pr_lstm_packed_check(pr_env *env, const pr_view *in);
void pr_lstm_packed_run(pr_env *env, const pr_view *in, pr_view *out);

#endif
