/* Recurrent layers.  NeuralNetwork.proto, SimpleRecurrentLayerParams, GRULayerParams, LSTMParams. */
#ifndef PR_OPS_RNN_H
#define PR_OPS_RNN_H

#include "ops/ops.h"

typedef enum pr_gate_function {
    PR_GATE_LINEAR = 0, PR_GATE_SIGMOID = 1, PR_GATE_TANH = 2, PR_GATE_RELU = 3,
    PR_GATE_HARD_SIGMOID = 4,       /* clip(0.2 x + 0.5, 0, 1) */
    PR_GATE_COUNT
} pr_gate_function;

/* x (S, B, I)   h (B or 1, H)   c (B or 1, H)   w (4, H, I)   r (4, H, H)   bias (4, H)   peepholes (3, H)?
 *   ->   y (S or 1, B, H)   h (B, H)   c (B, H)
 * Gates in the order input, forget, block input, output; peepholes input, forget, output (LSTMWeightParams).
 *   i = f(Wi x + Ri y + pi c + bi)      fg = f(Wf x + Rf y + pf c + bf), or 1 - i when coupled
 *   z = g(Wz x + Rz y + bz)             c' = clip(c fg + i z, +-cell_clip)
 *   o = f(Wo x + Ro y + po c' + bo)     y = h(c') o
 * Gate pre-activations are clipped to +-50.  reverse: from the last step to the first; y stays in processing order,
 * or, when aligned, has each result at the position of its input.
 * With `sequence`, y has every step, else the last (with S = 0: h as it came).
 * A forget-bias of 1 is added to bf by the caller. */
typedef struct pr_lstm_attrs {
    int32_t inputs, outputs;                /* I, H */
    int32_t sequence, reverse, coupled;
    int32_t gate, block, output;            /* pr_gate_function: f, g, h */
    int32_t has_peepholes;
    int32_t layout;                         /* 0: matrices as above; 1: packed, lstm_pack.c */
    float cell_clip;
    int32_t aligned;
} pr_lstm_attrs;

typedef enum pr_rnn_kind {
    PR_RNN_SIMPLE = 0,              /* G = 1   h' = f(W x + R h + b) */
    PR_RNN_GRU = 1,                 /* G = 3   z = f(Wz x + Rz h + bz)   r = f(Wr x + Rr h + br)
                                     *         o = g(Wo x + Ro (r h) + bo)   h' = (1 - z) o + z h */
    PR_RNN_GRU_AFTER = 2,           /* the same but  o = g(Wo x + bo + r (Ro h + co)): the reset gate acts after the recursion
                                     * matrix, as PyTorch's does; nothing is clipped */
    PR_RNN_KIND_COUNT
} pr_rnn_kind;

/* x (S, B, I)   h (B or 1, H)   w (G, H, I)   r (G, H, H)   bias (G, H)   ->   y (S or 1, B, H)   h (B, H)
 * Gates in the order update z, reset r, output o (GRULayerParams); with GRU_AFTER bias has a fourth row, co.
 * Clipping, reverse and sequence as above. */
typedef struct pr_rnn_attrs {
    int32_t kind;
    int32_t inputs, outputs;                /* I, H */
    int32_t sequence, reverse;
    int32_t gate, output;                   /* pr_gate_function: f, g (a simple one has no g) */
    int32_t layout;                         /* 0: matrices as above; else packed (rnn_packed.c) */
} pr_rnn_attrs;

#endif
