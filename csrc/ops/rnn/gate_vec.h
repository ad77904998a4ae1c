/* Functions of recurrent layers on vectors.  Include base/vec_<level>.h first. */
#ifndef PR_OPS_RNN_GATE_VEC_H
#define PR_OPS_RNN_GATE_VEC_H

#include <math.h>

#include "ops/rnn/rnn.h"
#include "ops/unary/vec_math.h"

PR_INLINE vf clipped(vf x, float limit) { return vf_min(vf_set1(limit), vf_max(vf_set1(-limit), x)); }

/* One of pr_gate_function.  The choice is the same for a whole layer, so the branch is foreseen. */
static inline vf gate(int function, vf x) {
    switch (function) {
    case PR_GATE_SIGMOID: return vf_sigmoid(x);
    case PR_GATE_TANH: return vf_tanh(x);
    case PR_GATE_RELU: return vf_max(vf_zero(), x);
    case PR_GATE_HARD_SIGMOID: return vf_min(vf_set1(1), vf_max(vf_zero(), vf_fma(vf_set1(0.2f), x, vf_set1(0.5f))));
    default: return x;
    }
}
static inline vf clipped_gate(int function, vf x) { return gate(function, clipped(x, 50)); }

#endif
