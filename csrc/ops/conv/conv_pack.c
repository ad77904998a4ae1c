/* The packed forms of a weight. */
#include "ops/conv/conv_kernel.h"
#include "ops/gemm/gemm.h"
#include "ops/conv/depthwise.h"
#include "ops/kernels.h"

static int64_t pr_kernel_taps(const pr_conv_attrs *attrs) {
    return pr_at_axis(&attrs->kernel, PR_DEPTH) * pr_at_axis(&attrs->kernel, PR_HEIGHT) * pr_at_axis(&attrs->kernel, PR_WIDTH);
}

int64_t pr_conv_packed_floats(const pr_kernels *kernels, const pr_conv_attrs *attrs, int64_t depth) {
    int64_t taps = pr_kernel_taps(attrs);   /* at most 2^60 */
    if (taps > PR_MAX_ELEMENTS || depth > PR_MAX_ELEMENTS / taps) return -1;
    if (pr_is_depthwise(attrs, depth)) {
        int64_t channels = pr_depthwise_padded(kernels->depthwise->lanes, attrs->outputs);
        return taps > PR_MAX_ELEMENTS / channels ? -1 : taps * channels;
    }
    int64_t one = pr_gemm_packed_floats(kernels->gemm, taps * depth, attrs->outputs / attrs->groups);
    return one < 0 || one > PR_MAX_ELEMENTS / attrs->groups ? -1 : one * attrs->groups;
}

/* One matrix (or depthwise, one kernel) of the taps in p; w: the group's weights.  Returns the end of what it wrote. */
static float *pr_pack_class(const pr_kernels *kernels, const pr_conv_attrs *attrs, const float *w, int64_t depth,
                            const pr_taps3 *p, float *out) {
    const pr_phase *d = &p->at[PR_DEPTH], *h = &p->at[PR_HEIGHT], *v = &p->at[PR_WIDTH];
    int64_t kh = pr_at_axis(&attrs->kernel, PR_HEIGHT), kw = pr_at_axis(&attrs->kernel, PR_WIDTH), taps = pr_kernel_taps(attrs);
    w += (d->tap * kh + h->tap) * kw + v->tap;
    if (pr_is_depthwise(attrs, depth)) {
        const int64_t channels = attrs->outputs, lanes = kernels->depthwise->lanes;
        for (int64_t block = 0; block < channels; block += lanes) {
            const int64_t first = block + lanes <= channels ? block : channels > lanes ? channels - lanes : 0;
            for (int64_t y = 0; y < h->taps; y++)
                for (int64_t x = 0; x < v->taps; x++)
                    for (int64_t c = first; c < first + lanes; c++)
                        *out++ = c < channels ? w[c * taps + y * h->tap_step * kw + x * v->tap_step] : 0;
        }
        return out;
    }
    int64_t columns = attrs->outputs / attrs->groups;
    const pr_gemm_steps steps = {{d->taps, h->taps, v->taps, depth},
                                 {d->tap_step * kh * kw, h->tap_step * kw, v->tap_step, taps}};
    pr_gemm_pack_steps(kernels->gemm, w, &steps, depth * taps, columns, out);
    return out + pr_gemm_packed_floats(kernels->gemm, pr_taps_count(p) * depth, columns);
}

void pr_conv_pack_weight(const pr_kernels *kernels, const pr_conv_attrs *attrs, const float *w, int64_t depth, float *out) {
    int64_t groups = pr_is_depthwise(attrs, depth) ? 1 : attrs->groups, one = attrs->outputs / groups * depth * pr_kernel_taps(attrs);
    for (int64_t g = 0; g < groups; g++, w += one)
        for (int64_t i = 0; i < pr_tap_classes(attrs, PR_DEPTH); i++)
            for (int64_t j = 0; j < pr_tap_classes(attrs, PR_HEIGHT); j++)
                for (int64_t k = 0; k < pr_tap_classes(attrs, PR_WIDTH); k++) {
                    pr_taps3 p = {{pr_tap_class(attrs, PR_DEPTH, i), pr_tap_class(attrs, PR_HEIGHT, j), pr_tap_class(attrs, PR_WIDTH, k)}};
                    out = pr_pack_class(kernels, attrs, w, depth, &p, out);
                }
}
