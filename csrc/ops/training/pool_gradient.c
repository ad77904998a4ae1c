/* The operator POOL_GRADIENT.  An item is an image and some of its channels: windows overlap only inside it. */
#include <string.h>

#include "ops/check.h"
#include "ops/conv/window.h"
#include "ops/kernels.h"
#include "ops/training/training.h"
#include "ops/training/training_kernel.h"

enum { WIDE = 64 };                         /* channels of an item */

typedef struct gradient {
    const pr_training_kernels *kernels;
    const float *x, *g, *y;
    float *dx;
    pr_axis d, h, v;
    int64_t channels, parts;
    int32_t kind;
    bool real_cells_only;
} gradient;

static pr_status axes_of(pr_env *env, const pr_pool_attrs *attrs, const pr_view *x, gradient *t) {
    const int spatial = attrs->kernel.count;
    pr_axis axes[PR_SPATIAL] = {{.size = 1, .kernel = 1, .stride = 1, .dilation = 1, .out = 1}};
    if ((spatial != 2 && spatial != 3) || x->rank <= spatial)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: pooling over %d axes of rank %d cannot be", env->layer, spatial,
                       (int)x->rank);
    if (!attrs->global) {
        pr_windows windows = {&attrs->kernel, &attrs->strides, NULL, &attrs->pads_begin, &attrs->pads_end, attrs->padding,
                              false, NULL};
        PR_TRY(pr_window_axes(env, &windows, x, axes));
    } else
        for (int i = 0; i < spatial; i++) {
            int64_t size = x->shape[x->rank - 1 - spatial + i];
            if (size == 0 || size > PR_MAX_ELEMENTS)
                return pr_fail(env->message, PR_BAD_SHAPE, "%s: an image of shape %s cannot be pooled", env->layer,
                               pr_show_shape(x).text);
            axes[PR_SPATIAL - spatial + i] = (pr_axis){.size = size, .kernel = size, .stride = 1, .dilation = 1, .out = 1};
        }
    t->d = axes[PR_DEPTH], t->h = axes[PR_HEIGHT], t->v = axes[PR_WIDTH];
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
            int64_t want = d == x->rank - 3 ? t.h.out : d == x->rank - 2 ? t.v.out
                         : attrs->kernel.count == 3 && d == x->rank - 4 ? t.d.out : x->shape[d];
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

/* Average: g / count to every cell.  L2, y = sqrt(sum of x^2): g x / y, and 0 where y is. */
static void to_all(const gradient *t, const pr_pool_cells *cells, int64_t count, const float *g, const float *y, int64_t n) {
    float share[WIDE];
    bool squares = t->kind == PR_POOL_L2;
    for (int64_t k = 0; k < n; k++) share[k] = squares ? (y[k] > 0 ? g[k] / y[k] : 0) : g[k] / (float)count;
    t->kernels->to_all(cells, share, n, squares);
}

/* The window of output (l, i, j) of the image whose first cell is `start`; at: that output. */
static void window_back(const gradient *t, int64_t l, int64_t i, int64_t j, int64_t start, int64_t at, int64_t n) {
    const int64_t C = t->channels, line = t->v.size * C, plane = t->h.size * line;
    int64_t front, back, top, bottom, left, right;
    pr_taps(&t->d, l, &front, &back);
    pr_taps(&t->h, i, &top, &bottom);
    pr_taps(&t->v, j, &left, &right);
    pr_pool_cells cells = {.planes = back - front, .rows = bottom - top, .columns = right - left, .plane = plane, .line = line,
                           .pixel = C};
    if (cells.planes <= 0 || cells.rows <= 0 || cells.columns <= 0) return;
    const int64_t real = cells.planes * cells.rows * cells.columns;
    const int64_t all = extent(&t->d, l) * extent(&t->h, i) * extent(&t->v, j);
    const int64_t row = (pr_origin(&t->d, l) + front) * plane + (pr_origin(&t->h, i) + top) * line;
    const int64_t first = start + row + (pr_origin(&t->v, j) + left) * C;
    cells.x = t->x + first, cells.dx = t->dx + first;
    if (t->kind == PR_POOL_MAX) t->kernels->to_maximum(&cells, t->g + at, n);
    else to_all(t, &cells, t->real_cells_only ? real : all, t->g + at, t->y + at, n);
}

static void gradient_range(void *arg, int64_t begin, int64_t end, int worker) {
    const gradient *t = arg;
    const int64_t C = t->channels, image_cells = t->d.size * t->h.size * t->v.size;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        int64_t image = item / t->parts, c = item % t->parts * WIDE, n = C - c < WIDE ? C - c : WIDE;
        int64_t start = image * image_cells * C + c, at = image * t->d.out * t->h.out * t->v.out * C + c;
        for (int64_t cell = 0; cell < image_cells; cell++) memset(t->dx + start + cell * C, 0, (size_t)n * sizeof(float));
        for (int64_t l = 0; l < t->d.out; l++)
            for (int64_t i = 0; i < t->h.out; i++)
                for (int64_t j = 0; j < t->v.out; j++, at += C) window_back(t, l, i, j, start, at, n);
    }
}

pr_status pr_pool_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_pool_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    gradient t = {.kernels = env->kernels->training, .x = x->data, .g = in[1].data, .y = in[2].data, .dx = out->data,
                  .channels = x->shape[x->rank - 1], .kind = attrs->kind, .real_cells_only = attrs->exclude_padding != 0};
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    PR_TRY(axes_of(env, attrs, x, &t));
    t.parts = (t.channels + WIDE - 1) / WIDE;
    pr_for(env->pool, pr_view_span(x, 0, x->rank - 1 - attrs->kernel.count) * t.parts,
           pr_row_grain(t.d.size * t.h.size * t.v.size * WIDE), gradient_range, &t);
    return PR_OK;
}
