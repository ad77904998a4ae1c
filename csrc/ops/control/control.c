#include "ops/control/control.h"

#include "ops/check.h"

pr_status pr_require_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, 1, PR_ANY));
    PR_TRY(pr_check_inputs(env, in + 1, inputs - 1, PR_F32));
    PR_TRY(pr_check_rank(env, &in[1], "whether it was made", 1, 1));
    PR_TRY(pr_check_dim(env, &in[1], "whether it was made", 0, 1));
    if (in[1].data && in[1].shape[0] == 1 && *(const float *)in[1].data == 0)
        return pr_fail(env->message, PR_BAD_VALUE, "%s: it does not exist, the branch or loop that makes it did not run", env->layer);
    pr_copy_shape(out, in);
    return PR_OK;
}

/* Output 0 is the memory of input 0 (PR_OP_ALIAS). */
pr_status pr_require_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)env, (void)in, (void)inputs, (void)out, (void)outputs;
    return PR_OK;
}
