/* The operator CONV: shape rule, packing, run. */
#include "ops/conv/conv.h"

#include "ops/check.h"
#include "ops/conv/conv_kernel.h"
#include "ops/conv/depthwise.h"
#include "ops/conv/winograd.h"
#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

#include <stdlib.h>

/* Kernel, stride, dilation and padding; fills conv's axes. */
static pr_status pr_conv_axes(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, pr_conv *conv) {
    pr_windows windows = {&attrs->kernel, &attrs->strides, &attrs->dilations, &attrs->pads_begin, &attrs->pads_end, attrs->padding,
                          attrs->transposed != 0, &attrs->size};
    if (attrs->padding == PR_PAD_INCLUDE_LAST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: this padding belongs to pooling", env->layer);
    PR_TRY(pr_window_axes(env, &windows, x, conv->axis));
    conv->images = pr_view_span(x, 0, x->rank - 1 - attrs->kernel.count);
    conv->channels = x->shape[x->rank - 1];
    return PR_OK;
}

static pr_status pr_check_groups(pr_env *env, const pr_conv_attrs *attrs) {
    if (attrs->outputs < 1 || attrs->groups < 1 || attrs->outputs % attrs->groups)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d output channels cannot be cut into %d groups", env->layer,
                       (int)attrs->outputs, (int)attrs->groups);
    return PR_OK;
}

/* A weight as the header has it: (O, depth, kernel); depth -1: any, and so is an unknown dimension. */
static pr_status pr_check_plain(pr_env *env, const pr_conv_attrs *attrs, const pr_view *w, int64_t depth) {
    int spatial = attrs->kernel.count;
    bool fits = w->dtype == PR_F32 && w->rank == 2 + spatial;
    pr_view want = {.dtype = PR_F32, .rank = 2 + spatial, .shape = {attrs->outputs, depth}};
    for (int i = 0; i < spatial; i++) want.shape[2 + i] = attrs->kernel.at[i];
    for (int i = 0; fits && i < w->rank; i++)
        fits = w->shape[i] == -1 || (want.shape[i] < 0 ? w->shape[i] >= 1 : w->shape[i] == want.shape[i]);
    if (fits) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: the weight must be floats of shape %s, got %s of shape %s", env->layer,
                   pr_show_shape(&want).text, pr_dtype_name(w->dtype), pr_show_shape(w).text);
}

/* The ways to the sum, as layouts name them: the direct one, FEW, or the side of the tiles of Winograd's. */
enum { DIRECT = 0, FEW = 1 };
static int pr_conv_way(int32_t layout) { return layout > 0 && (layout & PR_LAYOUT_FEW) ? FEW : pr_winograd_m(layout); }

/* The packed form of an input with `depth` channels per group. */
static int32_t pr_conv_layout(const pr_env *env, const pr_conv_attrs *attrs, int64_t depth, int way) {
    if (pr_is_depthwise(attrs, depth)) return PR_LAYOUT_DEPTHWISE | env->kernels->depthwise->lanes;
    return pr_gemm_layout(env->kernels->gemm) | (way == FEW ? PR_LAYOUT_FEW : way ? PR_LAYOUT_WINOGRAD | way << 20 : 0);
}
static int64_t pr_conv_floats(const pr_env *env, const pr_conv_attrs *attrs, int64_t depth, int way) {
    return way == FEW ? pr_few_packed_floats(env->kernels->gemm, attrs, depth)
         : way ? pr_winograd_packed_floats(env->kernels->gemm, depth, attrs->outputs, way, attrs->kernel.at[0])
               : pr_conv_packed_floats(env->kernels, attrs, depth);
}

/* Depth of the only matrix of a convolution in one group. */
static int64_t pr_code_depth(const pr_conv_attrs *attrs, int64_t depth) {
    for (int i = 0; i < attrs->kernel.count; i++) depth *= attrs->kernel.at[i];
    return depth;
}

