/* conv: the whole operator at every level, packed and not, against plain loops that add each product where it belongs;
 * random shapes, strides, dilations, groups; two and three axes, plain and transposed. */
#include "brute.h"
#include "check.h"
#include "ops/conv/winograd.h"
#include "ops/gemm/gemm_kernel.h"

pr_infer_fn pr_conv_infer;
pr_run_fn pr_conv_run;
pr_pack_fn pr_conv_pack;

typedef struct shape { int images, size[3], channels; } shape;   /* size: depth, height, width */

static void prepend(pr_dims *dims, int value) { *dims = (pr_dims){3, {value, dims->at[0], dims->at[1]}}; }

static void add_depth(pr_conv_attrs *a, shape *x) {
    prepend(&a->kernel, random_int(1, 3));
    prepend(&a->strides, random_int(1, 3));
    prepend(&a->dilations, random_int(1, 2));
    prepend(&a->pads_begin, random_int(0, 2));
    prepend(&a->pads_end, random_int(0, 2));
    x->size[0] = random_int(1, 5);
    for (int i = 1; i < 3; i++) x->size[i] = random_int(1, 8);
    if (a->outputs > 60) a->groups = a->outputs = x->channels = 9;
}

static void make_transposed(pr_conv_attrs *a, const shape *x) {
    a->transposed = 1;
    for (int i = 0; i < a->kernel.count; i++)
        if (random_int(0, 3) == 0) a->strides.at[i] = random_int(1, 6);
    if (random_int(0, 3)) return;
    a->size.count = a->kernel.count;
    for (int i = 0; i < a->size.count; i++) a->size.at[i] = x->size[3 - a->kernel.count + i] * a->strides.at[i] + random_int(0, 3);
}

static pr_conv_attrs random_attrs(shape *x) {
    static const pr_activation some[] = {{1, -INFINITY, INFINITY}, {1, 0, INFINITY}, {1, 0, 6}, {0.5f, -INFINITY, INFINITY}};
    int kind = random_int(0, 7);
    pr_conv_attrs a = {.groups = 1, .outputs = random_int(1, 40), .padding = random_int(0, 2), .activation = some[random_int(0, 3)],
                       .has_bias = random_int(0, 1), .has_residual = random_int(0, 1)};
    a.kernel = (pr_dims){2, {random_int(1, 5), random_int(1, 5)}};
    a.strides = (pr_dims){2, {random_int(1, 3), random_int(1, 3)}};
    a.dilations = (pr_dims){2, {1, 1}};
    a.pads_begin = (pr_dims){2, {random_int(0, 3), random_int(0, 3)}};
    a.pads_end = (pr_dims){2, {random_int(0, 3), random_int(0, 3)}};
    *x = (shape){random_int(1, 2), {1, random_int(1, 14), random_int(1, 14)}, random_int(1, 20)};
    if (random_int(0, 2) == 0) a.dilations = (pr_dims){2, {random_int(1, 3), random_int(1, 3)}};
    if (kind == 0) {                                            /* pointwise */
        a.kernel = a.strides = a.dilations = (pr_dims){2, {1, 1}};
        a.padding = PR_PAD_SAME_BOTTOM_RIGHT;
    } else if (kind == 1) {                                     /* groups */
        a.groups = random_int(1, 4);
        a.outputs = a.groups * random_int(1, 20);
        x->channels = a.groups * random_int(1, 9);
    } else if (kind == 6) {                                     /* wide enough for Winograd's form */
        a.kernel = random_int(0, 2) ? (pr_dims){2, {3, 3}} : (pr_dims){2, {5, 5}};
        a.strides = a.dilations = (pr_dims){2, {1, 1}};
        a.outputs = random_int(16, 50);
        *x = (shape){random_int(1, 2), {1, random_int(2, 30), random_int(2, 30)}, random_int(16, 50)};
    } else if (kind == 7) {                                     /* few outputs */
        a.strides.at[1] = a.dilations.at[1] = 1;
        a.kernel.at[1] = random_int(2, 9);
        a.outputs = random_int(1, 5);
        x->channels = random_int(16, 40);
    } else if (kind >= 4) {                                     /* depthwise, often one with tiles */
        a.groups = a.outputs = x->channels = random_int(2, 60);
        if (random_int(0, 2)) {
            int k = random_int(0, 1) ? 3 : 5, s = random_int(1, 2);
            a.kernel = (pr_dims){2, {k, k}};
            a.strides = (pr_dims){2, {s, s}};
            a.dilations = (pr_dims){2, {1, 1}};
        }
        if (random_int(0, 7) == 0) a.groups = a.outputs = x->channels = random_int(0, 1) ? 300 : 256;    /* in parts, staged */
    }
    if (random_int(0, 4) == 0) add_depth(&a, x);
    if (random_int(0, 2) == 0) make_transposed(&a, x);
    return a;
}

