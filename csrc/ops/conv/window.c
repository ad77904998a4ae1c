#include "ops/conv/window.h"

/* Far above any layer's numbers; sums and products of two stay far below overflow. */
#define PR_MOST_CELLS (1 << 20)

static pr_status pr_check_counts(pr_env *env, const pr_dims *dims, int32_t count, int32_t lowest, const char *what) {
    if (dims->count != count)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s needs %d numbers, has %d", env->layer, what, (int)count, (int)dims->count);
    for (int i = 0; i < count; i++)
        if (dims->at[i] < lowest || dims->at[i] > PR_MOST_CELLS)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s is %d, legal are %d to %d", env->layer, what,
                           (int)dims->at[i], (int)lowest, PR_MOST_CELLS);
    return PR_OK;
}

static pr_status pr_check_windows(pr_env *env, const pr_windows *w, const pr_view *x) {
    int32_t spatial = w->kernel->count;
    if ((spatial != 2 && spatial != 3) || x->rank <= spatial)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a kernel of two or three numbers and an image with as many axes are "
                       "needed, got %d and rank %d", env->layer, (int)spatial, (int)x->rank);
    PR_TRY(pr_check_counts(env, w->kernel, spatial, 1, "the kernel"));
    PR_TRY(pr_check_counts(env, w->strides, spatial, 1, "the stride"));
    if (w->dilations) PR_TRY(pr_check_counts(env, w->dilations, spatial, 1, "the dilation"));
    if (w->padding < PR_PAD_EXPLICIT || w->padding > PR_PAD_INCLUDE_LAST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: padding of kind %d is not known", env->layer, (int)w->padding);
    if (w->padding == PR_PAD_EXPLICIT || w->padding == PR_PAD_INCLUDE_LAST)
        PR_TRY(pr_check_counts(env, w->pads_begin, spatial, 0, "the padding"));
    if (w->padding == PR_PAD_EXPLICIT) PR_TRY(pr_check_counts(env, w->pads_end, spatial, 0, "the padding"));
    if (w->size && w->size->count) PR_TRY(pr_check_counts(env, w->size, spatial, 1, "the output's size"));
    return PR_OK;
}

static int64_t pr_ceiling(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }
static bool pr_is_same(int32_t padding) { return padding == PR_PAD_SAME_BOTTOM_RIGHT || padding == PR_PAD_SAME_TOP_LEFT; }

static void pr_split(pr_axis *a, int32_t padding, int64_t total) {
    if (total < 0) total = 0;
    a->before = padding == PR_PAD_SAME_TOP_LEFT ? total - total / 2 : total / 2;
    a->past = total - a->before;
}

/* NeuralNetwork.proto: ValidPadding, SamePadding, PoolingLayerParams.ValidCompletePadding (Caffe's rule: the correction
 * applies when there is padding on any axis). */
static void pr_fit(pr_axis *a, int32_t padding, int64_t begin, int64_t end, bool any_padding) {
    int64_t span = pr_span(a);
    a->before = begin;
    a->past = end;
    if (pr_is_same(padding)) {
        a->out = pr_ceiling(a->size, a->stride);
        pr_split(a, padding, (a->out - 1) * a->stride + span - a->size);
    } else if (padding == PR_PAD_INCLUDE_LAST) {
        a->past = begin;
        a->out = pr_ceiling(a->size + 2 * begin - span, a->stride) + 1;
        if (any_padding && (a->out - 1) * a->stride >= a->size + begin) a->out--;
    } else {
        int64_t room = a->size + begin + end - span;
        a->out = room < 0 ? 0 : room / a->stride + 1;
    }
}

/* ConvolutionLayerParams.isDeconvolution.  SAME cuts what the convolution of the result's size would pad, so a size of
 * its own moves the cut; explicit cuts stay, and such a size adds or removes cells at the end. */
static void pr_fit_transposed(pr_axis *a, int32_t padding, int64_t begin, int64_t end, int64_t size) {
    int64_t whole = a->size ? (a->size - 1) * a->stride + pr_span(a) : 0;
    a->before = begin;
    a->past = end;
    a->out = size ? size : pr_is_same(padding) ? a->size * a->stride : whole - begin - end;
    if (pr_is_same(padding)) pr_split(a, padding, whole - a->out);
}

pr_status pr_window_axes(pr_env *env, const pr_windows *w, const pr_view *x, pr_axis axes[PR_SPATIAL]) {
    static const char *const names[PR_SPATIAL] = {"depth", "height", "width"};
    PR_TRY(pr_check_windows(env, w, x));
    const int spatial = w->kernel->count, missing = PR_SPATIAL - spatial;
    bool explicit = w->padding == PR_PAD_EXPLICIT, last = w->padding == PR_PAD_INCLUDE_LAST, any = false;
    for (int i = 0; i < spatial; i++) any |= last && w->pads_begin->at[i] > 0;
    for (int i = 0; i < missing; i++) axes[i] = (pr_axis){.size = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1};
    for (int i = 0; i < spatial; i++) {
        pr_axis *a = &axes[missing + i];
        *a = (pr_axis){.size = x->shape[x->rank - 1 - spatial + i], .kernel = w->kernel->at[i], .stride = w->strides->at[i],
                       .dilation = w->dilations ? w->dilations->at[i] : 1, .out = -1};
        int64_t size = w->size && w->size->count ? w->size->at[i] : 0;
        if (a->size < 0) {
            if (w->transposed && size) a->out = size;
            continue;
        }
        if (a->size > PR_MAX_ELEMENTS)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurd %s of %lld", env->layer, names[missing + i], (long long)a->size);
        int64_t begin = explicit || last ? w->pads_begin->at[i] : 0, end = explicit ? w->pads_end->at[i] : 0;
        if (w->transposed) pr_fit_transposed(a, w->padding, begin, end, size);
        else pr_fit(a, w->padding, begin, end, any);
        if (a->out < 1)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: a window of %lld cells does not fit the input's %s of %lld with "
                           "its padding", env->layer, (long long)pr_span(a), names[missing + i], (long long)a->size);
    }
    return PR_OK;
}

void pr_window_shape(const pr_axis axes[PR_SPATIAL], int spatial, pr_view *out) {
    for (int i = 0; i < spatial; i++) out->shape[out->rank - 1 - spatial + i] = axes[PR_SPATIAL - spatial + i].out;
}
