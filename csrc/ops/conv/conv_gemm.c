/* Convolution as a matrix product that reads the image in place: the values under one kernel row lie side by side, so
 * they are one segment of a row of A, and neighbouring outputs are `advance` pixels apart.  Only padding needs a copy of
 * the image, with zeros around it.  A transposed convolution is one such product per phase, each writing every `step`-th
 * pixel. */
#include <string.h>

#include "ops/conv/conv_kernel.h"
#include "ops/gemm/gemm.h"

/* The cells that some window touches, padding included: low .. high-1. */
typedef struct pr_reach { int64_t low, high; } pr_reach;

static pr_reach pr_touched(const pr_conv_attrs *attrs, const pr_axis *axis) {
    pr_reach all = {0, 0};
    bool any = false;
    for (int64_t i = 0; i < pr_phases(attrs, axis); i++) {
        pr_phase p = pr_phase_at(attrs, axis, i);
        if (!p.taps) continue;
        int64_t high = p.origin + (p.count - 1) * p.advance + (p.taps - 1) * p.spread + 1;
        if (!any || p.origin < all.low) all.low = p.origin;
        if (!any || high > all.high) all.high = high;
        any = true;
    }
    return all;
}

/* The image that the product reads: x itself, or a copy of the touched cells. */
typedef struct pr_image {
    int64_t low[PR_SPATIAL], size[PR_SPATIAL];
    bool is_copy;
} pr_image;

static pr_image pr_image_of(const pr_conv *conv) {
    pr_image image = {.is_copy = false};
    for (int i = 0; i < PR_SPATIAL; i++) {
        pr_reach reach = pr_touched(conv->attrs, &conv->axis[i]);
        image.is_copy |= reach.low < 0 || reach.high > conv->axis[i].size;
        image.low[i] = reach.low;
        image.size[i] = reach.high - reach.low;
    }
    for (int i = 0; i < PR_SPATIAL && !image.is_copy; i++) {
        image.low[i] = 0;
        image.size[i] = conv->axis[i].size;
    }
    return image;
}

static bool pr_is_pointwise(const pr_conv *conv) {
    for (int i = 0; i < PR_SPATIAL; i++) {
        const pr_axis *a = &conv->axis[i];
        if (a->kernel != 1 || a->stride != 1 || a->before || a->out != a->size) return false;
    }
    return true;
}

static int64_t pr_segment_bytes(const pr_conv *conv) {
    int64_t taps = conv->axis[0].kernel * conv->axis[1].kernel * conv->axis[2].kernel;
    return (taps * (int64_t)sizeof(ptrdiff_t) + 63) / 64 * 64;
}

int64_t pr_conv_gemm_scratch(const pr_conv *conv) {
    if (pr_is_pointwise(conv)) return 0;
    pr_image image = pr_image_of(conv);
    if (!image.is_copy) return pr_segment_bytes(conv);
    pr_view copy = {.rank = 4, .shape = {image.size[0], image.size[1], image.size[2], conv->channels}};
    int64_t floats = pr_view_count(&copy);
    return floats < 0 ? -1 : pr_segment_bytes(conv) + floats * (int64_t)sizeof(float);
}

typedef struct pr_padding_job {
    const pr_conv *conv;
    const pr_image *image;
    const float *x;
    float *out;
} pr_padding_job;

/* Rows begin..end-1 of the copy, counted through its depth. */
static void pr_pad_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_padding_job *job = arg;
    const pr_image *image = job->image;
    const pr_axis *d = &job->conv->axis[PR_DEPTH], *h = &job->conv->axis[PR_HEIGHT], *v = &job->conv->axis[PR_WIDTH];
    int64_t c = job->conv->channels, width = image->size[PR_WIDTH], low = image->low[PR_WIDTH];
    int64_t from = low > 0 ? low : 0, to = low + width < v->size ? low + width : v->size;     /* real columns */
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *out = job->out + r * width * c;
        int64_t z = image->low[PR_DEPTH] + r / image->size[PR_HEIGHT], y = image->low[PR_HEIGHT] + r % image->size[PR_HEIGHT];
        if (z < 0 || z >= d->size || y < 0 || y >= h->size || from >= to) {
            memset(out, 0, (size_t)(width * c) * sizeof *out);
            continue;
        }
        memset(out, 0, (size_t)((from - low) * c) * sizeof *out);
        memcpy(out + (from - low) * c, job->x + ((z * h->size + y) * v->size + from) * c, (size_t)((to - from) * c) * sizeof *out);
        memset(out + (to - low) * c, 0, (size_t)((low + width - to) * c) * sizeof *out);
    }
}

/* Fills in what a phase means for the rows of A and C: the cells of the first output's window, and the steps from there. */
static void pr_describe(const pr_conv *conv, const pr_image *image, const pr_taps3 *p, ptrdiff_t *segment, pr_gemm_args *g) {
    const pr_phase *d = &p->at[PR_DEPTH], *h = &p->at[PR_HEIGHT], *v = &p->at[PR_WIDTH];
    const int64_t C = conv->channels, O = conv->y_pixel, width = image->size[PR_WIDTH], plane = image->size[PR_HEIGHT] * width;
    bool whole_rows = conv->attrs->groups == 1 && v->spread == 1 && v->taps > 0;
    int64_t across = whole_rows ? 1 : v->taps;
    g->segment = segment;
    for (int64_t i = 0; i < d->taps; i++)
        for (int64_t j = 0; j < h->taps; j++)
            for (int64_t k = 0; k < across; k++) *segment++ = (i * d->spread * plane + j * h->spread * width + k * v->spread) * C;
    g->segments = segment - g->segment;
    g->k = (whole_rows ? v->taps : 1) * (C / conv->attrs->groups);
    g->lines = h->count;
    g->pixels = v->count;
    g->a_line = h->advance * width * C;
    g->a_pixel = v->advance * C;
    g->c_line = h->step * conv->axis[PR_WIDTH].out * O;
    g->c_pixel = v->step * O;
    ptrdiff_t at = (d->first * conv->axis[PR_HEIGHT].out + h->first) * conv->axis[PR_WIDTH].out * O + v->first * O;
    g->c += at;
    if (g->residual) g->residual += at;
    if (g->segments)
        g->a += (d->origin - image->low[PR_DEPTH]) * plane * C + (h->origin - image->low[PR_HEIGHT]) * width * C +
                (v->origin - image->low[PR_WIDTH]) * C;
}

