/* The operator CONV_WEIGHT_GRADIENT: dw[o][c][p][q] = sum over pixels (n, i, j) of g[n, i, j, o] * x[n, i*sh + p*dh - top,
 * j*sw + q*dw - left, c], as a product of g^T and the windows of x.  Pixels go by in pieces, so that the windows of a
 * piece are packed in cache and never stored as a whole.  A work item is some columns (p, q, c) and all pixels. */
#include <string.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/training/matrix.h"
#include "ops/training/training.h"
#include "ops/conv/window.h"

enum { PIECE = 256, ROW = PIECE + 16 };     /* pixels; floats from row to row, so that rows do not share a set of the cache */

typedef struct gradient {
    const pr_gemm_kernel *kernel;
    const pr_copy_kernels *copy;
    const float *x, *g;
    float *dw;
    pr_axis h, v;
    int64_t images, channels, outputs, groups;
    int64_t depth, per_group;               /* channels and outputs of a group */
    int64_t pixels, pieces, columns, panels;
    float *turned;                          /* per piece and output, PIECE pixels of g */
    float *own;                             /* per worker: a packed piece, then the sums */
    int64_t own_floats, widest;
} gradient;

static int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }
static bool is_depthwise(const gradient *t) { return t->groups > 1 && t->depth == 1 && t->per_group == 1; }

static pr_status axes_of(pr_env *env, const pr_conv_attrs *attrs, const pr_view *x, gradient *t) {
    pr_windows windows = {&attrs->kernel, &attrs->strides, &attrs->dilations, &attrs->pads_begin, &attrs->pads_end,
                          attrs->padding, false, NULL};
    pr_axis axes[PR_SPATIAL];
    if (attrs->padding == PR_PAD_INCLUDE_LAST)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: this padding belongs to pooling", env->layer);
    if (attrs->transposed || attrs->kernel.count != 2)
        return pr_fail(env->message, PR_UNSUPPORTED, "%s: training takes plain convolutions of images", env->layer);
    PR_TRY(pr_window_axes(env, &windows, x, axes));
    t->h = axes[PR_HEIGHT], t->v = axes[PR_WIDTH];
    return PR_OK;
}

/* Everything that follows from shapes which are known and checked; the axes are there already. */
static void describe(const pr_env *env, const pr_view *in, gradient *t) {
    const pr_conv_attrs *attrs = env->attrs;
    const pr_view *x = &in[0];
    t->kernel = env->kernels->gemm, t->copy = env->kernels->copy;
    t->x = x->data, t->g = in[1].data;
    t->outputs = attrs->outputs, t->groups = attrs->groups;
    t->images = pr_view_span(x, 0, x->rank - 3);
    t->channels = x->shape[x->rank - 1];
    t->depth = t->channels / t->groups;
    t->per_group = t->outputs / t->groups;
    t->pixels = t->images * t->h.out * t->v.out;
    t->pieces = (t->pixels + PIECE - 1) / PIECE;
    t->columns = t->h.kernel * t->v.kernel * t->depth;
    t->panels = pr_panels(t->kernel, t->columns);
    t->widest = (int64_t)t->kernel->most * t->kernel->lanes;
    t->own_floats = t->widest * (PIECE + t->per_group);
}

