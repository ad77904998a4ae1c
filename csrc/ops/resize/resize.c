#include "ops/resize/resize.h"

#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/kernels.h"

static void blend(const float *a, const float *b, float part, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = a[i] + part * (b[i] - a[i]);
}

static void stretch(const float *row, const pr_resize_tap *tap, int64_t taps, float *y, int64_t c, int64_t y_row) {
    for (int64_t i = 0; i < taps; i++) {
        const float *low = row + tap[i].low * c, *high = row + tap[i].high * c;
        if (tap[i].part != 0) blend(low, high, tap[i].part, y + i * y_row, c);
        else memcpy(y + i * y_row, low, (size_t)c * sizeof(float));
    }
}

const pr_resize_kernels pr_resize__ref = {blend, stretch};

pr_resize_tap pr_resize_tap_at(int kind, int grid, int64_t i, int64_t n, int64_t x) {
    const double at = (double)i, cells = (double)x, points = (double)n;
    double p = 0;
    switch (grid) {
    case PR_GRID_FLOOR: p = floor(at * cells / points); break;      /* exact: the product is below 2^53 */
    case PR_GRID_STRICT_ALIGN: p = n == 1 ? 0 : at * (cells - 1) / (points - 1); break;
    case PR_GRID_ALIGN: p = n == 1 ? (cells - 1) / 2 : at * (cells - 1) / (points - 1); break;
    case PR_GRID_UPSAMPLE: p = at * cells / points; break;
    case PR_GRID_ROI_ALIGN: p = (at + 0.5) * fmax(1, cells - 1) / points; break;
    case PR_GRID_HALF_PIXEL: p = (at + 0.5) * cells / points - 0.5; break;
    default: break;
    }
    p = fmin(fmax(p, 0), cells - 1);
    pr_resize_tap tap = {(int64_t)p, (int64_t)p, 0};
    if (kind == PR_RESIZE_BILINEAR && tap.low + 1 < x) {
        tap.high = tap.low + 1;
        tap.part = (float)(p - (double)tap.low);
    }
    return tap;
}

/* floor(x * factor) in float, or -1 when that is no size. */
static int64_t scaled(int64_t x, float factor) {
    const float size = floorf((float)x * factor);
    return size >= 0 && size <= (float)(1 << 30) ? (int64_t)size : -1;
}

pr_status pr_resize_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_resize_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the way to resize", attrs->kind, PR_RESIZE_BILINEAR + 1));
    PR_TRY(pr_check_kind(env, "the sampling grid", attrs->grid, PR_GRID_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, in, "x", 3, PR_MAX_RANK));
    PR_TRY(pr_check_dims(env, &attrs->size, "size", attrs->size.count ? 2 : 0));
    pr_copy_shape(out, in);
    for (int i = 0; i < 2; i++) {
        const int axis = in->rank - 3 + i;
        const int64_t x = in->shape[axis];
        int64_t n = attrs->size.count ? attrs->size.at[i] : x < 0 ? 0 : scaled(x, attrs->factor[i]);
        if (n < 0 || n > 1 << 30)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: size of axis %d is %lld (factor %g of x %s), expected 0 to 2^30",
                           env->layer, axis, (long long)n, (double)attrs->factor[i], pr_show_shape(in).text);
        if (x > 1 << 30 || (x == 0 && n > 0))
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: x of shape %s cannot be resized, expected 1 to 2^30 cells at axis %d",
                           env->layer, pr_show_shape(in).text, axis);
        out->shape[axis] = attrs->size.count == 0 && x < 0 ? -1 : n;
    }
    PR_TRY(pr_check_output(env, out));
    env->rows = true;
    if (pr_view_count(out) > 0 && pr_view_count(in) >= 0) {
        const int64_t *y = &out->shape[out->rank - 3], width = in->shape[in->rank - 2] * y[2];
        env->scratch_bytes = (size_t)(y[0] + y[1]) * sizeof(pr_resize_tap) +
                             (size_t)(width * pr_pool_threads(env->pool)) * sizeof(float);
    }
    return PR_OK;
}

/* An item is a row of the result: two rows of x blended into the worker's own row, which is then stretched. */
typedef struct resize_job {
    const pr_resize_kernels *kernels;
    const float *x;
    float *y, *rows;                        /* rows (threads, W, C) */
    const pr_resize_tap *down, *across;
    int64_t x_height, x_width, y_height, y_width, c, y_row;
} resize_job;

static void resize_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const resize_job *job = arg;
    const int64_t span = job->x_width * job->c;
    for (int64_t item = begin; item < end; item++) {
        const pr_resize_tap *tap = &job->down[item % job->y_height];
        const float *image = job->x + item / job->y_height * job->x_height * span, *row = image + tap->low * span;
        if (tap->part != 0) {
            float *own = job->rows + worker * span;
            job->kernels->blend(row, image + tap->high * span, tap->part, own, span);
            row = own;
        }
        job->kernels->stretch(row, job->across, job->y_width, job->y + item * job->y_width * job->y_row, job->c, job->y_row);
    }
}

pr_status pr_resize_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_resize_attrs *attrs = env->attrs;
    const int64_t *x = &in->shape[in->rank - 3], *y = &out->shape[out->rank - 3];
    pr_resize_tap *taps = env->scratch;
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    for (int64_t i = 0; i < y[0]; i++) taps[i] = pr_resize_tap_at(attrs->kind, attrs->grid, i, y[0], x[0]);
    for (int64_t i = 0; i < y[1]; i++) taps[y[0] + i] = pr_resize_tap_at(attrs->kind, attrs->grid, i, y[1], x[1]);
    resize_job job = {env->kernels->resize, in->data, out->data, (float *)(void *)(taps + y[0] + y[1]), taps, taps + y[0],
                      x[0], x[1], y[0], y[1], y[2], env->row ? env->row : y[2]};
    pr_for(env->pool, pr_view_span(out, 0, out->rank - 2), pr_row_grain(y[1] * y[2]), resize_rows, &job);
    return PR_OK;
}
