/* The operator GEMM: shape rule, packing, run. */
#include "ops/gemm/gemm.h"

#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

static pr_status pr_check_gemm_weight(pr_env *env, const pr_gemm_attrs *attrs, const pr_view *w) {
    int64_t k = attrs->inputs, n = attrs->outputs;
    int form = pr_codes_form(attrs->layout);
    if (!form && w->dtype != PR_F32)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the weight must be float32", env->layer);
    if (!attrs->layout) {
        if (w->rank == 2 && w->shape[0] == n && w->shape[1] == k) return PR_OK;
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the weight must have shape (%lld, %lld), got rank %d of %lld numbers",
                       env->layer, (long long)n, (long long)k, (int)w->rank, (long long)pr_view_count(w));
    }
    const pr_gemm_kernel *kernel = env->kernels->gemm;
    if (pr_codes_panels(attrs->layout) != pr_gemm_layout(kernel))
        return pr_fail(env->message, PR_BAD_PLAN, "%s: the weight is packed as form %#x, but this context's kernel %s reads "
                       "form %#x; compile the model again for this machine", env->layer, (unsigned)attrs->layout,
                       kernel->name, (unsigned)pr_gemm_layout(kernel));
    if (form) return pr_check_codes(env, form, w, k, n);
    if (w->rank == 1 && w->shape[0] == pr_gemm_packed_floats(kernel, k, n)) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: a packed weight of %lld numbers was expected, got %lld", env->layer,
                   (long long)pr_gemm_packed_floats(kernel, k, n), (long long)pr_view_count(w));
}

pr_status pr_check_addends(pr_env *env, const pr_view *in, int inputs, bool bias, bool residual, int64_t n,
                           const pr_view *y) {
    if (inputs != 2 + bias + residual)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d inputs expected, got %d", env->layer, 2 + bias + residual, inputs);
    if (bias && (in[2].dtype != PR_F32 || in[2].rank != 1 || in[2].shape[0] != n))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the bias must be %lld floats", env->layer, (long long)n);
    const pr_view *r = &in[2 + bias];
    if (residual && (r->dtype != PR_F32 || !pr_same_shape(r, y)))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the value to add must be floats of the output's shape", env->layer);
    return PR_OK;
}

pr_status pr_gemm_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_gemm_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    (void)outputs;
    if (attrs->inputs < 1 || attrs->outputs < 1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a matrix of %d outputs and %d inputs cannot be", env->layer,
                       (int)attrs->outputs, (int)attrs->inputs);
    if (inputs < 2 || x->dtype != PR_F32 || x->rank < 1 || x->rank > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a float input and a weight are needed", env->layer);
    int64_t k = x->shape[x->rank - 1];
    if (k != attrs->inputs && k != -1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the last dimension must be %d, got %lld", env->layer,
                       (int)attrs->inputs, (long long)k);
    PR_TRY(pr_check_gemm_weight(env, attrs, &in[1]));
    if (pr_codes_form(attrs->layout))
        env->scratch_bytes = (size_t)(pr_codes_room(env->kernels->gemm, attrs->inputs) * pr_pool_threads(env->pool)) * sizeof(float);
    *out = *x;
    out->data = NULL;
    out->shape[x->rank - 1] = attrs->outputs;
    for (int i = 0; i < x->rank; i++)
        if (x->shape[i] < 0) return PR_OK;
    if (pr_view_count(out) < 0 || pr_view_count(x) < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the output would have an absurd number of values", env->layer);
    env->rows = !attrs->has_residual;       /* which lies side by side */
    return pr_check_addends(env, in, inputs, attrs->has_bias != 0, attrs->has_residual != 0, attrs->outputs, out);
}

/* The definition: x (M, K)  w (N, K)  ->  y[i][n] = activation(bias[n] + residual[i][n] + sum over p of x[i][p] * w[n][p]) */
static void pr_gemm_reference(const pr_gemm_args *g) {
    for (int64_t i = 0; i < g->pixels; i++)
        for (int64_t n = 0; n < g->columns; n++) {
            float sum = g->bias ? g->bias[n] : 0;
            for (int64_t p = 0; p < g->k; p++) sum += g->a[i * g->k + p] * g->b[n * g->k + p];
            if (g->residual) sum += g->residual[i * g->c_pixel + n];
            g->c[i * g->c_pixel + n] = pr_activate(sum, &g->activation);
        }
}

pr_status pr_gemm_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_gemm_attrs *attrs = env->attrs;
    (void)inputs, (void)outputs;
    pr_gemm_args g = {
        .a = in[0].data, .b = in[1].data,
        .bias = attrs->has_bias ? in[2].data : NULL,
        .residual = attrs->has_residual ? in[attrs->has_bias ? 3 : 2].data : NULL,
        .c = out[0].data, .lines = 1, .pixels = pr_view_span(&in[0], 0, in[0].rank - 1), .columns = attrs->outputs,
        .a_pixel = attrs->inputs, .c_pixel = env->row ? env->row : attrs->outputs, .k = attrs->inputs, .activation = attrs->activation,
    };
    pr_codes codes = {0};
    if (pr_codes_form(attrs->layout)) {
        codes = pr_codes_of(env->kernels, pr_codes_form(attrs->layout), attrs->outputs, in[1].data, env->scratch);
        g.codes = &codes;
    }
    if (attrs->layout) pr_gemm_multiply(env->kernels->gemm, env->pool, &g);
    else pr_gemm_reference(&g);
    return PR_OK;
}

pr_status pr_gemm_pack(pr_env *env, void *attributes, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_gemm_attrs *attrs = attributes;
    const pr_gemm_kernel *kernel = env->kernels->gemm;
    if (which != 1 || inputs < 2 || attrs->inputs < 1 || attrs->outputs < 1) return PR_UNSUPPORTED;
    attrs->layout = 0;                      /* what comes in is as in the file, also on the second call */
    PR_TRY(pr_check_gemm_weight(env, attrs, &in[1]));
    int64_t floats = pr_gemm_packed_floats(kernel, attrs->inputs, attrs->outputs);
    if (floats < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurd weight", env->layer);
    attrs->layout = pr_gemm_layout(kernel);
    if (out->data) pr_gemm_pack_matrix(kernel, in[1].data, 1, attrs->inputs, attrs->inputs, attrs->outputs, out->data);
    else *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {floats}};
    return PR_OK;
}