static int number(const pr_dims *dims, int axis) { return dims->count == 3 ? dims->at[axis] : axis ? dims->at[axis - 1] : 1; }

/* In double: the plain sums gather, the transposed ones scatter. */
static float *expected_conv(const pr_conv_attrs *a, shape x, const float *in, const float *w, const float *bias,
                            const float *residual, const brute_axis at[3]) {
    int depth = x.channels / a->groups, per_group = a->outputs / a->groups, k[3], s[3], d[3];
    for (int i = 0; i < 3; i++) k[i] = number(&a->kernel, i), s[i] = number(&a->strides, i), d[i] = number(&a->dilations, i);
    int64_t cells = (int64_t)at[0].out * at[1].out * at[2].out, total = x.images * cells * a->outputs;
    double *sum = calloc((size_t)total, sizeof *sum);
    for (int64_t i = 0; i < total; i++) sum[i] = bias ? (double)bias[i % a->outputs] : 0;
    int from[3], steps[3];                  /* a transposed convolution runs over cells, a plain one over outputs */
    for (int i = 0; i < 3; i++) steps[i] = a->transposed ? x.size[i] : at[i].out;
    for (int64_t t = 0; t < (int64_t)x.images * steps[0] * steps[1] * steps[2]; t++)
        for (int tap = 0; tap < k[0] * k[1] * k[2]; tap++) {
            int64_t n = t / (steps[0] * steps[1] * steps[2]);
            int here[3] = {(int)(t / (steps[1] * steps[2]) % steps[0]), (int)(t / steps[2] % steps[1]), (int)(t % steps[2])};
            int q[3] = {tap / (k[1] * k[2]), tap / k[2] % k[1], tap % k[2]}, inside = 1;
            for (int i = 0; i < 3; i++) {
                from[i] = here[i] * s[i] - at[i].before + q[i] * d[i];
                inside &= from[i] >= 0 && from[i] < (a->transposed ? at[i].out : x.size[i]);
            }
            if (!inside) continue;
            const int *cell = a->transposed ? here : from, *out = a->transposed ? from : here;
            const float *pixel = in + (((n * x.size[0] + cell[0]) * x.size[1] + cell[1]) * x.size[2] + cell[2]) * x.channels;
            double *y = sum + (((n * at[0].out + out[0]) * at[1].out + out[1]) * at[2].out + out[2]) * a->outputs;
            for (int o = 0; o < a->outputs; o++)
                for (int c = 0; c < depth; c++)
                    y[o] += (double)pixel[o / per_group * depth + c] * (double)w[(o * depth + c) * k[0] * k[1] * k[2] + tap];
        }
    float *result = guarded(total);
    for (int64_t i = 0; i < total; i++) {
        double v = sum[i] + (residual ? (double)residual[i] : 0);
        if (v < 0) v *= (double)a->activation.slope;
        result[i] = (float)fmin(fmax(v, (double)a->activation.lo), (double)a->activation.hi);
    }
    free(sum);
    return result;
}

static pr_view packed_weight(const pr_kernels *kernels, pr_conv_attrs *a, const pr_view *in) {
    pr_message message;
    pr_env env = {.kernels = kernels, .layer = "check", .message = &message};
    pr_view out = {0};
    if (pr_conv_pack(&env, a, in, 2, 1, &out) != PR_OK) check_fail("pack: %s", message.text);
    out.data = guarded(out.shape[0]);
    if (pr_conv_pack(&env, a, in, 2, 1, &out) != PR_OK) check_fail("pack: %s", message.text);
    return out;
}

