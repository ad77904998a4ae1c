#include "ops/unary/unary.h"

#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"

#define PR_UNARY(name, formula, ulp) \
    static void unary_##name(const float *in, float *out, int64_t n, float a, float b) { \
        (void)a, (void)b; \
        for (int64_t i = 0; i < n; i++) { \
            const float x = in[i]; \
            out[i] = formula; \
        } \
    }
#include "ops/unary/unary.def"
#undef PR_UNARY

const pr_unary_kernels pr_unary__ref = {{
#define PR_UNARY(name, ...) [PR_UNARY_##name] = unary_##name,
#include "ops/unary/unary.def"
#undef PR_UNARY
}};

pr_status pr_unary_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_unary_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the function", attrs->kind, PR_UNARY_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    pr_copy_shape(out, in);
    return PR_OK;
}

typedef struct unary_job {
    pr_unary_fn *fn;
    const float *x;
    float *y;
    float a, b;
} unary_job;

static void unary_range(void *arg, int64_t begin, int64_t end, int worker) {
    const unary_job *job = arg;
    (void)worker;
    job->fn(job->x + begin, job->y + begin, end - begin, job->a, job->b);
}

pr_status pr_unary_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_unary_attrs *attrs = env->attrs;
    unary_job job = {env->kernels->unary->by_kind[attrs->kind], in->data, out->data, attrs->a, attrs->b};
    (void)inputs, (void)outputs;
    pr_for(env->pool, pr_view_count(in), PR_GRAIN, unary_range, &job);
    return PR_OK;
}