/* All groups of one plane; `matrix` floats from one group's weights to the next. */
static void pr_groups(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, pr_gemm_args g, int64_t matrix) {
    int64_t groups = conv->attrs->groups, depth = conv->channels / groups;
    g.columns = conv->attrs->outputs / groups;
    g.activation = conv->attrs->activation;
    for (int64_t i = 0; i < groups; i++) {
        pr_gemm_multiply(kernel, pool, &g);
        g.a += depth;
        g.b += matrix;
        g.c += g.columns;
        if (g.bias) g.bias += g.columns;
        if (g.residual) g.residual += g.columns;
    }
}

/* One phase of one image, plane after plane of its depth. */
static void pr_run_phase(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, const pr_image *image,
                         const pr_taps3 *p, void *segment, pr_gemm_args g) {
    const pr_phase *d = &p->at[PR_DEPTH], *h = &p->at[PR_HEIGHT], *v = &p->at[PR_WIDTH];
    int64_t kh = conv->axis[PR_HEIGHT].kernel, kw = conv->axis[PR_WIDTH].kernel, depth = conv->channels / conv->attrs->groups;
    int64_t row = pr_gemm_packed_floats(kernel, depth, conv->attrs->outputs / conv->attrs->groups);     /* of one tap */
    g.b += row * (d->before * kh * kw + d->taps * (h->before * kw + h->taps * v->before));
    pr_describe(conv, image, p, segment, &g);
    int64_t plane = conv->axis[PR_HEIGHT].out * conv->axis[PR_WIDTH].out * conv->y_pixel;
    for (int64_t i = 0; i < d->count; i++) {
        pr_groups(conv, kernel, pool, g, row * conv->axis[PR_DEPTH].kernel * kh * kw);
        if (g.segments) g.a += d->advance * image->size[PR_HEIGHT] * image->size[PR_WIDTH] * conv->channels;
        g.c += d->step * plane;
        if (g.residual) g.residual += d->step * plane;
    }
}

static void pr_run_image(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, const pr_image *image,
                         void *segment, const pr_gemm_args *g) {
    const pr_axis *axis = conv->axis;
    for (int64_t i = 0; i < pr_phases(conv->attrs, &axis[PR_DEPTH]); i++)
        for (int64_t j = 0; j < pr_phases(conv->attrs, &axis[PR_HEIGHT]); j++)
            for (int64_t k = 0; k < pr_phases(conv->attrs, &axis[PR_WIDTH]); k++) {
                pr_taps3 p = {{pr_phase_at(conv->attrs, &axis[PR_DEPTH], i), pr_phase_at(conv->attrs, &axis[PR_HEIGHT], j),
                               pr_phase_at(conv->attrs, &axis[PR_WIDTH], k)}};
                pr_run_phase(conv, kernel, pool, image, &p, segment, *g);
            }
}

void pr_conv_gemm(const pr_conv *conv, const struct pr_gemm_kernel *kernel, pr_pool *pool, void *scratch) {
    const pr_axis *d = &conv->axis[PR_DEPTH], *h = &conv->axis[PR_HEIGHT], *v = &conv->axis[PR_WIDTH];
    pr_gemm_args g = {.a = conv->x, .b = conv->w, .bias = conv->bias, .residual = conv->residual, .c = conv->y, .codes = conv->codes};
    int64_t cells = d->size * h->size * v->size, out = d->out * h->out * v->out * conv->y_pixel;
    if (pr_is_pointwise(conv)) {
        g.lines = 1;
        g.pixels = conv->images * cells;
        g.a_pixel = conv->channels;
        g.c_pixel = conv->y_pixel;
        g.segments = 1;
        g.k = conv->channels / conv->attrs->groups;
        pr_groups(conv, kernel, pool, g, pr_gemm_packed_floats(kernel, g.k, conv->attrs->outputs / conv->attrs->groups));
        return;
    }
    pr_image image = pr_image_of(conv);
    float *copy = (float *)(void *)((char *)scratch + pr_segment_bytes(conv));
    for (int64_t n = 0; n < conv->images; n++) {
        g.a = conv->x + n * cells * conv->channels;
        if (image.is_copy) {
            pr_padding_job job = {conv, &image, g.a, copy};
            int64_t row = image.size[PR_WIDTH] * conv->channels;
            pr_for(pool, image.size[PR_DEPTH] * image.size[PR_HEIGHT], (16 << 10) / (row + 1) + 1, pr_pad_rows, &job);
            g.a = copy;
        }
        pr_run_image(conv, kernel, pool, &image, scratch, &g);
        g.c += out;
        if (g.residual) g.residual += out;
    }
}
