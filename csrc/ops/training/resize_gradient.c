/* The operators RESIZE_GRADIENT and CROP_RESIZE_GRADIENT: every number of the result gives back to the cells that it was
 * blended from. */
#include <string.h>

#include "ops/check.h"
#include "ops/training/training.h"

enum { WIDE = 64 };                         /* channels or columns of an item */

/* sizes of x behind its leading axes are (height, width, c) of `shape`, whose leading axes are those of g */
static pr_status check_sizes(pr_env *env, int64_t height, int64_t width) {
    if (height > 0 && width > 0 && height <= 1 << 30 && width <= 1 << 30) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: an image of %lld x %lld cells", env->layer, (long long)height,
                   (long long)width);
}

pr_status pr_resize_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_resize_gradient_attrs *attrs = env->attrs;
    const pr_view *g = &in[0];
    (void)inputs, (void)outputs;
    PR_TRY(pr_check_kind(env, "the way to resize", attrs->resize.kind, PR_RESIZE_BILINEAR + 1));
    PR_TRY(pr_check_kind(env, "the sampling grid", attrs->resize.grid, PR_GRID_COUNT));
    PR_TRY(pr_check_inputs(env, in, 1, PR_F32));
    PR_TRY(pr_check_rank(env, g, "the gradient", 3, PR_MAX_RANK));
    PR_TRY(check_sizes(env, attrs->height, attrs->width));
    pr_copy_shape(out, g);
    out->shape[g->rank - 2] = attrs->width;
    PR_TRY(pr_check_output(env, out));      /* rows of g across the image's columns: what scratch holds */
    const int64_t between = pr_view_count(g) < 0 ? -1 : pr_view_count(out), taps = g->shape[g->rank - 3] + g->shape[g->rank - 2];
    out->shape[g->rank - 3] = attrs->height;
    PR_TRY(pr_check_output(env, out));
    if (between >= 0) env->scratch_bytes = (size_t)taps * sizeof(pr_resize_tap) + (size_t)between * sizeof(float);
    return PR_OK;
}

typedef struct resize_job {
    const float *g;
    float *rows, *dx;                       /* rows (images, OH, W, C) */
    const pr_resize_tap *down, *across;
    int64_t x_height, y_height, y_width, line, c;   /* line: W C */
} resize_job;

static void give(float *to, const float *from, float share, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] += share * from[i];
}

static void shrink_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const resize_job *job = arg;
    const int64_t c = job->c;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        float *to = job->rows + row * job->line;
        const float *g = job->g + row * job->y_width * c;
        memset(to, 0, (size_t)job->line * sizeof(float));
        for (int64_t i = 0; i < job->y_width; i++) {
            const pr_resize_tap *tap = &job->across[i];
            give(to + tap->low * c, g + i * c, 1 - tap->part, c);
            if (tap->part != 0) give(to + tap->high * c, g + i * c, tap->part, c);
        }
    }
}

static void shrink_columns(void *arg, int64_t begin, int64_t end, int worker) {
    const resize_job *job = arg;
    const int64_t parts = (job->line + WIDE - 1) / WIDE;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item % parts * WIDE, n = job->line - first < WIDE ? job->line - first : WIDE;
        float *dx = job->dx + item / parts * job->x_height * job->line + first;
        const float *rows = job->rows + item / parts * job->y_height * job->line + first;
        for (int64_t i = 0; i < job->x_height; i++) memset(dx + i * job->line, 0, (size_t)n * sizeof(float));
        for (int64_t i = 0; i < job->y_height; i++) {
            const pr_resize_tap *tap = &job->down[i];
            give(dx + tap->low * job->line, rows + i * job->line, 1 - tap->part, n);
            if (tap->part != 0) give(dx + tap->high * job->line, rows + i * job->line, tap->part, n);
        }
    }
}

pr_status pr_resize_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_resize_gradient_attrs *attrs = env->attrs;
    const int64_t *x = &out->shape[out->rank - 3], *y = &in->shape[in->rank - 3];
    const int64_t images = pr_view_span(in, 0, in->rank - 3);
    pr_resize_tap *taps = env->scratch;
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    for (int64_t i = 0; i < y[0]; i++) taps[i] = pr_resize_tap_at(attrs->resize.kind, attrs->resize.grid, i, y[0], x[0]);
    for (int64_t i = 0; i < y[1]; i++) taps[y[0] + i] = pr_resize_tap_at(attrs->resize.kind, attrs->resize.grid, i, y[1], x[1]);
    resize_job job = {in->data, (float *)(void *)(taps + y[0] + y[1]), out->data, taps, taps + y[0], x[0], y[0], y[1], x[1] * x[2],
                      x[2]};
    pr_for(env->pool, images * y[0], pr_row_grain(y[1] * y[2]), shrink_rows, &job);
    pr_for(env->pool, images * ((job.line + WIDE - 1) / WIDE), pr_row_grain(y[0] * WIDE), shrink_columns, &job);
    return PR_OK;
}

/* boxes */

