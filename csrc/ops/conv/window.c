#include "ops/conv/window.h"

/* Far above any layer's numbers; sums and products of two stay far below overflow. */
#define PR_MOST_CELLS (1 << 20)

static pr_status pr_check_counts(pr_env *env, const pr_dims *dims, int32_t lowest, const char *what) {
    if (dims->count != 2)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s needs two numbers, has %d", env->layer, what, (int)dims->count);
    for (int i = 0; i < 2; i++)
        if (dims->at[i] < lowest || dims->at[i] > PR_MOST_CELLS)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: %s is %d, legal are %d to %d", env->layer, what,
                           (int)dims->at[i], (int)lowest, PR_MOST_CELLS);
    return PR_OK;
}

static int64_t pr_ceiling(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

/* NeuralNetwork.proto: ValidPadding, SamePadding, PoolingLayerParams.ValidCompletePadding (Caffe's rule: the correction
 * applies when there is padding on either axis). */
static void pr_fit(pr_axis *a, int32_t padding, int64_t begin, int64_t end, bool any_padding) {
    int64_t span = pr_span(a);
    a->before = begin;
    a->past = end;
    if (padding == PR_PAD_SAME_BOTTOM_RIGHT || padding == PR_PAD_SAME_TOP_LEFT) {
        a->out = pr_ceiling(a->size, a->stride);
        int64_t total = (a->out - 1) * a->stride + span - a->size;
        if (total < 0) total = 0;
        a->before = padding == PR_PAD_SAME_TOP_LEFT ? total - total / 2 : total / 2;
        a->past = total - a->before;
    } else if (padding == PR_PAD_INCLUDE_LAST) {
        a->past = begin;
        a->out = pr_ceiling(a->size + 2 * begin - span, a->stride) + 1;
        if (any_padding && (a->out - 1) * a->stride >= a->size + begin) a->out--;
    } else {
        int64_t room = a->size + begin + end - span;
        a->out = room < 0 ? 0 : room / a->stride + 1;
    }
}

pr_status pr_window_axes(pr_env *env, const pr_windows *w, const pr_view *x, pr_axis axes[2]) {
    static const char *const names[2] = {"height", "width"};
    PR_TRY(pr_check_counts(env, w->kernel, 1, "the kernel"));
    PR_TRY(pr_check_counts(env, w->strides, 1, "the stride"));
    if (w->dilations) PR_TRY(pr_check_counts(env, w->dilations, 1, "the dilation"));
    bool explicit = w->padding == PR_PAD_EXPLICIT, last = w->padding == PR_PAD_INCLUDE_LAST;
    if (w->padding < PR_PAD_EXPLICIT || w->padding > PR_PAD_INCLUDE_LAST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: padding of kind %d is not known", env->layer, (int)w->padding);
    if (explicit || last) PR_TRY(pr_check_counts(env, w->pads_begin, 0, "the padding"));
    if (explicit) PR_TRY(pr_check_counts(env, w->pads_end, 0, "the padding"));
    bool any = last && (w->pads_begin->at[0] > 0 || w->pads_begin->at[1] > 0);
    for (int i = 0; i < 2; i++) {
        pr_axis *a = &axes[i];
        *a = (pr_axis){.size = x->shape[x->rank - 3 + i], .kernel = w->kernel->at[i], .stride = w->strides->at[i],
                       .dilation = w->dilations ? w->dilations->at[i] : 1, .out = -1};
        if (a->size < 0) continue;
        if (a->size > PR_MAX_ELEMENTS)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurd %s of %lld", env->layer, names[i], (long long)a->size);
        pr_fit(a, w->padding, explicit || last ? w->pads_begin->at[i] : 0, explicit ? w->pads_end->at[i] : 0, any);
        if (a->out < 1)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: a window of %lld cells does not fit the input's %s of %lld with "
                           "its padding", env->layer, (long long)pr_span(a), names[i], (long long)a->size);
    }
    return PR_OK;
}