static void describe(char *text, size_t bytes, const pr_conv_attrs *a, shape x, const char *level, int threads) {
    int at = snprintf(text, bytes, "%sconv %s, %d threads, %d x %d x %d x %d x %d -> %d, groups %d, padding %d; kernel, stride, "
                      "dilation, pads, size:", a->transposed ? "transposed " : "", level, threads, x.images, x.size[0], x.size[1],
                      x.size[2], x.channels, (int)a->outputs, (int)a->groups, (int)a->padding);
    for (int i = 0; i < a->kernel.count; i++)
        at += snprintf(text + at, bytes - (size_t)at, " %d %d %d (%d, %d) %d", (int)a->kernel.at[i], (int)a->strides.at[i],
                       (int)a->dilations.at[i], (int)a->pads_begin.at[i], (int)a->pads_end.at[i], (int)a->size.at[i]);
}

static pr_view image_view(float *data, int axes, int images, const int size[3], int channels) {
    return axes == 3 ? floats(data, 5, images, size[0], size[1], size[2], channels) : floats(data, 4, images, size[1], size[2], channels);
}

static brute_axis place(const pr_conv_attrs *a, const shape *x, int axis) {
    int i = axis - (3 - a->kernel.count), size = x->size[axis];
    if (i < 0) return (brute_axis){1, 0};
    if (a->transposed)
        return brute_place_transposed(a->padding, size, a->kernel.at[i], a->strides.at[i], a->dilations.at[i], a->pads_begin.at[i],
                                      a->pads_end.at[i], a->size.count ? a->size.at[i] : 0);
    return brute_place(a->padding, size, a->kernel.at[i], a->strides.at[i], a->dilations.at[i], a->pads_begin.at[i], a->pads_end.at[i], 0);
}

/* Its sums are not exact on whole numbers.  Up to four in both factors: a sum of C * k * k products has a spread of about
 * 20/3 k sqrt(C), and the points multiply rounding errors of 2^-24 by some ten. */
static float winograd_error(int channels, int k) { return 2e-5f * 20 / 3 * (float)k * sqrtf((float)channels); }

static void check_one(uint32_t levels) {
    shape x;
    pr_conv_attrs a = random_attrs(&x);
    brute_axis at[3];
    for (int i = 0; i < 3; i++) at[i] = place(&a, &x, i);
    pr_kernels kernels;
    pr_kernels_select(&kernels, levels);
    pr_message message;
    int depth = x.channels / a.groups, axes = a.kernel.count;
    const int32_t *k = a.kernel.at;
    int64_t weights = (int64_t)a.outputs * depth * k[0] * k[1] * (axes == 3 ? k[2] : 1);
    float *w = guarded_integers(weights);
    pr_view in[4] = {image_view(guarded_integers((int64_t)x.images * x.size[0] * x.size[1] * x.size[2] * x.channels), axes, x.images, x.size, x.channels),
                     axes == 3 ? floats(w, 5, (int)a.outputs, depth, (int)k[0], (int)k[1], (int)k[2]) : floats(w, 4, (int)a.outputs, depth, (int)k[0], (int)k[1])};
    pr_view out = {0};
    if (at[0].out < 1 || at[1].out < 1 || at[2].out < 1) {
        check_count();
        if (run_operator(pr_conv_infer, pr_conv_run, &kernels, 1, &a, in, 2, &out, &message) == PR_OK)
            check_fail("conv: accepted an empty output");
        release_all();
        return;
    }
    int out_size[3] = {at[0].out, at[1].out, at[2].out}, inputs = 2;
    int64_t total = (int64_t)x.images * at[0].out * at[1].out * at[2].out * a.outputs;
    float *bias = a.has_bias ? guarded_integers(a.outputs) : NULL, *residual = a.has_residual ? guarded_integers(total) : NULL;
    if (bias) in[inputs++] = floats(bias, 1, (int)a.outputs);
    if (residual) in[inputs++] = image_view(residual, axes, x.images, out_size, (int)a.outputs);
    float *expected = expected_conv(&a, x, in[0].data, in[1].data, bias, residual, at);
    for (int threads = 0; threads <= 3; threads++) {            /* 0: weights as a computed value, packed when it runs */
        pr_conv_attrs b = a;
        pr_view v[4] = {in[0], threads ? packed_weight(&kernels, &b, in) : in[1], in[2], in[3]};
        char text[300];
        describe(text, sizeof text, &a, x, kernels.gemm->name, threads);
        out = (pr_view){0};
        if (run_operator(pr_conv_infer, pr_conv_run, &kernels, threads, &b, v, inputs, &out, &message) != PR_OK)
            check_fail("%s: %s", text, message.text);
        else if (pr_winograd_m(b.layout))
            near_floats(text, out.data, expected, total, winograd_error(x.channels, k[0]));
        else
            same_rows(text, out.data, expected, total, 1, 1, total);
    }
    release_all();
}

