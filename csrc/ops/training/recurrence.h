/* Recurrent layers while they learn: the products with the inputs stand outside, and what the way back needs is kept.
 *
 * S steps, B examples, H units, G gates: 1 of a simple unit; 3 of a GRU: update, reset, output; 4 of an LSTM: input, forget,
 * block input, output.  Equations, clipping, functions: ops/rnn/rnn.h.  Steps stand at the places of their inputs; `reverse`
 * goes through them from the last to the first. */
#ifndef PR_OPS_TRAINING_RECURRENCE_H
#define PR_OPS_TRAINING_RECURRENCE_H

#include "ops/gemm/gemm_kernel.h"
#include "ops/rnn/recurrent.h"

typedef enum pr_recurrence_kind { PR_RECURRENCE_SIMPLE = 0, PR_RECURRENCE_GRU = 1, PR_RECURRENCE_LSTM = 2 } pr_recurrence_kind;

/* simple  sums (S, B, H), h (B or 1, H), r (1, H, H)                              ->  hs (S, B, H)
 * GRU     sums (S, B, 3 H), h, r (3, H, H)                                        ->  hs, gates (S, B, 3 H)
 * LSTM    sums (S, B, 4 H), h, r (4, H, H), c (B or 1, H), peepholes (3, H)?      ->  hs, gates (S, B, 5 H), cs (S, B, H)
 * sums: W x + b of each gate.  hs, cs: the states after each step.  gates: what their functions gave; of an LSTM, then
 * that of the new cell. */
typedef struct pr_recurrence_attrs {
    int32_t kind;
    int32_t outputs;                        /* H */
    int32_t reverse, coupled;
    int32_t gate, block, output;            /* pr_gate_function; a simple unit has `gate` only, a GRU no `block` */
    int32_t has_peepholes;
    float cell_clip;
} pr_recurrence_attrs;

/* simple  g (S, B, H), hs, h, r                                                   ->  gradients of sums, h (B, H)
 * GRU     g, hs, h, r, gates                                                      ->  the same
 * LSTM    g, hs, h, r, gates, gradient of cs, cs, c, peepholes?                   ->  of sums, h (B, H), c (B, H)
 * g: the gradient of hs from outside, without what goes from step to step. */
typedef pr_recurrence_attrs pr_recurrence_gradient_attrs;

/* Shared by both directions. */
static inline int64_t pr_recurrence_gates(const pr_recurrence_attrs *a) {
    return a->kind == PR_RECURRENCE_SIMPLE ? 1 : a->kind == PR_RECURRENCE_GRU ? 3 : 4;
}
static inline int64_t pr_recurrence_kept(const pr_recurrence_attrs *a) { return a->kind == PR_RECURRENCE_LSTM ? 5 : 3; }
/* The place of step t in processing order. */
static inline int64_t pr_recurrence_place(const pr_recurrence_attrs *a, int64_t t, int64_t steps) {
    return a->reverse ? steps - 1 - t : t;
}
pr_status pr_recurrence_check(pr_env *env, const pr_recurrence_attrs *a);
/* v is (S, B, n) */
pr_status pr_recurrence_check_steps(pr_env *env, const pr_view *v, const char *what, const pr_view *like, int64_t n);
/* Floats of r packed for a product with `depth` rows, and of two for a GRU; -1: absurd. */
int64_t pr_recurrence_floats(const pr_env *env, int64_t depth, int64_t columns);
/* c (rows, columns), its rows `stride` apart = addend + a (rows, depth), its rows `a_stride` apart, times packed b */
void pr_recurrence_multiply(pr_env *env, const float *a, int64_t a_stride, int64_t depth, const float *b, const float *addend,
                            float *c, int64_t rows, int64_t columns, int64_t stride);

#endif
