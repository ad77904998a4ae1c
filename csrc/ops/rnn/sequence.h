/* What packed LSTM, GRU and simple units share: sums from the inputs for many steps at once, and where states lie. */
#ifndef PR_OPS_RNN_SEQUENCE_H
#define PR_OPS_RNN_SEQUENCE_H

#include "ops/rnn/units.h"

typedef struct pr_sequence {
    pr_env *env;
    const pr_view *in, *w, *bias;           /* in[0] is x (S, B, I); w packed; bias: gates * H numbers at its start */
    pr_view *out;                           /* y; h (B, H), which holds the state to start with */
    int64_t steps, batch, inputs, gates, hidden;
    int64_t first, count;                   /* the steps whose sums are there */
    bool keep, reverse, aligned;            /* sequence, reverse and aligned of rnn.h */
    float *sums, *other, *seen;             /* scratch: sums (steps, B, G, H), a state and r h (B, H) */
} pr_sequence;

size_t pr_rnn_scratch(int64_t steps, int64_t batch, int64_t gates, int64_t hidden);
pr_sequence pr_rnn_sequence(pr_env *env, const pr_view *in, pr_view *out, int64_t gates, int64_t hidden);
/* Of a step of the walk that runs: the state before it, for the step behind the last one the state at the end. */
float *pr_rnn_state(const pr_sequence *s, int64_t step);
float *pr_rnn_sums(const pr_sequence *s, int64_t step);
/* All steps; walk says what a step is, its steps and arg are set here. */
void pr_rnn_walk(pr_sequence *s, const pr_walk *walk);

#endif
