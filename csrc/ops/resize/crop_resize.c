#include "ops/resize/crop_resize.h"

#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"

pr_box_side pr_box_side_of(const pr_crop_resize_attrs *attrs, const float *box, bool is_width, int64_t cells) {
    const bool width_first = attrs->mode == PR_BOX_CORNERS_WIDTH_FIRST || attrs->mode == PR_BOX_CENTER_WIDTH_FIRST;
    const int which = is_width != width_first;
    const double factor = (attrs->normalized ? (double)(cells - 1) : 1) * (double)attrs->scale;
    const double a = (double)box[which] * factor, b = (double)box[which + 2] * factor;
    return attrs->mode < PR_BOX_CENTER_HEIGHT_FIRST ? (pr_box_side){a, b} : (pr_box_side){a - b / 2, a + b / 2};
}

pr_resize_tap pr_box_point_at(int grid, pr_box_side side, int64_t i, int64_t n, int64_t x) {
    const double span = side.to - side.from, length = fabs(span), at = (double)i, points = (double)n;
    double along = 0;                       /* from side.from towards side.to */
    switch (grid) {
    case PR_GRID_STRICT_ALIGN: along = n == 1 ? 0 : at * length / (points - 1); break;
    case PR_GRID_ALIGN: along = n == 1 ? length / 2 : at * length / (points - 1); break;
    case PR_GRID_UPSAMPLE: along = fmin(at * (length + 1) / points, length); break;
    case PR_GRID_ROI_ALIGN: along = fmin((at + 0.5) * fmax(1, length) / points, length); break;
    default: break;
    }
    double p = span < 0 ? side.from - along : side.from + along;
    p = fmin(fmax(p, 0), (double)(x - 1));  /* a NaN becomes 0 */
    pr_resize_tap tap = {(int64_t)p, (int64_t)p, (float)(p - floor(p))};
    if (tap.low + 1 < x) tap.high = tap.low + 1;
    else tap.part = 0;
    return tap;
}

/* Scratch of a worker: the taps of a row, and one blended row. */
static size_t worker_bytes(const pr_crop_resize_attrs *attrs, const pr_view *x) {
    size_t row = (size_t)attrs->size.at[1] * sizeof(pr_resize_tap) + (size_t)(x->shape[x->rank - 2] * x->shape[x->rank - 1]) * sizeof(float);
    return (row + 63) / 64 * 64;
}

pr_status pr_crop_resize_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_crop_resize_attrs *attrs = env->attrs;
    const pr_view *x = &in[0], *boxes = &in[1];
    (void)outputs;
    if (attrs->grid < PR_GRID_STRICT_ALIGN || attrs->grid > PR_GRID_ROI_ALIGN)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: sampling grid %d is not known", env->layer, (int)attrs->grid);
    PR_TRY(pr_check_kind(env, "the order of a box's numbers", attrs->mode, PR_BOX_COUNT));
    PR_TRY(pr_check_input_count(env, inputs, 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, x, "x", 3, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, boxes, "boxes", 2, 2));
    PR_TRY(pr_check_dims(env, &attrs->size, "size", 2));
    if (boxes->shape[1] != 4 && boxes->shape[1] != 5)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: boxes have 4 numbers, or 5 with an image's number; shape %s", env->layer,
                       pr_show_shape(boxes).text);
    for (int i = 0; i < 2; i++)
        if (attrs->size.at[i] < 1 || attrs->size.at[i] > 1 << 30 || x->shape[x->rank - 3 + i] == 0 || x->shape[x->rank - 3 + i] > 1 << 30)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: a result of %d cells from x of shape %s cannot be", env->layer,
                           (int)attrs->size.at[i], pr_show_shape(x).text);
    int64_t images = boxes->shape[1] == 5 ? 1 : pr_view_span(x, 0, x->rank - 3);
    *out = (pr_view){.dtype = PR_F32, .rank = 5, .shape = {boxes->shape[0], images, attrs->size.at[0], attrs->size.at[1], x->shape[x->rank - 1]}};
    PR_TRY(pr_check_output(env, out));
    if (pr_view_count(out) > 0 && pr_view_count(x) >= 0)
        env->scratch_bytes = worker_bytes(attrs, x) * (size_t)pr_pool_threads(env->pool);
    return PR_OK;
}

