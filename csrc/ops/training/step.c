/* The operators SGD and ADAM: one step of an optimizer on one parameter. */
#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/training/training.h"
#include "ops/training/training_kernel.h"

/* hyper: which input has the `numbers` that steer the step.  The last input is a scale where there is one. */
static pr_status infer_step(pr_env *env, const pr_view *in, int inputs, int hyper, int64_t numbers, int has_scale, pr_view *out,
                            int outputs) {
    const int scale = has_scale ? inputs - 1 : -1;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    for (int i = 1; i < inputs; i++) {
        if (i == hyper || i == scale) continue;
        PR_TRY(pr_check_rank(env, &in[i], "gradient or state", in->rank, in->rank));
        for (int d = 0; d < in->rank; d++) PR_TRY(pr_check_dim(env, &in[i], "gradient or state", d, in->shape[d]));
    }
    PR_TRY(pr_check_rank(env, &in[hyper], "the hyperparameters", 1, 1));
    PR_TRY(pr_check_dim(env, &in[hyper], "the hyperparameters", 0, numbers));
    if (has_scale) {
        PR_TRY(pr_check_rank(env, &in[scale], "the scale of gradients", 1, 1));
        PR_TRY(pr_check_dim(env, &in[scale], "the scale of gradients", 0, 1));
    }
    for (int i = 0; i < outputs; i++) pr_copy_shape(&out[i], in);
    return PR_OK;
}

typedef struct step {
    const pr_training_kernels *kernels;
    const float *w, *g, *m, *v;
    float *w_out, *m_out, *v_out;
    float rate, momentum, adam[6];
    int nesterov;
    const pr_gradient_shape *shape;         /* NULL or &own */
    pr_gradient_shape own;
} step;

static void shape_gradients(step *s, float limit, float decay, const pr_view *scale) {
    s->own = (pr_gradient_shape){limit, scale ? *(const float *)scale->data : 1, decay};
    s->shape = scale || limit < INFINITY || decay != 0 ? &s->own : NULL;
}

pr_status pr_sgd_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_sgd_attrs *attrs = env->attrs;
    PR_TRY(pr_check_input_count(env, inputs, 3 + !!attrs->has_momentum + !!attrs->has_scale));
    if (outputs != (attrs->has_momentum ? 2 : 1))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a step gives the weight, and the velocity with momentum", env->layer);
    return infer_step(env, in, inputs, 2, 2, attrs->has_scale, out, outputs);
}

static void sgd_range(void *arg, int64_t begin, int64_t end, int worker) {
    const step *s = arg;
    (void)worker;
    if (!s->v) s->kernels->sgd(s->w + begin, s->g + begin, s->w_out + begin, end - begin, s->rate, s->shape);
    else
        s->kernels->momentum(s->w + begin, s->g + begin, s->v + begin, s->w_out + begin, s->v_out + begin, end - begin, s->rate,
                             s->momentum, s->nesterov, s->shape);
}

pr_status pr_sgd_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_sgd_attrs *attrs = env->attrs;
    const float *hyper = in[2].data;
    step s = {.kernels = env->kernels->training, .w = in[0].data, .g = in[1].data, .w_out = out[0].data, .rate = hyper[0],
              .momentum = hyper[1], .nesterov = attrs->nesterov};
    (void)outputs;
    if (attrs->has_momentum) s.v = in[3].data, s.v_out = out[1].data;
    shape_gradients(&s, attrs->limit, attrs->decay, attrs->has_scale ? &in[inputs - 1] : NULL);
    pr_for(env->pool, pr_view_count(in), PR_GRAIN, sgd_range, &s);
    return PR_OK;
}

pr_status pr_adam_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_adam_attrs *attrs = env->attrs;
    PR_TRY(pr_check_input_count(env, inputs, 5 + !!attrs->has_scale));
    return infer_step(env, in, inputs, 4, 6, attrs->has_scale, out, outputs);
}

static void adam_range(void *arg, int64_t begin, int64_t end, int worker) {
    const step *s = arg;
    (void)worker;
    s->kernels->adam(s->w + begin, s->g + begin, s->m + begin, s->v + begin, s->w_out + begin, s->m_out + begin, s->v_out + begin,
                     end - begin, s->adam, s->shape);
}

pr_status pr_adam_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_adam_attrs *attrs = env->attrs;
    const float *hyper = in[4].data, kept = attrs->decoupled ? 1 - hyper[0] * attrs->decay : 1;
    step s = {.kernels = env->kernels->training, .w = in[0].data, .g = in[1].data, .m = in[2].data, .v = in[3].data,
              .w_out = out[0].data, .m_out = out[1].data, .v_out = out[2].data,
              .adam = {hyper[0] / hyper[4], hyper[1], hyper[2], hyper[3], 1 / sqrtf(hyper[5]), kept}};
    (void)outputs;
    shape_gradients(&s, attrs->limit, attrs->decoupled ? 0 : attrs->decay, attrs->has_scale ? &in[inputs - 1] : NULL);
    pr_for(env->pool, pr_view_count(in), PR_GRAIN, adam_range, &s);
    return PR_OK;
}
