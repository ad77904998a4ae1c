/* The operator INVERTED: shape rule and run. */
#include "ops/conv/inverted.h"

#include "ops/check.h"
#include "ops/conv/conv_kernel.h"
#include "ops/conv/depthwise.h"
#include "ops/gemm/gemm.h"
#include "ops/kernels.h"

pr_infer_fn pr_conv_infer;

enum { X, EXPAND, DEPTHWISE = 3, PROJECT = 5, RESIDUAL = 7 };      /* inputs: a bias follows each weight */

/* Bytes of wide rows that a strip aims at: with weights and images around them they stay in a second-level cache of
 * 512 KiB. */
#define PR_INVERTED_STRIP (192 << 10)

static bool pr_is_plain(const pr_conv_attrs *a, bool residual) {
    return a->kernel.count == 2 && a->strides.count == 2 && !a->transposed && a->layout && !pr_codes_form(a->layout) &&
           a->has_bias && (residual || !a->has_residual);
}

/* Each pixel to the same pixel. */
static bool pr_is_pixelwise(const pr_conv_attrs *a) {
    for (int i = 0; i < 2; i++)
        if (a->kernel.at[i] != 1 || a->strides.at[i] != 1 ||
            (a->padding == PR_PAD_EXPLICIT && (a->pads_begin.at[i] || a->pads_end.at[i])))
            return false;
    return a->groups == 1;
}

static pr_status pr_check_parts(pr_env *env, const pr_inverted_attrs *a, int inputs) {
    bool fits = pr_is_plain(&a->expand, false) && pr_is_plain(&a->depthwise, false) && pr_is_plain(&a->project, true) &&
                pr_is_pixelwise(&a->expand) && pr_is_pixelwise(&a->project) && pr_is_depthwise(&a->depthwise, 1) &&
                a->depthwise.groups == a->expand.outputs;
    if (!fits)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a 1x1, a depthwise and a 1x1 convolution with packed weights and biases "
                       "are needed", env->layer);
    const int wanted = RESIDUAL + (a->project.has_residual != 0);
    if (inputs != wanted)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %d inputs expected, got %d", env->layer, wanted, inputs);
    return PR_OK;
}

/* The shape rule of one of the three; w: its weight and bias, and what it adds. */
static pr_status pr_infer_part(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, const pr_view *w, pr_view *out) {
    pr_env part = *env;
    const pr_view in[4] = {*x, w[0], w[1], attrs->has_residual ? w[2] : w[1]};
    part.attrs = attrs;
    return pr_conv_infer(&part, in, 3 + (attrs->has_residual != 0), out, 1);
}

static pr_status pr_axes(pr_env *env, const pr_conv_attrs *a, const pr_view *x, pr_axis axes[PR_SPATIAL]) {
    const pr_windows windows = {&a->kernel, &a->strides, &a->dilations, &a->pads_begin, &a->pads_end, a->padding, false, NULL};
    return pr_window_axes(env, &windows, x, axes);
}

/* How an image is cut.  A thread's scratch is what it did last, a ring of the last `ring` expanded rows, and `rows` depthwise
 * ones. */
typedef struct pr_strip_cut {
    pr_axis h, v;
    int64_t wide;                           /* channels between the three */
    int64_t rows, ring, strips;             /* strips: of one image */
} pr_strip_cut;

/* A thread that goes on with the strip below finds the rows that both need in its ring. */
typedef struct pr_strip_done {
    _Alignas(64) int64_t next, there;       /* the strip below the last one; its image's rows up to here are expanded */
} pr_strip_done;

static int64_t pr_ring_floats(const pr_strip_cut *s) { return s->ring * s->v.size * s->wide; }
static int64_t pr_strip_bytes(const pr_strip_cut *s) {
    const int64_t floats = pr_ring_floats(s) + s->rows * s->v.out * s->wide;
    return (int64_t)sizeof(pr_strip_done) + (floats + 15) / 16 * 16 * (int64_t)sizeof(float);
}

static pr_strip_cut pr_cut_strips(const pr_axis *h, const pr_axis *v, int64_t wide) {
    pr_strip_cut s = {.h = *h, .v = *v, .wide = wide};
    for (int64_t rows = PR_DW_ITEM; rows > 0; rows = rows == 2 ? 0 : rows - 2) {
        s.rows = rows < h->out ? rows : h->out;
        s.ring = (s.rows - 1) * h->stride + pr_span(h);
        if (s.ring > h->size) s.ring = h->size;
        if (pr_strip_bytes(&s) <= PR_INVERTED_STRIP) break;
    }
    s.strips = (h->out + s.rows - 1) / s.rows;
    return s;
}

pr_status pr_inverted_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_inverted_attrs *a = env->attrs;
    pr_view wide, low;
    pr_axis axes[PR_SPATIAL];
    (void)outputs;
    PR_TRY(pr_check_parts(env, a, inputs));
    PR_TRY(pr_infer_part(env, &a->expand, &in[X], &in[EXPAND], &wide));
    PR_TRY(pr_infer_part(env, &a->depthwise, &wide, &in[DEPTHWISE], &low));
    PR_TRY(pr_infer_part(env, &a->project, &low, &in[PROJECT], out));
    for (int i = 0; i < out->rank; i++)
        if (in[X].shape[i] < 0) return PR_OK;
    PR_TRY(pr_axes(env, &a->depthwise, &wide, axes));
    pr_strip_cut cut = pr_cut_strips(&axes[PR_HEIGHT], &axes[PR_WIDTH], a->expand.outputs);
    env->scratch_bytes = (size_t)(pr_strip_bytes(&cut) * pr_pool_threads(env->pool));
    return PR_OK;
}

