/* The operator UNARY_GRADIENT: slopes of the functions of one number. */
#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/training/training_kernel.h"
#include "ops/training/training.h"

/* Of x * sigmoid(x * factor), where x * factor has the slope `inner`. */
static float gelu_slope(float x, float factor, float inner) {
    const float s = 1 / (1 + expf(-x * factor));
    return s + x * s * (1 - s) * inner;
}

typedef void slope_fn(const float *g, const float *v, float *out, int64_t n, float a, float b);

#define PR_SLOPE(name, from, formula) \
    static void slope_##name(const float *gradient, const float *at, float *out, int64_t n, float a, float b) { \
        (void)a, (void)b; \
        for (int64_t i = 0; i < n; i++) { \
            const float g = gradient[i], v = at[i]; \
            (void)v; \
            out[i] = formula; \
        } \
    }
#include "ops/training/slope.def"
#undef PR_SLOPE

static slope_fn *const slopes[PR_UNARY_COUNT] = {
#define PR_SLOPE(name, ...) [PR_UNARY_##name] = slope_##name,
#include "ops/training/slope.def"
#undef PR_SLOPE
};

pr_status pr_unary_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_unary_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, 2));
    PR_TRY(pr_check_kind(env, "the function", attrs->kind, PR_UNARY_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (!slopes[attrs->kind])
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: function %d has no slope", env->layer, (int)attrs->kind);
    PR_TRY(pr_check_rank(env, &in[1], "the argument", in->rank, in->rank));
    for (int i = 0; i < in->rank; i++) PR_TRY(pr_check_dim(env, &in[1], "the argument", i, in->shape[i]));
    pr_copy_shape(out, in);
    return PR_OK;
}

typedef struct job {
    slope_fn *fn;
    const float *g, *v;
    float *out, a, b;
} job;

static void slope_range(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    (void)worker;
    j->fn(j->g + begin, j->v + begin, j->out + begin, end - begin, j->a, j->b);
}

pr_status pr_unary_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_unary_attrs *attrs = env->attrs;
    slope_fn *fn = attrs->kind == PR_UNARY_CLIP ? env->kernels->training->clip : slopes[attrs->kind];
    job j = {fn, in[0].data, in[1].data, out->data, attrs->a, attrs->b};
    (void)inputs, (void)outputs;
    pr_for(env->pool, pr_view_count(in), PR_GRAIN, slope_range, &j);
    return PR_OK;
}
