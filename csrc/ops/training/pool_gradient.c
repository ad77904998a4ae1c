/* The operator POOL_GRADIENT.  An item is an image and some of its channels: windows overlap only inside it. */
#include <math.h>
#include <string.h>

#include "ops/check.h"
#include "ops/conv/window.h"
#include "ops/training/training.h"

enum { WIDE = 16 };                         /* channels that are worked on together */

typedef struct gradient {
    const float *x, *g, *y;
    float *dx;
    pr_axis h, v;
    int64_t channels, parts;
    int32_t kind;
    bool real_cells_only;
} gradient;

static pr_status axes_of(pr_env *env, const pr_pool_attrs *attrs, const pr_view *x, gradient *t) {
    pr_axis axes[PR_SPATIAL];
    if (attrs->kernel.count != 2 || attrs->zero_padding)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: training takes pooling of images that ignores padding", env->layer);
    if (!attrs->global) {
        pr_windows windows = {&attrs->kernel, &attrs->strides, NULL, &attrs->pads_begin, &attrs->pads_end, attrs->padding,
                              false, NULL};
        PR_TRY(pr_window_axes(env, &windows, x, axes));
    } else
        for (int i = 0; i < 2; i++) {
            int64_t size = x->shape[x->rank - 3 + i];
            if (size == 0 || size > PR_MAX_ELEMENTS)
                return pr_fail(env->message, PR_BAD_SHAPE, "%s: an image of shape %s cannot be pooled", env->layer, pr_show_shape(x).text);
            axes[PR_HEIGHT + i] = (pr_axis){.size = size, .kernel = size, .stride = 1, .dilation = 1, .out = 1};
        }
    t->h = axes[PR_HEIGHT], t->v = axes[PR_WIDTH];
    return PR_OK;
}

pr_status pr_pool_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pool_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    gradient t;
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, 3));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_kind(env, "the pooling", attrs->kind, PR_POOL_L2 + 1));
    PR_TRY(pr_check_rank(env, x, "the image", 3, PR_MAX_RANK));
    PR_TRY(axes_of(env, attrs, x, &t));
    for (int i = 1; i < 3; i++) {
        PR_TRY(pr_check_rank(env, &in[i], "the gradient", x->rank, x->rank));
        for (int d = 0; d < x->rank; d++) {
            int64_t want = d == x->rank - 3 ? t.h.out : d == x->rank - 2 ? t.v.out : x->shape[d];
            PR_TRY(pr_check_dim(env, &in[i], "the gradient", d, want));
        }
    }
    pr_copy_shape(out, x);
    return PR_OK;
}

/* Cells of the window of output o, padding included, as in pooling itself. */
static int64_t extent(const pr_axis *a, int64_t o) {
    int64_t room = a->size + a->past - pr_origin(a, o);
    return room < a->kernel ? room : a->kernel;
}

typedef struct window {
    int64_t at, rows, columns, line, cells; /* first real cell, in floats; how many real ones; floats from row to row */
} window;

static void to_maximum(const gradient *t, const window *w, const float *g, int64_t c, int64_t n) {
    float best[WIDE];
    int32_t where[WIDE] = {0};
    for (int64_t k = 0; k < n; k++) best[k] = -INFINITY;
    for (int64_t i = 0; i < w->rows; i++)
        for (int64_t j = 0; j < w->columns; j++) {
            const float *x = t->x + w->at + i * w->line + j * t->channels + c;
            int32_t cell = (int32_t)(i * w->columns + j);
            for (int64_t k = 0; k < n; k++) {
                bool larger = x[k] > best[k];
                best[k] = larger ? x[k] : best[k];
                where[k] = larger ? cell : where[k];
            }
        }
    for (int64_t k = 0; k < n; k++) {
        int64_t i = where[k] / w->columns, j = where[k] % w->columns;
        t->dx[w->at + i * w->line + j * t->channels + c + k] += g[k];
    }
}

/* Average: g / cells to every cell.  L2, y = sqrt(sum of x^2): g x / y, and 0 where y is. */
static void to_all(const gradient *t, const window *w, const float *g, const float *y, int64_t c, int64_t n) {
    float share[WIDE];
    bool squares = t->kind == PR_POOL_L2;
    for (int64_t k = 0; k < n; k++) share[k] = squares ? (y[k] > 0 ? g[k] / y[k] : 0) : g[k] / (float)w->cells;
    for (int64_t i = 0; i < w->rows; i++)
        for (int64_t j = 0; j < w->columns; j++) {
            int64_t at = w->at + i * w->line + j * t->channels + c;
            if (squares)
                for (int64_t k = 0; k < n; k++) t->dx[at + k] += share[k] * t->x[at + k];
            else
                for (int64_t k = 0; k < n; k++) t->dx[at + k] += share[k];
        }
}

static void gradient_range(void *arg, int64_t begin, int64_t end, int worker) {
    const gradient *t = arg;
    const int64_t C = t->channels, line = t->v.size * C;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        int64_t image = item / t->parts, c = item % t->parts * WIDE, n = C - c < WIDE ? C - c : WIDE;
        int64_t start = image * t->h.size * line;
        for (int64_t cell = 0; cell < t->h.size * t->v.size; cell++) memset(t->dx + start + cell * C + c, 0, (size_t)n * sizeof(float));
        for (int64_t i = 0; i < t->h.out; i++)
            for (int64_t j = 0; j < t->v.out; j++) {
                int64_t top, bottom, left, right, at = ((image * t->h.out + i) * t->v.out + j) * C + c;
                pr_taps(&t->h, i, &top, &bottom);
                pr_taps(&t->v, j, &left, &right);
                window w = {start, bottom - top, right - left, line, 0};
                if (w.rows <= 0 || w.columns <= 0) continue;
                w.at += (pr_origin(&t->h, i) + top) * line + (pr_origin(&t->v, j) + left) * C;
                w.cells = t->real_cells_only ? w.rows * w.columns : extent(&t->h, i) * extent(&t->v, j);
                if (t->kind == PR_POOL_MAX) to_maximum(t, &w, t->g + at, c, n);
                else to_all(t, &w, t->g + at, t->y + at, c, n);
            }
    }
}

pr_status pr_pool_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pool_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    gradient t = {.x = x->data, .g = in[1].data, .y = in[2].data, .dx = out->data, .channels = x->shape[x->rank - 1],
                  .kind = attrs->kind, .real_cells_only = attrs->exclude_padding != 0};
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    PR_TRY(axes_of(env, attrs, x, &t));
    t.parts = (t.channels + WIDE - 1) / WIDE;
    pr_for(env->pool, pr_view_span(x, 0, x->rank - 3) * t.parts, pr_row_grain(t.h.size * t.v.size * WIDE), gradient_range, &t);
    return PR_OK;
}
