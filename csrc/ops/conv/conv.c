/* The operator CONV: shape rule, packing, run. */
#include "ops/conv/conv.h"

#include "ops/conv/conv_kernel.h"
#include "ops/conv/depthwise.h"
#include "ops/conv/winograd.h"
#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

/* Kernel, stride, dilation and padding; fills conv's axes. */
static pr_status pr_conv_axes(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, pr_conv *conv) {
    pr_windows windows = {&attrs->kernel, &attrs->strides, &attrs->dilations, &attrs->pads_begin, &attrs->pads_end, attrs->padding};
    pr_axis axes[2];
    if (attrs->padding == PR_PAD_INCLUDE_LAST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: this padding belongs to pooling", env->layer);
    PR_TRY(pr_window_axes(env, &windows, x, axes));
    conv->h = axes[0];
    conv->v = axes[1];
    conv->images = pr_view_span(x, 0, x->rank - 3);
    conv->channels = x->shape[x->rank - 1];
    return PR_OK;
}

static pr_status pr_check_groups(pr_env *env, const pr_conv_attrs *attrs) {
    if (attrs->outputs < 1 || attrs->groups < 1 || attrs->outputs % attrs->groups)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d output channels cannot be cut into %d groups", env->layer,
                       (int)attrs->outputs, (int)attrs->groups);
    return PR_OK;
}

/* A weight as in the file: (O, depth, KH, KW); depth -1: any. */
static pr_status pr_check_plain(pr_env *env, const pr_conv_attrs *attrs, const pr_view *w, int64_t depth) {
    if (w->dtype == PR_F32 && w->rank == 4 && w->shape[0] == attrs->outputs && (depth < 0 || w->shape[1] == depth) &&
        w->shape[1] >= 1 && w->shape[2] == attrs->kernel.at[0] && w->shape[3] == attrs->kernel.at[1] && pr_view_count(w) > 0)
        return PR_OK;
    long long s[4] = {0};
    for (int i = 0; i < 4 && i < w->rank; i++) s[i] = w->shape[i];
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: the weight must be floats of shape (%d, %lld, %d, %d), got rank %d, "
                   "(%lld, %lld, %lld, %lld)", env->layer, (int)attrs->outputs, (long long)depth, (int)attrs->kernel.at[0],
                   (int)attrs->kernel.at[1], (int)w->rank, s[0], s[1], s[2], s[3]);
}

/* Form and length of the packed weight of an input with `depth` channels per group; -1: absurd.
 * winograd: the side of its tiles, 0 for none. */
static int32_t pr_conv_layout(const pr_env *env, const pr_conv_attrs *attrs, int64_t depth, int winograd) {
    if (pr_is_depthwise(attrs, depth)) return PR_LAYOUT_DEPTHWISE;
    return pr_gemm_layout(env->kernels->gemm) | (winograd ? PR_LAYOUT_WINOGRAD | winograd << 20 : 0);
}
static int64_t pr_conv_packed_floats(const pr_env *env, const pr_conv_attrs *attrs, int64_t depth, int winograd) {
    int64_t taps = (int64_t)attrs->kernel.at[0] * attrs->kernel.at[1], points = (winograd + 2) * (winograd + 2);
    if (depth > PR_MAX_ELEMENTS / taps) return -1;
    if (pr_is_depthwise(attrs, depth)) return taps > PR_MAX_ELEMENTS / attrs->outputs ? -1 : taps * attrs->outputs;
    if (winograd) {
        int64_t point = pr_gemm_packed_floats(env->kernels->gemm, depth, attrs->outputs);
        return point < 0 || point > PR_MAX_ELEMENTS / points ? -1 : point * points;
    }
    int64_t one = pr_gemm_packed_floats(env->kernels->gemm, taps * depth, attrs->outputs / attrs->groups);
    return one < 0 || one > PR_MAX_ELEMENTS / attrs->groups ? -1 : one * attrs->groups;
}

static pr_status pr_check_packed(pr_env *env, const pr_conv_attrs *attrs, const pr_view *w, int64_t depth) {
    int m = pr_winograd_m(attrs->layout);
    if (m && !pr_winograd_fits(attrs)) m = 0;
    int32_t wanted = pr_conv_layout(env, attrs, depth, m == 2 || m == 4 ? m : 0);
    if (attrs->layout != wanted)
        return pr_fail(env->message, PR_BAD_PLAN, "%s: the weight is packed as form %#x, but this context's kernels read form "
                       "%#x; compile the model again for this machine", env->layer, (unsigned)attrs->layout, (unsigned)wanted);
    int64_t floats = pr_conv_packed_floats(env, attrs, depth, m);
    if (floats > 0 && w->dtype == PR_F32 && w->rank == 1 && w->shape[0] == floats) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: a packed weight of %lld floats was expected, got %lld", env->layer,
                   (long long)floats, (long long)pr_view_count(w));
}