static pr_status pr_check_packed(pr_env *env, const pr_conv_attrs *attrs, const pr_view *w, int64_t depth) {
    int way = pr_conv_way(attrs->layout), form = pr_codes_form(attrs->layout);
    if (way == FEW ? !pr_few_fits(attrs) : !pr_winograd_fits(attrs, way)) way = DIRECT;
    int32_t wanted = pr_conv_layout(env, attrs, depth, way);
    if (form && (attrs->groups != 1 || attrs->transposed || way))
        return pr_fail(env->message, PR_BAD_PLAN, "%s: a weight of this convolution cannot be compressed", env->layer);
    if (pr_codes_panels(attrs->layout) != wanted)
        return pr_fail(env->message, PR_BAD_PLAN, "%s: the weight is packed as form %#x, but this context's kernels read form "
                       "%#x; compile the model again for this machine", env->layer, (unsigned)attrs->layout, (unsigned)wanted);
    int64_t floats = pr_conv_floats(env, attrs, depth, way);
    if (form && floats > 0) return pr_check_codes(env, form, w, pr_code_depth(attrs, depth), attrs->outputs);
    if (floats > 0 && w->dtype == PR_F32 && w->rank == 1 && w->shape[0] == floats) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: a packed weight of %lld floats was expected, got %lld", env->layer,
                   (long long)floats, (long long)pr_view_count(w));
}

/* Bytes in front of the scratch of conv_gemm.c: room to pack a weight that is only known now. */
static int64_t pr_weight_bytes(const pr_env *env, const pr_conv_attrs *attrs, int64_t depth) {
    if (pr_codes_form(attrs->layout))       /* or to expand one that is compressed */
        return (pr_codes_room(env->kernels->gemm, pr_code_depth(attrs, depth)) * pr_pool_threads(env->pool) * (int64_t)sizeof(float) + 63) / 64 * 64;
    if (attrs->layout) return 0;
    int64_t floats = pr_conv_packed_floats(env->kernels, attrs, depth);
    return floats < 0 ? -1 : (floats * (int64_t)sizeof(float) + 63) / 64 * 64;
}