pr_status pr_crop_resize_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_crop_resize_gradient_attrs *attrs = env->attrs;
    const pr_crop_resize_attrs *crop = &attrs->crop;
    const pr_view *g = &in[0], *boxes = &in[1];
    const pr_dims *shape = &attrs->shape;
    (void)inputs, (void)outputs;
    if (crop->grid < PR_GRID_STRICT_ALIGN || crop->grid > PR_GRID_ROI_ALIGN || shape->count < 3 || shape->count > PR_MAX_RANK)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: sampling grid %d of an image of rank %d", env->layer, (int)crop->grid,
                       (int)shape->count);
    PR_TRY(pr_check_kind(env, "the order of a box's numbers", crop->mode, PR_BOX_COUNT));
    PR_TRY(pr_check_inputs(env, in, 2, PR_F32));
    PR_TRY(pr_check_rank(env, g, "the gradient", 5, 5));
    PR_TRY(pr_check_rank(env, boxes, "boxes", 2, 2));
    *out = (pr_view){.dtype = PR_F32, .rank = shape->count};
    for (int i = 0; i < shape->count; i++) out->shape[i] = shape->at[i];
    PR_TRY(check_sizes(env, shape->at[shape->count - 3], shape->at[shape->count - 2]));
    PR_TRY(pr_check_output(env, out));
    if (boxes->shape[1] != 4 && boxes->shape[1] != 5)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: boxes of shape %s", env->layer, pr_show_shape(boxes).text);
    PR_TRY(pr_check_dim(env, boxes, "boxes", 0, g->shape[0]));
    PR_TRY(pr_check_dim(env, g, "the gradient", 1, boxes->shape[1] == 5 ? 1 : pr_view_span(out, 0, out->rank - 3)));
    PR_TRY(pr_check_dim(env, g, "the gradient", 4, shape->at[shape->count - 1]));
    if (pr_view_count(g) >= 0) env->scratch_bytes = (size_t)(g->shape[3] * pr_pool_threads(env->pool)) * sizeof(pr_resize_tap);
    return PR_OK;
}

/* An item is an image and some of its channels: boxes overlap only inside it. */
typedef struct crop_job {
    const pr_crop_resize_attrs *attrs;
    const float *g, *boxes;
    float *dx;
    pr_resize_tap *taps;
    int64_t count, numbers, images, height, width, c, y_height, y_width;
} crop_job;

static void box_back(const crop_job *job, const float *box, const float *g, float *dx, int64_t n, pr_resize_tap *across) {
    const int64_t line = job->width * job->c;
    const pr_box_side rows = pr_box_side_of(job->attrs, box, false, job->height);
    const pr_box_side columns = pr_box_side_of(job->attrs, box, true, job->width);
    for (int64_t j = 0; j < job->y_width; j++) across[j] = pr_box_point_at(job->attrs->grid, columns, j, job->y_width, job->width);
    for (int64_t i = 0; i < job->y_height; i++) {
        const pr_resize_tap down = pr_box_point_at(job->attrs->grid, rows, i, job->y_height, job->height);
        float *upper = dx + down.low * line, *lower = dx + down.high * line;
        for (int64_t j = 0; j < job->y_width; j++, g += job->c) {
            const float q = across[j].part, p = down.part;
            give(upper + across[j].low * job->c, g, (1 - p) * (1 - q), n);
            if (q != 0) give(upper + across[j].high * job->c, g, (1 - p) * q, n);
            if (p != 0) give(lower + across[j].low * job->c, g, p * (1 - q), n);
            if (p != 0 && q != 0) give(lower + across[j].high * job->c, g, p * q, n);
        }
    }
}

static void crop_range(void *arg, int64_t begin, int64_t end, int worker) {
    const crop_job *job = arg;
    const int64_t parts = (job->c + WIDE - 1) / WIDE, cells = job->y_height * job->y_width * job->c;
    for (int64_t item = begin; item < end; item++) {
        const int64_t image = item / parts, first = item % parts * WIDE, n = job->c - first < WIDE ? job->c - first : WIDE;
        float *dx = job->dx + image * job->height * job->width * job->c + first;
        for (int64_t i = 0; i < job->height * job->width; i++) memset(dx + i * job->c, 0, (size_t)n * sizeof(float));
        for (int64_t k = 0; k < job->count; k++) {
            const float *box = job->boxes + k * job->numbers;
            const bool own = job->numbers == 4 || (int64_t)box[0] == image;
            const int64_t at = job->numbers == 4 ? k * job->images + image : k;
            pr_resize_tap *taps = job->taps + worker * job->y_width;
            if (own) box_back(job, box + (job->numbers == 5), job->g + at * cells + first, dx, n, taps);
        }
    }
}

pr_status pr_crop_resize_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_crop_resize_gradient_attrs *attrs = env->attrs;
    const pr_view *g = &in[0], *boxes = &in[1];
    const int64_t images = pr_view_span(out, 0, out->rank - 3), *x = &out->shape[out->rank - 3];
    crop_job job = {&attrs->crop, g->data, boxes->data, out->data, env->scratch, boxes->shape[0], boxes->shape[1], images, x[0],
                    x[1], x[2], g->shape[2], g->shape[3]};
    (void)inputs, (void)outputs;
    for (int64_t i = 0; job.numbers == 5 && i < job.count; i++)
        if (!(job.boxes[5 * i] >= 0 && job.boxes[5 * i] < (float)images))
            return pr_fail(env->message, PR_BAD_VALUE, "%s: box %lld is in image %g, there are images 0 to %lld", env->layer,
                           (long long)i, (double)job.boxes[5 * i], (long long)images - 1);
    pr_for(env->pool, images * ((job.c + WIDE - 1) / WIDE), 1, crop_range, &job);
    return PR_OK;
}
