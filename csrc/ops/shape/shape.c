#include "ops/shape/shape.h"

#include "ops/check.h"

pr_status pr_get_shape_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_ANY));
    *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {in->rank}};
    return PR_OK;
}

pr_status pr_get_shape_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    float *y = out->data;
    (void)env, (void)inputs, (void)outputs;
    for (int i = 0; i < in->rank; i++) y[i] = (float)in->shape[i];
    return PR_OK;
}