typedef struct crop_job {
    const pr_crop_resize_attrs *attrs;
    const pr_resize_kernels *kernels;
    const float *x, *boxes;
    float *y;
    char *scratch;
    size_t worker_bytes;
    int64_t numbers, images, height, width, c;              /* numbers of a box; images in the result */
} crop_job;

/* Row `row` of the result: two rows of the image, as far as the box reaches, blended and then stretched. */
static void crop_row(const crop_job *job, int64_t row, pr_resize_tap *across, float *own) {
    const pr_crop_resize_attrs *attrs = job->attrs;
    const int64_t height = attrs->size.at[0], width = attrs->size.at[1], c = job->c;
    const int64_t image = row / height % job->images;
    const float *box = job->boxes + row / height / job->images * job->numbers;
    const float *x = job->x + (job->numbers == 5 ? (int64_t)box[0] : image) * job->height * job->width * c;
    if (job->numbers == 5) box++;
    const pr_box_side rows = pr_box_side_of(attrs, box, false, job->height), columns = pr_box_side_of(attrs, box, true, job->width);
    const pr_resize_tap down = pr_box_point_at(attrs->grid, rows, row % height, height, job->height);
    int64_t low = job->width, high = 0;
    for (int64_t i = 0; i < width; i++) {
        across[i] = pr_box_point_at(attrs->grid, columns, i, width, job->width);
        if (across[i].low < low) low = across[i].low;
        if (across[i].high > high) high = across[i].high;
    }
    for (int64_t i = 0; i < width; i++) {
        across[i].low -= low;
        across[i].high -= low;
    }
    const float *upper = x + (down.low * job->width + low) * c;
    if (down.part != 0) {
        job->kernels->blend(upper, x + (down.high * job->width + low) * c, down.part, own, (high - low + 1) * c);
        upper = own;
    }
    job->kernels->stretch(upper, across, width, job->y + row * width * c, c, c);
}

static void crop_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const crop_job *job = arg;
    char *own = job->scratch + (size_t)worker * job->worker_bytes;
    pr_resize_tap *across = (pr_resize_tap *)(void *)own;
    for (int64_t row = begin; row < end; row++) crop_row(job, row, across, (float *)(void *)(across + job->attrs->size.at[1]));
}

pr_status pr_crop_resize_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_crop_resize_attrs *attrs = env->attrs;
    const pr_view *x = &in[0], *boxes = &in[1];
    (void)inputs, (void)outputs;
    crop_job job = {.attrs = attrs, .kernels = env->kernels->resize, .x = x->data, .boxes = boxes->data, .y = out->data,
                    .scratch = env->scratch, .worker_bytes = worker_bytes(attrs, x),
                    .numbers = boxes->shape[1], .images = out->shape[1], .height = x->shape[x->rank - 3],
                    .width = x->shape[x->rank - 2], .c = x->shape[x->rank - 1]};
    const float have = (float)pr_view_span(x, 0, x->rank - 3);
    for (int64_t i = 0; job.numbers == 5 && i < boxes->shape[0]; i++)
        if (!(job.boxes[5 * i] >= 0 && job.boxes[5 * i] < have))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: box %lld is in image %g, there are images 0 to %g", env->layer,
                           (long long)i, (double)job.boxes[5 * i], (double)have - 1);
    const int64_t width = out->shape[3];
    pr_for(env->pool, pr_view_span(out, 0, 3), pr_row_grain(width * (job.c + 8)), crop_rows, &job);
    return PR_OK;
}
