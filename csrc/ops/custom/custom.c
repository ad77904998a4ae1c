#include "ops/custom/custom.h"

#include "ops/check.h"

static pr_status call(pr_env *env, pr_custom_task task, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_custom_attrs *attrs = env->attrs;
    if (!env->custom || !env->custom->call)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: nothing implements custom layers here", env->layer);
    return env->custom->call(env->custom->user, task, attrs->number, env->layer, in, inputs, out, outputs, env->message);
}

pr_status pr_custom_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(call(env, PR_CUSTOM_SHAPES, in, inputs, out, outputs));
    for (int i = 0; i < outputs; i++) {
        out[i].dtype = PR_F32;
        PR_TRY(pr_check_output(env, &out[i]));
    }
    return PR_OK;
}

pr_status pr_custom_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    return call(env, PR_CUSTOM_EVALUATE, in, inputs, out, outputs);
}