typedef struct pr_inverted_job {
    const pr_inverted_attrs *attrs;
    const pr_kernels *kernels;
    const pr_view *in;
    float *y;
    char *scratch;
    pr_strip_cut cut;
    pr_gemm_args expand, project;           /* all but where they read and write */
    pr_depthwise_args depthwise;
} pr_inverted_job;

/* Rows from..to-1 of the expanded image x, a product each: how a product rounds depends on the number of its pixels, and
 * with several threads a run of rows begins elsewhere. */
static void pr_expand_rows(const pr_inverted_job *job, const float *x, float *ring, int64_t from, int64_t to) {
    const pr_strip_cut *s = &job->cut;
    pr_gemm_args g = job->expand;
    g.pixels = s->v.size;
    for (int64_t y = from; y < to; y++) {
        g.a = x + y * g.pixels * g.k;
        g.c = ring + y % s->ring * g.pixels * s->wide;
        pr_gemm_multiply(job->kernels->gemm, NULL, &g);
    }
}

static void pr_depthwise_strip(const pr_inverted_job *job, const float *ring, float *strip, int64_t row, int64_t rows) {
    pr_depthwise_args d = job->depthwise;
    d.x = ring;
    d.y = strip;
    d.h.before -= row * d.h.stride;         /* row 0 of the strip is this one of the image */
    d.h.out = rows;
    job->kernels->depthwise->rows(&d, 0, (int)rows, 0, d.channels);
}

static pr_strip_done *pr_done(const pr_inverted_job *job, int worker) {
    return (pr_strip_done *)(void *)(job->scratch + worker * pr_strip_bytes(&job->cut));
}

static void pr_inverted_strip(const pr_inverted_job *job, int64_t t, pr_strip_done *done) {
    const pr_strip_cut *s = &job->cut;
    const int64_t line = s->v.out * job->attrs->project.outputs, n = t / s->strips, row = t % s->strips * s->rows;
    const int64_t rows = s->rows < s->h.out - row ? s->rows : s->h.out - row;
    const float *x = (const float *)job->in[X].data + n * s->h.size * s->v.size * job->expand.k;
    float *ring = (float *)(void *)(done + 1), *strip = ring + pr_ring_floats(s);
    int64_t low = pr_origin(&s->h, row), high = pr_origin(&s->h, row + rows - 1) + pr_span(&s->h);
    if (low < 0) low = 0;
    if (high > s->h.size) high = s->h.size;
    if (row && done->next == t && done->there > low) low = done->there;
    if (high > low) pr_expand_rows(job, x, ring, low, high);
    *done = (pr_strip_done){t + 1, high > low ? high : low};
    pr_depthwise_strip(job, ring, strip, row, rows);
    pr_gemm_args g = job->project;
    ptrdiff_t at = (n * s->h.out + row) * line;
    g.pixels = rows * s->v.out;
    g.a = strip;
    g.c = job->y + at;
    if (g.residual) g.residual += at;
    pr_gemm_multiply(job->kernels->gemm, NULL, &g);
}

static void pr_inverted_strips(void *arg, int64_t begin, int64_t end, int worker) {
    for (int64_t t = begin; t < end; t++) pr_inverted_strip(arg, t, pr_done(arg, worker));
}

static pr_gemm_args pr_product_of(const pr_conv_attrs *a, const pr_view *w, int64_t depth) {
    return (pr_gemm_args){.b = w[0].data, .bias = w[1].data, .lines = 1, .columns = a->outputs, .a_pixel = depth,
                          .c_pixel = a->outputs, .k = depth, .activation = a->activation};
}

pr_status pr_inverted_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_inverted_attrs *a = env->attrs;
    const int64_t depth = in[X].shape[in[X].rank - 1], wide = a->expand.outputs;
    pr_axis axes[PR_SPATIAL];
    (void)inputs, (void)outputs;
    PR_TRY(pr_axes(env, &a->depthwise, &in[X], axes));
    const pr_axis *h = &axes[PR_HEIGHT], *v = &axes[PR_WIDTH];
    pr_inverted_job job = {
        .attrs = a, .kernels = env->kernels, .in = in, .y = out->data, .scratch = env->scratch,
        .cut = pr_cut_strips(h, v, wide),
        .expand = pr_product_of(&a->expand, &in[EXPAND], depth), .project = pr_product_of(&a->project, &in[PROJECT], wide),
    };
    if (a->project.has_residual) job.project.residual = in[RESIDUAL].data;
    job.depthwise = (pr_depthwise_args){.w = in[DEPTHWISE].data, .bias = in[DEPTHWISE + 1].data, .h = *h, .v = *v, .channels = wide,
                                        .ring = job.cut.ring, .x_line = v->size * wide, .x_pixel = wide,
                                        .y_line = v->out * wide, .y_pixel = wide, .activation = a->depthwise.activation};
    for (int i = 0; i < pr_pool_threads(env->pool); i++) *pr_done(&job, i) = (pr_strip_done){-1, 0};
    pr_for(env->pool, pr_view_span(&in[X], 0, in[X].rank - 3) * job.cut.strips, 1, pr_inverted_strips, &job);
    return PR_OK;
}
