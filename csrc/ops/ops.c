#include "ops/ops.h"

#include "ops/attrs.h"

#define PR_OP(name, function, min_inputs, max_inputs, outputs, flags, pack, attrs) \
    extern pr_infer_fn pr_##function##_infer; \
    extern pr_run_fn pr_##function##_run;
#include "ops/ops.def"
#undef PR_OP
extern pr_pack_fn pr_conv_pack, pr_gemm_pack, pr_lstm_pack, pr_rnn_pack;

const pr_op_info pr_ops[PR_OP_COUNT] = {
#define PR_OP(name, function, min_inputs, max_inputs, outputs, flags, pack, attrs) \
    [PR_OP_##name] = {#name, pr_##function##_infer, pr_##function##_run, pack, \
                      min_inputs, max_inputs, outputs, flags, sizeof(attrs)},
#include "ops/ops.def"
#undef PR_OP
};