pr_status pr_conv_weight_gradient_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_conv_attrs *attrs = env->attrs;
    const pr_view *x = &in[0], *g = &in[1];
    gradient t = {0};
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, x, "the image", 3, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, g, "the gradient", x->rank, x->rank));
    int64_t channels = x->shape[x->rank - 1];
    if (attrs->groups < 1 || attrs->outputs < 1 || attrs->outputs % attrs->groups || channels == 0 ||
        (channels > 0 && channels % attrs->groups))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld channels and %d outputs cannot be cut into %d groups", env->layer,
                       (long long)channels, (int)attrs->outputs, (int)attrs->groups);
    PR_TRY(axes_of(env, attrs, x, &t));
    for (int i = 0; i < x->rank - 3; i++) PR_TRY(pr_check_dim(env, g, "the gradient", i, x->shape[i]));
    PR_TRY(pr_check_dim(env, g, "the gradient", g->rank - 3, t.h.out));
    PR_TRY(pr_check_dim(env, g, "the gradient", g->rank - 2, t.v.out));
    PR_TRY(pr_check_dim(env, g, "the gradient", g->rank - 1, attrs->outputs));
    *out = (pr_view){.dtype = PR_F32, .rank = 4, .shape = {attrs->outputs, channels < 0 ? -1 : channels / attrs->groups,
                                                          t.h.kernel, t.v.kernel}};
    PR_TRY(pr_check_output(env, out));
    if (pr_view_count(x) < 0 || pr_view_count(g) < 0 || pr_view_count(out) < 0) return PR_OK;
    describe(env, in, &t);
    if (is_depthwise(&t)) return PR_OK;
    int64_t turned = t.pieces * ROW;
    if (turned > PR_MAX_ELEMENTS / t.outputs || t.own_floats > PR_MAX_ELEMENTS / 256)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurdly large gradient", env->layer);
    env->scratch_bytes = (size_t)(rounded(turned * t.outputs) + t.own_floats * pr_pool_threads(env->pool)) * sizeof(float);
    return PR_OK;
}

/* Pieces begin..end-1 of g, turned: the pixels of one output side by side. */
static void turn_range(void *arg, int64_t begin, int64_t end, int worker) {
    const gradient *t = arg;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        int64_t left = t->pixels - i * PIECE;
        pr_transpose_matrix(t->copy, t->g + i * PIECE * t->outputs, t->outputs, left < PIECE ? left : PIECE, t->outputs,
                            t->turned + i * t->outputs * ROW, ROW);
    }
}

/* A call of memcpy costs as much as this loop for the lengths that are usual here. */
static void copy_run(float *to, const float *from, int64_t n) {
    for (; n >= 16; n -= 16, to += 16, from += 16) memcpy(to, from, 16 * sizeof *to);
    for (; n >= 4; n -= 4, to += 4, from += 4) memcpy(to, from, 4 * sizeof *to);
    for (; n > 0; n--) *to++ = *from++;
}

/* n channels from `c` on, seen through tap (p, q), of pixels begin .. begin+count-1; rows of `out` are `width` apart. */
static void pack_run(const gradient *t, int64_t p, int64_t q, int64_t c, int64_t n, int64_t begin, int64_t count, int64_t width,
                     float *out) {
    int64_t j = begin % t->v.out, i = begin / t->v.out % t->h.out, image = begin / t->v.out / t->h.out;
    for (int64_t done = 0; done < count;) {
        int64_t row = pr_origin(&t->h, i) + p * t->h.dilation, column = pr_origin(&t->v, j) + q * t->v.dilation;
        int64_t left = t->v.out - j < count - done ? t->v.out - j : count - done;
        bool outside = row < 0 || row >= t->h.size;
        const float *line = outside ? NULL : t->x + ((image * t->h.size + row) * t->v.size) * t->channels + c;
        for (int64_t k = 0; k < left; k++, column += t->v.stride, out += width) {
            if (outside || column < 0 || column >= t->v.size) memset(out, 0, (size_t)n * sizeof *out);
            else copy_run(out, line + column * t->channels, n);
        }
        done += left;
        j = 0;
        if (++i == t->h.out) i = 0, image++;
    }
}

/* The windows of `count` pixels, columns panel.first .. of group `group`. */
static void pack_piece(const gradient *t, pr_panel panel, int64_t group, int64_t begin, int64_t count, float *out) {
    int64_t width = panel.vectors * t->kernel->lanes;
    if (panel.columns < width)
        for (int64_t r = 0; r < count; r++)
            memset(out + r * width + panel.columns, 0, (size_t)(width - panel.columns) * sizeof *out);
    for (int64_t done = 0, n; done < panel.columns; done += n) {
        int64_t column = panel.first + done, c = column % t->depth, tap = column / t->depth;
        n = t->depth - c < panel.columns - done ? t->depth - c : panel.columns - done;
        pack_run(t, tap / t->v.kernel, tap % t->v.kernel, group * t->depth + c, n, begin, count, width, out + done);
    }
}

