/* The operator POOL: shape rule, run. */
#include "ops/pool/pool.h"

#include "ops/kernels.h"
#include "ops/pool/pool_kernel.h"

/* Channels of one work item, where there are few rows. */
#define PR_POOL_CHANNELS 64
/* Cells read below which another thread does not pay. */
#define PR_POOL_WORTH (16 << 10)

const pr_pool_kernel pr_pool_kernels[] = {
#define PR_POOL(type, level, lanes) \
    PR_ROW_##level({"pool_" #type "__" #level, PR_ISA_##level, lanes, pr_pool_##type##__##level},)
#include "ops/pool/pool.def"
#undef PR_POOL
};
const int pr_pool_kernel_count = sizeof pr_pool_kernels / sizeof *pr_pool_kernels;

const pr_pool_kernel *pr_pool_select(uint32_t levels) {
    const pr_pool_kernel *best = &pr_pool_kernels[0];
    for (int i = 1; i < pr_pool_kernel_count; i++)
        if (pr_pool_kernels[i].level & levels) best = &pr_pool_kernels[i];
    return best;
}

static pr_status pr_pool_axes(pr_env *env, const pr_pool_attrs *attrs, const pr_view *x, pr_axis axes[PR_SPATIAL]) {
    if (!attrs->global) {
        pr_windows windows = {&attrs->kernel, &attrs->strides, NULL, &attrs->pads_begin, &attrs->pads_end, attrs->padding, false, NULL};
        return pr_window_axes(env, &windows, x, axes);
    }
    const int spatial = attrs->kernel.count;
    if ((spatial != 2 && spatial != 3) || x->rank <= spatial)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: pooling over %d axes of rank %d cannot be", env->layer, spatial, (int)x->rank);
    axes[PR_DEPTH] = (pr_axis){.size = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1};
    for (int i = 0; i < spatial; i++) {
        int64_t size = x->shape[x->rank - 1 - spatial + i];
        if (size == 0 || size < -1 || size > PR_MAX_ELEMENTS)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: an image with an axis of %lld cells cannot be pooled", env->layer,
                           (long long)size);
        axes[PR_SPATIAL - spatial + i] = (pr_axis){.size = size, .kernel = size, .stride = 1, .dilation = 1, .out = 1};
    }
    return PR_OK;
}

pr_status pr_pool_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pool_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    pr_axis axes[PR_SPATIAL];
    (void)inputs, (void)outputs;
    if (attrs->kind < PR_POOL_MAX || attrs->kind > PR_POOL_L2)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: pooling of kind %d is not known", env->layer, (int)attrs->kind);
    if (x->dtype != PR_F32 || x->rank < 3 || x->rank > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a float image (..., height, width, channels) is needed, got rank %d",
                       env->layer, (int)x->rank);
    PR_TRY(pr_pool_axes(env, attrs, x, axes));
    *out = *x;
    out->data = NULL;
    pr_window_shape(axes, attrs->kernel.count, out);
    env->rows = true;
    for (int i = 0; i < x->rank; i++)
        if (x->shape[i] < 0) return PR_OK;
    if (pr_view_count(x) < 0 || pr_view_count(out) < 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: input or output would have an absurd number of values", env->layer);
    return PR_OK;
}

typedef struct pr_pool_job {
    const pr_pool_kernel *kernel;
    pr_pool_args p;
    int64_t parts;                          /* of the channels */
} pr_pool_job;

/* Item t: part t % parts of row t / parts of all images. */
static void pr_pool_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_pool_job *job = arg;
    (void)worker;
    for (int64_t t = begin; t < end; t++) {
        pr_pool_args p = job->p;
        int64_t rows = p.d.out * p.h.out, row = t / job->parts, image = row / rows, from = t % job->parts * PR_POOL_CHANNELS;
        int64_t to = t % job->parts == job->parts - 1 ? p.channels : from + PR_POOL_CHANNELS;
        p.x += image * p.d.size * p.h.size * p.v.size * p.channels;
        p.y += image * rows * p.v.out * p.y_pixel;
        job->kernel->row(&p, row % rows, from, to);
    }
}

pr_status pr_pool_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pool_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    pr_axis axes[PR_SPATIAL];
    (void)inputs, (void)outputs;
    if (pr_view_count(&out[0]) == 0) return PR_OK;          /* no channels, perhaps in billions of rows */
    PR_TRY(pr_pool_axes(env, attrs, x, axes));
    pr_pool_job job = {env->kernels->pool, {x->data, out[0].data, axes[0], axes[1], axes[2], x->shape[x->rank - 1],
                                            env->row ? env->row : x->shape[x->rank - 1], attrs->kind,
                                            attrs->exclude_padding != 0}, 1};
    int64_t rows = pr_view_span(x, 0, x->rank - 1 - attrs->kernel.count) * axes[0].out * axes[1].out;
    if (rows < 4 * pr_pool_threads(env->pool) && job.p.channels >= 2 * PR_POOL_CHANNELS)
        job.parts = job.p.channels / PR_POOL_CHANNELS;
    double work = (double)axes[2].out * (double)job.p.channels / (double)job.parts;
    for (int i = 0; i < PR_SPATIAL; i++) work *= (double)(axes[i].kernel < axes[i].size ? axes[i].kernel : axes[i].size);
    pr_for(env->pool, rows * job.parts, work > 0 ? (int64_t)(PR_POOL_WORTH / work) + 1 : 1, pr_pool_items, &job);
    return PR_OK;
}