static pr_status pr_conv_scratch(pr_env *env, const pr_conv *conv) {
    int64_t depth = conv->channels / conv->attrs->groups, weight = pr_weight_bytes(env, conv->attrs, depth);
    int way = pr_conv_way(conv->attrs->layout), threads = pr_pool_threads(env->pool);
    int64_t bytes = pr_is_depthwise(conv->attrs, depth) ? 0
                  : way == FEW ? pr_few_scratch(conv, threads)
                  : way ? pr_winograd_scratch(conv, way, threads) : pr_conv_gemm_scratch(conv);
    if (bytes < 0 || weight < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: the padded image or the weight would be absurdly large", env->layer);
    env->scratch_bytes = (size_t)(weight + bytes);
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
    pr_window_shape(conv.axis, attrs->kernel.count, out);
    out->shape[x->rank - 1] = attrs->outputs;
    for (int i = 0; i < x->rank; i++)
        if (x->shape[i] < 0) return PR_OK;
    if (pr_view_count(x) < 0 || pr_view_count(out) < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input or output would have an absurd number of values", env->layer);
    PR_TRY(pr_check_addends(env, in, inputs, attrs->has_bias != 0, attrs->has_residual != 0, attrs->outputs, out));
    env->rows = !attrs->has_residual;       /* which lies side by side */
    return pr_conv_scratch(env, &conv);
}

pr_status pr_conv_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_conv_attrs *attrs = env->attrs;
    pr_conv conv = {.attrs = attrs, .x = in[0].data, .w = in[1].data, .y = out[0].data,
                    .y_pixel = env->row ? env->row : attrs->outputs,
                    .bias = attrs->has_bias ? in[2].data : NULL,
                    .residual = attrs->has_residual ? in[attrs->has_bias ? 3 : 2].data : NULL};
    char *scratch = env->scratch;
    (void)inputs, (void)outputs;
    PR_TRY(pr_conv_axes(env, attrs, &in[0], &conv));
    int64_t depth = conv.channels / attrs->groups;
    if (!attrs->layout) {                   /* known only now, as the second input of a layer may be */
        pr_conv_pack_weight(env->kernels, attrs, conv.w, depth, (float *)(void *)scratch);
        conv.w = (const float *)(const void *)scratch;
        scratch += pr_weight_bytes(env, attrs, depth);
    }
    pr_codes codes;
    if (pr_codes_form(attrs->layout)) {
        codes = pr_codes_of(env->kernels, pr_codes_form(attrs->layout), attrs->outputs, conv.w, (float *)(void *)scratch);
        conv.codes = &codes;
        scratch += pr_weight_bytes(env, attrs, depth);
    }
    if (pr_is_depthwise(attrs, depth)) pr_conv_depthwise(&conv, env->kernels, env->pool);
    else if (pr_conv_way(attrs->layout) == FEW) pr_conv_few(&conv, env->kernels->gemm, env->pool, scratch);
    else if (pr_winograd_m(attrs->layout)) pr_winograd(&conv, env->kernels->gemm, env->kernels->winograd, env->pool, scratch);
    else pr_conv_gemm(&conv, env->kernels->gemm, env->pool, scratch);
    return PR_OK;
}

/* The fastest way for this input. */
static int pr_conv_choice(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, int64_t depth) {
    pr_conv conv = {.attrs = attrs};
    if (pr_few_pays(env->kernels->gemm, attrs, depth)) return FEW;
    if (!pr_winograd_fits(attrs, 0) || x->rank < 3 || pr_conv_axes(env, attrs, x, &conv) != PR_OK) return DIRECT;
    return pr_winograd_choice(attrs, depth, conv.axis[PR_HEIGHT].out, conv.axis[PR_WIDTH].out);
}

static pr_status pr_pack_few(pr_env *env, const pr_conv_attrs *attrs, const pr_view *w, float *out) {
    float *room = malloc((size_t)pr_view_count(w) * sizeof *room);
    if (!room) return pr_fail(env->message, PR_NO_MEMORY, "%s: no memory to turn its weight around", env->layer);
    pr_few_pack(env->kernels->gemm, attrs, w->data, w->shape[1], room, out);
    free(room);
    return PR_OK;
}

pr_status pr_conv_pack(pr_env *env, void *attributes, const pr_view *in, int inputs, int which, pr_view *out) {
    pr_conv_attrs *attrs = attributes;
    if (which != 1 || inputs < 2) return PR_UNSUPPORTED;
    int32_t before = attrs->layout;         /* 0, what is asked for, or what the first call chose */
    bool direct = before == PR_LAYOUT_DIRECT || (before && !pr_conv_way(before));
    attrs->layout = 0;                      /* what comes in is as in the file, also on the second call */
    PR_TRY(pr_check_groups(env, attrs));
    bool fits = attrs->kernel.count == 2 || attrs->kernel.count == 3;
    for (int i = 0; fits && i < attrs->kernel.count; i++)
        fits = attrs->kernel.at[i] >= 1 && attrs->kernel.at[i] <= 1 << 20 && (!attrs->transposed || (attrs->strides.at[i] >= 1 && attrs->dilations.at[i] >= 1));
    if (!fits || attrs->strides.count != attrs->kernel.count || attrs->dilations.count != attrs->kernel.count)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: kernel, stride and dilation need two or three numbers above 0", env->layer);
    PR_TRY(pr_check_plain(env, attrs, &in[1], -1));
    int64_t depth = in[1].shape[1];
    int way = direct ? DIRECT : pr_conv_choice(env, attrs, &in[0], depth);
    int64_t floats = pr_view_count(&in[1]) < 0 ? -1 : pr_conv_floats(env, attrs, depth, way);
    if (floats < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurd weight", env->layer);
    attrs->layout = pr_conv_layout(env, attrs, depth, way);
    if (out->data && way == FEW) return pr_pack_few(env, attrs, &in[1], out->data);
    if (out->data && way) return pr_winograd_pack(env, in[1].data, attrs->outputs, depth, way, attrs->kernel.at[0], out->data);
    if (out->data) pr_conv_pack_weight(env->kernels, attrs, in[1].data, depth, out->data);
    else *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {floats}};
    return PR_OK;
}
