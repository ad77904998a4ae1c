#include "ops/work.h"

#include "ops/attention/attention.h"
#include "ops/conv/conv.h"
#include "ops/conv/inverted.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/matmul.h"
#include "ops/rnn/rnn.h"
#include "ops/training/training.h"

typedef double work_fn(const void *attrs, const pr_view *in, const pr_view *out);

static double product_of(const pr_dims *dims) {
    double product = 1;
    for (int i = 0; i < dims->count; i++) product *= dims->at[i];
    return product;
}

static double count_of(const pr_view *v) { return (double)pr_view_count(v); }
static double last_of(const pr_view *v) { return (double)v->shape[v->rank - 1]; }

/* Channels last.  A transposed one adds every number of its input to as many results as another reads per result. */
static double conv_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const pr_conv_attrs *a = attrs;
    const double taps = product_of(&a->kernel) / a->groups;
    return 2 * taps * (a->transposed ? count_of(in) * a->outputs : count_of(out) * last_of(in));
}

static double inverted_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const pr_inverted_attrs *a = attrs;
    const double pixels = count_of(out) / last_of(out);
    return 2.0 * a->expand.outputs * (count_of(in) + pixels * (product_of(&a->depthwise.kernel) + last_of(out)));
}

static double conv_weight_gradient_work(const void *attrs, const pr_view *in, const pr_view *out) {
    (void)attrs;
    return 2 * count_of(&in[1]) / last_of(&in[1]) * count_of(out);
}

static double gemm_work(const void *attrs, const pr_view *in, const pr_view *out) {
    (void)in;
    return 2 * count_of(out) * ((const pr_gemm_attrs *)attrs)->inputs;
}

static double matmul_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const int turned = ((const pr_matmul_attrs *)attrs)->transpose_a != 0;
    return 2 * count_of(out) * (double)in->shape[in->rank - (turned ? 2 : 1)];
}

/* Both products; the rows of keys are those of k and of the past. */
static double attention_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const pr_attention_attrs *a = attrs;
    const pr_view *k = &in[1], *past = &in[a->mask ? 4 : 3];
    double keys = (double)k->shape[k->rank - (a->k_inside ? 3 : 2)];
    if (a->has_past) keys += (double)past->shape[past->rank - (a->past_inside ? 3 : 2)];
    return 2 * count_of(out) / last_of(out) * keys * (last_of(k) + last_of(out));
}

static double product_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const int turned = ((const pr_product_attrs *)attrs)->transpose_a != 0;
    return 2 * count_of(out) * (turned ? count_of(in) / last_of(in) : last_of(in));
}

/* Matrices of `gates` gates for all steps of all sequences. */
static double recurrent_work(const pr_view *x, double gates, double inputs, double outputs) {
    return 2 * count_of(x) / inputs * gates * outputs * (inputs + outputs);
}

static double lstm_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const pr_lstm_attrs *a = attrs;
    (void)out;
    return recurrent_work(in, 4, a->inputs, a->outputs);
}

static double rnn_work(const void *attrs, const pr_view *in, const pr_view *out) {
    const pr_rnn_attrs *a = attrs;
    (void)out;
    return recurrent_work(in, a->kind == PR_RNN_SIMPLE ? 1 : 3, a->inputs, a->outputs);
}

static work_fn *const works[PR_OP_COUNT] = {
    [PR_OP_CONV] = conv_work, [PR_OP_INVERTED] = inverted_work, [PR_OP_CONV_WEIGHT_GRADIENT] = conv_weight_gradient_work,
    [PR_OP_GEMM] = gemm_work, [PR_OP_MATMUL] = matmul_work, [PR_OP_ATTENTION] = attention_work,
    [PR_OP_PRODUCT] = product_work, [PR_OP_LSTM] = lstm_work, [PR_OP_RNN] = rnn_work,
};

double pr_op_work(uint32_t op, const void *attrs, const pr_view *in, const pr_view *out, int outputs) {
    if (works[op]) return works[op](attrs, in, out);
    if (pr_ops[op].flags & (PR_OP_ALIAS | PR_OP_SHAPES_ONLY)) return 0;
    double numbers = 0;
    for (int i = 0; i < outputs; i++) numbers += count_of(&out[i]);
    return numbers;
}
