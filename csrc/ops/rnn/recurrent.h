/* What recurrent operators share: checks, the reference of their functions, gates on vectors. */
#ifndef PR_OPS_RNN_RECURRENT_H
#define PR_OPS_RNN_RECURRENT_H

#include "ops/rnn/rnn.h"

enum { PR_RNN_LARGEST = 1 << 20 };          /* of inputs and outputs: keeps every product of them in 64 bits */
enum { PR_RNN_X, PR_RNN_H, PR_RNN_W, PR_RNN_R, PR_RNN_BIAS };              /* inputs of RNN */
static inline int64_t pr_rnn_gates(const pr_rnn_attrs *a) { return a->kind == PR_RNN_SIMPLE ? 1 : 3; }

/* On n units, for recurrent layers that learn; arguments of functions are clipped to +-50 first. */
typedef struct pr_gates_kernels {
    void (*simple)(int function, const float *sums, float *h, int64_t n);                       /* h = f(sums) */
    void (*reset)(int function, const float *sums, const float *h, float *out, int64_t n);      /* out = f(sums) h */
    /* z = f(z_sums): h = (1 - z) g(o_sums) + z h */
    void (*update)(int gate, int output, const float *z_sums, const float *o_sums, float *h, int64_t n);
} pr_gates_kernels;

/* The definitions, for references. */
float pr_gate(int function, float x);
float pr_clip(float x, float limit);
float pr_dot(const float *a, const float *b, int64_t n);

/* v is (a, b, c), or (a, b) when c is negative. */
pr_status pr_rnn_check_matrix(pr_env *env, const pr_view *v, const char *what, int64_t a, int64_t b, int64_t c);
/* (batch, n), or (1, n) for all examples: a start value that the file does not give is that. */
pr_status pr_rnn_check_state(pr_env *env, const pr_view *v, const char *what, int64_t batch, int64_t n);
/* to (batch, n) */
void pr_rnn_start_state(float *to, const pr_view *from, int64_t batch, int64_t n);
/* v is (floats): a packed matrix; floats < 0: an absurd one. */
pr_status pr_rnn_check_packed(pr_env *env, const pr_view *v, const char *what, int64_t floats);

/* Shapes of packed w and r, and the scratch: the part of RNN's infer and run for layouts other than 0.
 * out: h holds the state to start with. */
pr_status pr_rnn_packed_check(pr_env *env, const pr_view *in);
void pr_rnn_packed_run(pr_env *env, const pr_view *in, pr_view *out);

#endif
