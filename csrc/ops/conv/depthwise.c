#include "ops/conv/depthwise.h"

#include "ops/conv/conv_kernel.h"
#include "ops/kernels.h"

const pr_depthwise_kernel pr_depthwise_kernels[] = {
#define PR_DEPTHWISE(type, level, lanes) \
    PR_ROW_##level({"depthwise_" #type "__" #level, PR_ISA_##level, lanes, pr_depthwise_##type##__##level},)
#include "ops/conv/depthwise.def"
#undef PR_DEPTHWISE
};
const int pr_depthwise_kernel_count = sizeof pr_depthwise_kernels / sizeof *pr_depthwise_kernels;

const pr_depthwise_kernel *pr_depthwise_select(uint32_t levels) {
    const pr_depthwise_kernel *best = &pr_depthwise_kernels[0];
    for (int i = 1; i < pr_depthwise_kernel_count; i++)
        if (pr_depthwise_kernels[i].level & levels) best = &pr_depthwise_kernels[i];
    return best;
}

/* Channels of one work item: enough for whole cache lines, few enough to give small images to several threads. */
#define PR_DW_CHANNELS 128
/* Multiply-adds below which another thread does not pay. */
#define PR_DW_WORTH (16 << 10)

typedef struct pr_dw_job {
    const pr_depthwise_kernel *kernel;
    const pr_depthwise_args *d;
    int64_t parts;                          /* of the channels */
} pr_dw_job;

static void pr_dw_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_dw_job *job = arg;
    const pr_depthwise_args *d = job->d;
    (void)worker;
    for (int64_t t = begin; t < end; t++) {
        int64_t row = t / job->parts * PR_DW_ITEM, rows = d->h.out - row, from = t % job->parts * PR_DW_CHANNELS, to = from + PR_DW_CHANNELS;
        if (t % job->parts == job->parts - 1) to = d->channels;
        job->kernel->rows(d, row, (int)(rows < PR_DW_ITEM ? rows : PR_DW_ITEM), from, to);
    }
}

void pr_depthwise(const pr_depthwise_kernel *kernel, pr_pool *pool, const pr_depthwise_args *d) {
    pr_dw_job job = {kernel, d, 1};
    int64_t strips = (d->h.out + PR_DW_ITEM - 1) / PR_DW_ITEM;
    if (pool && strips < 4 * pr_pool_threads(pool) && d->channels >= 2 * PR_DW_CHANNELS)
        job.parts = d->channels / PR_DW_CHANNELS;
    int64_t work = PR_DW_ITEM * d->v.out * d->channels * d->h.kernel * d->v.kernel / job.parts;
    pr_for(pool, strips * job.parts, work > 0 ? PR_DW_WORTH / work + 1 : 1, pr_dw_items, &job);
}

/* Outputs p, p + dilation, .. of an axis, and the cells that they read, which begin at `first` and lie as far apart: an
 * axis without dilation. */
static pr_axis pr_dw_every(const pr_axis *a, int64_t p, int64_t *first) {
    const int64_t step = a->dilation, origin = p - a->before;
    *first = (origin % step + step) % step;
    return (pr_axis){.size = a->size > *first ? (a->size - *first + step - 1) / step : 0, .kernel = a->kernel, .stride = 1, .dilation = 1,
                     .before = (*first - origin) / step, .out = (a->out - p + step - 1) / step};
}

/* With a dilation and stride 1, outputs that are the dilation apart share cells and nobody else's: each such class is a
 * plain convolution of its own.  Not where it would be narrower than a tile. */
static void pr_dw_dilated(const pr_depthwise_kernel *kernel, pr_pool *pool, const pr_depthwise_args *d) {
    const int64_t high = d->h.dilation, wide = d->v.dilation;
    if (high * wide == 1 || d->h.stride * d->v.stride > 1 || d->v.out < PR_DW_COLUMNS * wide) {
        pr_depthwise(kernel, pool, d);
        return;
    }
    for (int64_t p = 0; p < high && p < d->h.out; p++)
        for (int64_t q = 0; q < wide; q++) {
            pr_depthwise_args part = *d;
            const ptrdiff_t at = p * d->y_line + q * d->y_pixel;
            int64_t row, pixel;
            part.h = pr_dw_every(&d->h, p, &row);
            part.v = pr_dw_every(&d->v, q, &pixel);
            part.x += row * d->x_line + pixel * d->x_pixel;
            part.y += at;
            if (part.residual) part.residual += at;
            part.x_line *= high, part.y_line *= high, part.x_pixel *= wide, part.y_pixel *= wide;
            pr_depthwise(kernel, pool, &part);
        }
}

/* One phase of all images: a plain convolution that writes every `step`-th row and pixel. */
static void pr_dw_phase(const pr_conv *conv, const pr_phase *h, const pr_phase *v, const pr_depthwise_kernel *kernel, pr_pool *pool) {
    const pr_axis *high = &conv->axis[PR_HEIGHT], *wide = &conv->axis[PR_WIDTH];
    const int64_t C = conv->channels, size = high->size * wide->size * C, line = wide->out * conv->y_pixel, out = high->out * line;
    pr_depthwise_args d = {
        .x = conv->x, .w = conv->w + (h->before * wide->kernel + h->taps * v->before) * pr_depthwise_padded(kernel->lanes, C), .bias = conv->bias,
        .h = {.size = high->size, .kernel = h->taps, .stride = h->advance, .dilation = h->spread, .before = -h->origin, .out = h->count},
        .v = {.size = wide->size, .kernel = v->taps, .stride = v->advance, .dilation = v->spread, .before = -v->origin, .out = v->count},
        .channels = C, .x_line = wide->size * C, .x_pixel = C, .y_line = h->step * line, .y_pixel = v->step * conv->y_pixel, .activation = conv->attrs->activation};
    ptrdiff_t at = h->first * line + v->first * conv->y_pixel;
    for (int64_t n = 0; n < conv->images; n++) {
        d.y = conv->y + n * out + at;
        d.residual = conv->residual ? conv->residual + n * out + at : NULL;
        pr_dw_dilated(kernel, pool, &d);
        d.x += size;
    }
}

void pr_conv_depthwise(const pr_conv *conv, const pr_kernels *kernels, pr_pool *pool) {
    const pr_axis *axis = conv->axis;
    for (int64_t i = 0; i < pr_phases(conv->attrs, &axis[PR_HEIGHT]); i++)
        for (int64_t j = 0; j < pr_phases(conv->attrs, &axis[PR_WIDTH]); j++) {
            pr_phase h = pr_phase_at(conv->attrs, &axis[PR_HEIGHT], i), v = pr_phase_at(conv->attrs, &axis[PR_WIDTH], j);
            pr_dw_phase(conv, &h, &v, kernels->depthwise, pool);
        }
}
