/* Convolution as a matrix product that reads the image in place: the values under one kernel row lie side by side, so
 * they are one segment of a row of A, and neighbouring outputs are `stride` pixels apart.  Only padding needs a copy of
 * the image, with zeros around it. */
#include <string.h>

#include "ops/conv/conv_kernel.h"
#include "ops/gemm/gemm.h"

/* Rows and columns that the windows touch, padding included. */
static int64_t pr_touched(const pr_axis *a) { return (a->out - 1) * a->stride + pr_span(a); }
static bool pr_outside(const pr_axis *a) { return a->before > 0 || pr_touched(a) > a->size; }
static bool pr_is_padded(const pr_conv *conv) { return pr_outside(&conv->h) || pr_outside(&conv->v); }
static bool pr_is_pointwise(const pr_conv *conv) {
    return conv->h.kernel == 1 && conv->v.kernel == 1 && conv->h.stride == 1 && conv->v.stride == 1 && !pr_is_padded(conv);
}

static int64_t pr_segment_bytes(const pr_conv *conv) {
    return (conv->h.kernel * conv->v.kernel * (int64_t)sizeof(ptrdiff_t) + 63) / 64 * 64;
}

int64_t pr_conv_gemm_scratch(const pr_conv *conv) {
    if (pr_is_pointwise(conv)) return 0;
    int64_t bytes = pr_segment_bytes(conv);
    if (!pr_is_padded(conv)) return bytes;
    pr_view copy = {.rank = 3, .shape = {pr_touched(&conv->h), pr_touched(&conv->v), conv->channels}};
    int64_t floats = pr_view_count(&copy);
    return floats < 0 ? -1 : bytes + floats * (int64_t)sizeof(float);
}

typedef struct pr_padding_job {
    const pr_conv *conv;
    const float *image;
    float *out;
} pr_padding_job;

static void pr_pad_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_padding_job *job = arg;
    const pr_axis *h = &job->conv->h, *v = &job->conv->v;
    int64_t c = job->conv->channels, width = pr_touched(v);
    int64_t middle = width - v->before < v->size ? width - v->before : v->size;      /* real columns that are touched */
    if (middle < 0) middle = 0;
    int64_t left = v->before < width ? v->before : width;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *out = job->out + r * width * c;
        int64_t y = r - h->before;
        if (y < 0 || y >= h->size) {
            memset(out, 0, (size_t)(width * c) * sizeof *out);
            continue;
        }
        memset(out, 0, (size_t)(left * c) * sizeof *out);
        memcpy(out + left * c, job->image + y * v->size * c, (size_t)(middle * c) * sizeof *out);
        memset(out + (left + middle) * c, 0, (size_t)((width - left - middle) * c) * sizeof *out);
    }
}

/* Fills in what an image with `width` columns means for the rows of A. */
static void pr_describe(const pr_conv *conv, int64_t width, ptrdiff_t *segment, pr_gemm_args *g) {
    const pr_axis *h = &conv->h, *v = &conv->v;
    int64_t depth = conv->channels / conv->attrs->groups;
    bool whole_rows = depth == conv->channels && v->dilation == 1;
    int64_t taps = whole_rows ? 1 : v->kernel;
    for (int64_t p = 0; p < h->kernel; p++)
        for (int64_t q = 0; q < taps; q++)
            segment[p * taps + q] = (p * h->dilation * width + q * v->dilation) * conv->channels;
    g->segment = segment;
    g->segments = h->kernel * taps;
    g->k = whole_rows ? v->kernel * depth : depth;
    g->lines = h->out;
    g->pixels = v->out;
    g->a_line = h->stride * width * conv->channels;
    g->a_pixel = v->stride * conv->channels;
    g->c_line = v->out * conv->attrs->outputs;
    g->c_pixel = conv->attrs->outputs;
}

/* All groups of one image (of all images, when it is pointwise). */
static void pr_groups(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, pr_gemm_args g) {
    int64_t groups = conv->attrs->groups, depth = conv->channels / groups;
    g.columns = conv->attrs->outputs / groups;
    g.activation = conv->attrs->activation;
    int64_t matrix = pr_gemm_packed_floats(kernel, conv->h.kernel * conv->v.kernel * depth, g.columns);
    for (int64_t i = 0; i < groups; i++) {
        pr_gemm_multiply(kernel, pool, &g);
        g.a += depth;
        g.b += matrix;
        g.c += g.columns;
        if (g.bias) g.bias += g.columns;
        if (g.residual) g.residual += g.columns;
    }
}

void pr_conv_gemm(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, void *scratch) {
    const pr_axis *h = &conv->h, *v = &conv->v;
    pr_gemm_args g = {.a = conv->x, .b = conv->w, .bias = conv->bias, .residual = conv->residual, .c = conv->y};
    if (pr_is_pointwise(conv)) {
        g.lines = 1;
        g.pixels = conv->images * h->size * v->size;
        g.a_pixel = conv->channels;
        g.c_pixel = conv->attrs->outputs;
        g.segments = 1;
        g.k = conv->channels / conv->attrs->groups;
        pr_groups(conv, kernel, pool, g);
        return;
    }
    bool padded = pr_is_padded(conv);
    float *copy = (float *)((char *)scratch + pr_segment_bytes(conv));
    pr_describe(conv, padded ? pr_touched(v) : v->size, scratch, &g);
    for (int64_t n = 0; n < conv->images; n++) {
        g.a = conv->x + n * h->size * v->size * conv->channels;
        if (padded) {
            pr_padding_job job = {conv, g.a, copy};
            int64_t row = pr_touched(v) * conv->channels;
            pr_for(pool, pr_touched(h), (16 << 10) / row + 1, pr_pad_rows, &job);
            g.a = copy;
        }
        pr_groups(conv, kernel, pool, g);
        g.c += h->out * g.c_line;
        if (g.residual) g.residual += h->out * g.c_line;
    }
}