static pr_status pr_conv_scratch(pr_env *env, const pr_conv *conv) {
    env->scratch_bytes = 0;
    if (!conv->attrs->layout || conv->attrs->layout == PR_LAYOUT_DEPTHWISE) return PR_OK;
    int m = pr_winograd_m(conv->attrs->layout);
    int64_t bytes = m ? pr_winograd_scratch(conv, m, pr_pool_threads(env->pool)) : pr_conv_gemm_scratch(conv);
    if (bytes < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the padded image would be absurdly large", env->layer);
    env->scratch_bytes = (size_t)bytes;
    return PR_OK;
}

pr_status pr_conv_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_conv_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    pr_conv conv = {.attrs = attrs};
    (void)outputs;
    if (inputs < 2 || x->dtype != PR_F32 || x->rank < 3 || x->rank > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a float image (..., height, width, channels) and a weight are needed",
                       env->layer);
    PR_TRY(pr_check_groups(env, attrs));
    PR_TRY(pr_conv_axes(env, attrs, x, &conv));
    if (conv.channels == 0 || conv.channels < -1 || (conv.channels > 0 && conv.channels % attrs->groups))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld channels cannot be cut into %d groups", env->layer,
                       (long long)conv.channels, (int)attrs->groups);
    int64_t depth = conv.channels < 0 ? -1 : conv.channels / attrs->groups;
    if (!attrs->layout) PR_TRY(pr_check_plain(env, attrs, &in[1], depth));
    else if (depth > 0) PR_TRY(pr_check_packed(env, attrs, &in[1], depth));

    *out = *x;
    out->data = NULL;
    out->shape[x->rank - 3] = conv.h.out;
    out->shape[x->rank - 2] = conv.v.out;
    out->shape[x->rank - 1] = attrs->outputs;
    for (int i = 0; i < x->rank; i++)
        if (x->shape[i] < 0) return PR_OK;
    if (pr_view_count(x) < 0 || pr_view_count(out) < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input or output would have an absurd number of values", env->layer);
    PR_TRY(pr_check_addends(env, in, inputs, attrs->has_bias != 0, attrs->has_residual != 0, attrs->outputs, out));
    return pr_conv_scratch(env, &conv);
}

static void pr_conv_depthwise(pr_env *env, const pr_conv *conv) {
    pr_depthwise_args d = {.x = conv->x, .w = conv->w, .bias = conv->bias, .residual = conv->residual, .y = conv->y,
                           .h = conv->h, .v = conv->v, .channels = conv->channels, .activation = conv->attrs->activation};
    int64_t out = d.h.out * d.v.out * d.channels;
    for (int64_t n = 0; n < conv->images; n++) {
        pr_depthwise(env->kernels->depthwise, env->pool, &d);
        d.x += d.h.size * d.v.size * d.channels;
        d.y += out;
        if (d.residual) d.residual += out;
    }
}

pr_status pr_conv_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_conv_attrs *attrs = env->attrs;
    pr_conv conv = {.attrs = attrs, .x = in[0].data, .w = in[1].data, .y = out[0].data,
                    .bias = attrs->has_bias ? in[2].data : NULL,
                    .residual = attrs->has_residual ? in[attrs->has_bias ? 3 : 2].data : NULL};
    (void)inputs, (void)outputs;
    PR_TRY(pr_conv_axes(env, attrs, &in[0], &conv));
    if (!attrs->layout) pr_conv_reference(&conv);
    else if (attrs->layout == PR_LAYOUT_DEPTHWISE) pr_conv_depthwise(env, &conv);
    else if (pr_winograd_m(attrs->layout)) pr_winograd(&conv, env->kernels->gemm, env->kernels->winograd, env->pool, env->scratch);
    else pr_conv_gemm(&conv, env->kernels->gemm, env->pool, env->scratch);
    return PR_OK;
}

/* w (O, depth, KH, KW) -> per group a matrix of KH*KW*depth x O/groups, or (KH, KW, C) */
static void pr_conv_pack_weight(const pr_env *env, const pr_conv_attrs *attrs, const float *w, int64_t depth, float *out) {
    const pr_gemm_kernel *kernel = env->kernels->gemm;
    int64_t taps = (int64_t)attrs->kernel.at[0] * attrs->kernel.at[1];
    if (pr_is_depthwise(attrs, depth)) {
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < attrs->outputs; c++) *out++ = w[c * taps + t];
        return;
    }
    int64_t columns = attrs->outputs / attrs->groups;
    for (int64_t g = 0; g < attrs->groups; g++) {
        pr_gemm_pack_taps(kernel, w, taps, 1, depth, taps, depth * taps, columns, out);
        w += columns * depth * taps;
        out += pr_gemm_packed_floats(kernel, taps * depth, columns);
    }
}

/* The side of the tiles when Winograd's form is the faster one for this input; 0: the direct sum. */
static int pr_conv_winograd(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, int64_t depth) {
    pr_conv conv = {.attrs = attrs};
    if (!pr_winograd_fits(attrs) || x->rank < 3 || pr_conv_axes(env, attrs, x, &conv) != PR_OK) return 0;
    return pr_winograd_choice(attrs, depth, conv.h.out, conv.v.out);
}

pr_status pr_conv_pack(pr_env *env, void *attributes, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_conv_attrs *attrs = attributes;
    if (which != 1 || inputs < 2) return PR_UNSUPPORTED;
    attrs->layout = 0;                      /* what comes in is as in the file, also on the second call */
    PR_TRY(pr_check_groups(env, attrs));
    if (attrs->kernel.count != 2 || attrs->kernel.at[0] < 1 || attrs->kernel.at[1] < 1)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the kernel needs two numbers above 0", env->layer);
    PR_TRY(pr_check_plain(env, attrs, &in[1], -1));
    int64_t depth = in[1].shape[1];
    int m = pr_conv_winograd(env, attrs, &in[0], depth);
    int64_t floats = pr_conv_packed_floats(env, attrs, depth, m);
    if (floats < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurd weight", env->layer);
    attrs->layout = pr_conv_layout(env, attrs, depth, m);
    if (out->data && m) return pr_winograd_pack(env, in[1].data, attrs->outputs, depth, m, out->data);
    if (out->data) pr_conv_pack_weight(env, attrs, in[1].data, depth, out->data);
    else *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {floats}};
    return PR_OK;
}