static void store(const gradient *t, pr_panel panel, int64_t group, const float *sums, int64_t width) {
    int64_t taps = t->h.kernel * t->v.kernel;
    for (int64_t o = 0; o < t->per_group; o++) {
        float *to = t->dw + (group * t->per_group + o) * t->columns;
        for (int64_t j = 0; j < panel.columns; j++) {
            int64_t column = panel.first + j;
            to[column % t->depth * taps + column / t->depth] = sums[o * width + j];
        }
    }
}

static void columns_range(void *arg, int64_t begin, int64_t end, int worker) {
    static const pr_activation nothing = {1, -__builtin_inff(), __builtin_inff()};
    const gradient *t = arg;
    float *packed = t->own + worker * t->own_floats, *sums = packed + t->widest * PIECE;
    for (int64_t item = begin; item < end; item++) {
        int64_t group = item / t->panels;
        pr_panel panel = pr_panel_at(t->kernel, t->columns, item % t->panels);
        int64_t width = panel.vectors * t->kernel->lanes;
        for (int64_t i = 0; i < t->pieces; i++) {
            int64_t left = t->pixels - i * PIECE, count = left < PIECE ? left : PIECE;
            pack_piece(t, panel, group, i * PIECE, count, packed);
            pr_gemm_args g = {.a = t->turned + (i * t->outputs + group * t->per_group) * ROW, .b = packed, .c = sums,
                              .residual = i ? sums : NULL, .lines = 1, .pixels = t->per_group, .columns = panel.columns,
                              .a_pixel = ROW, .c_pixel = width, .k = count, .activation = nothing};
            pr_gemm_multiply(t->kernel, NULL, &g);
        }
        store(t, panel, group, sums, width);
    }
}

/* Items are taps; sums run over all pixels for all channels at once. */
static void depthwise_range(void *arg, int64_t begin, int64_t end, int worker) {
    enum { WIDE = 64 };
    const gradient *t = arg;
    int64_t taps = t->h.kernel * t->v.kernel;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        int64_t tap = item % taps, first = item / taps * WIDE, n = t->channels - first < WIDE ? t->channels - first : WIDE;
        float sums[WIDE] = {0};
        for (int64_t r = 0; r < t->images * t->h.out; r++) {
            int64_t row = pr_origin(&t->h, r % t->h.out) + tap / t->v.kernel * t->h.dilation;
            if (row < 0 || row >= t->h.size) continue;
            const float *line = t->x + (r / t->h.out * t->h.size + row) * t->v.size * t->channels + first;
            for (int64_t j = 0; j < t->v.out; j++) {
                int64_t column = pr_origin(&t->v, j) + tap % t->v.kernel * t->v.dilation;
                if (column < 0 || column >= t->v.size) continue;
                const float *g = t->g + (r * t->v.out + j) * t->channels + first, *x = line + column * t->channels;
                for (int64_t c = 0; c < n; c++) sums[c] += g[c] * x[c];
            }
        }
        for (int64_t c = 0; c < n; c++) t->dw[(first + c) * taps + tap] = sums[c];
    }
}

pr_status pr_conv_weight_gradient_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    gradient t = {0};
    (void)inputs, (void)outputs;
    PR_TRY(axes_of(env, env->attrs, &in[0], &t));
    describe(env, in, &t);
    t.dw = out->data;
    if (t.pixels == 0) {
        memset(out->data, 0, (size_t)pr_view_count(out) * sizeof(float));
        return PR_OK;
    }
    if (is_depthwise(&t)) {
        pr_for(env->pool, t.h.kernel * t.v.kernel * ((t.channels + 63) / 64), 1, depthwise_range, &t);
        return PR_OK;
    }
    t.turned = env->scratch;
    t.own = t.turned + rounded(t.pieces * ROW * t.outputs);
    pr_for(env->pool, t.pieces, pr_row_grain(PIECE * t.outputs), turn_range, &t);
    int64_t work = t.pixels * t.per_group * t.widest;
    pr_for(env->pool, t.groups * t.panels, 1 + (64 << 10) / (work > 0 ? work : 1), columns_range, &t);
    return PR_OK;
}