void check_conv(void) {
    for (int level = 0; level < PR_ISA_COUNT; level++)
        if (options.levels >> level & 1)
            for (int round = 0; round < 4 * options.rounds; round++) check_one(1u << level);
}

typedef struct timed { pr_env env; pr_view in[3], out; } timed;
static void run(void *arg) { timed *t = arg; pr_conv_run(&t->env, t->in, 3, &t->out, 1); }

void bench_conv(void) {
    static const int shapes[][7] = {        /* height, width, C, O, kernel, stride; 1: depthwise, 2: transposed, 3: both */
        {224, 224, 3, 32, 3, 2, 0}, {224, 224, 3, 64, 7, 2, 0}, {56, 56, 64, 64, 3, 1, 0}, {28, 28, 128, 128, 3, 1, 0},
        {14, 14, 256, 256, 3, 1, 0}, {7, 7, 512, 512, 3, 1, 0}, {56, 56, 256, 512, 1, 2, 0}, {112, 112, 32, 32, 3, 1, 1},
        {112, 112, 64, 64, 3, 2, 1}, {56, 56, 128, 128, 3, 1, 1}, {28, 28, 256, 256, 3, 1, 1}, {14, 14, 512, 512, 3, 1, 1},
        {14, 14, 512, 512, 3, 2, 1}, {7, 7, 1024, 1024, 3, 1, 1}, {14, 14, 672, 672, 5, 1, 1}, {28, 28, 240, 240, 5, 1, 1},
        {28, 28, 128, 64, 2, 2, 2}, {28, 28, 128, 64, 4, 2, 2}, {14, 14, 256, 128, 3, 2, 2}, {16, 16, 21, 21, 16, 8, 3}};
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, 1u << level);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int *q = shapes[s], depth = q[6] & 1 ? 1 : q[2], transposed = q[6] >> 1;
            pr_conv_attrs a = {.kernel = {2, {q[4], q[4]}}, .strides = {2, {q[5], q[5]}}, .dilations = {2, {1, 1}},
                               .padding = PR_PAD_SAME_BOTTOM_RIGHT, .groups = q[6] & 1 ? q[2] : 1, .outputs = q[3], .has_bias = 1,
                               .transposed = transposed,
                               .activation = {1, 0, 6}};
            pr_message message;
            timed t = {.env = {.kernels = &kernels, .layer = "bench", .message = &message},
                       .in = {floats(guarded_integers((int64_t)q[0] * q[1] * q[2]), 3, q[0], q[1], q[2]),
                              floats(guarded_integers((int64_t)q[3] * depth * q[4] * q[4]), 4, q[3], depth, q[4], q[4]),
                              floats(guarded_integers(q[3]), 1, q[3])}};
            t.in[1] = packed_weight(&kernels, &a, t.in);
            t.env.attrs = &a;
            if (pr_conv_infer(&t.env, t.in, 3, &t.out, 1) != PR_OK) check_fail("%s", message.text);
            t.out.data = guarded(pr_view_count(&t.out));
            t.env.scratch = guarded_bytes((t.env.scratch_bytes + 63) / 64 * 64);
            char name[80];
            snprintf(name, sizeof name, "%dx%dx%d -> %d, %dx%d s%d%s", q[0], q[1], q[2], q[3], q[4], q[4], q[5], (const char *[]){"", " dw", " transposed", " dw transposed"}[q[6]]);
            double flop = 2.0 * (transposed ? (double)q[0] * q[1] * q[3] : (double)pr_view_count(&t.out)) * depth * q[4] * q[4];
            bench_line(pr_level_name(level), name, flop, best_time(run, &t, 0.1));
            release_all();
        }
    }
}
