/* conv: the whole operator at every level, packed and not, against plain loops; random shapes, strides, dilations, groups. */
#include "brute.h"
#include "check.h"
#include "ops/conv/winograd.h"
#include "ops/gemm/gemm_kernel.h"

pr_infer_fn pr_conv_infer;
pr_run_fn pr_conv_run;
pr_pack_fn pr_conv_pack;

typedef struct shape { int images, height, width, channels; } shape;

static pr_conv_attrs random_attrs(shape *x) {
    static const pr_activation some[] = {{1, -INFINITY, INFINITY}, {1, 0, INFINITY}, {1, 0, 6}, {0.5f, -INFINITY, INFINITY}};
    int kind = random_int(0, 6);
    pr_conv_attrs a = {.groups = 1, .outputs = random_int(1, 40), .padding = random_int(0, 2), .activation = some[random_int(0, 3)],
                       .has_bias = random_int(0, 1), .has_residual = random_int(0, 1)};
    a.kernel = (pr_dims){2, {random_int(1, 5), random_int(1, 5)}};
    a.strides = (pr_dims){2, {random_int(1, 3), random_int(1, 3)}};
    a.dilations = (pr_dims){2, {1, 1}};
    a.pads_begin = (pr_dims){2, {random_int(0, 3), random_int(0, 3)}};
    a.pads_end = (pr_dims){2, {random_int(0, 3), random_int(0, 3)}};
    *x = (shape){random_int(1, 2), random_int(1, 14), random_int(1, 14), random_int(1, 20)};
    if (random_int(0, 2) == 0) a.dilations = (pr_dims){2, {random_int(1, 3), random_int(1, 3)}};
    if (kind == 0) {                                            /* pointwise */
        a.kernel = a.strides = a.dilations = (pr_dims){2, {1, 1}};
        a.padding = PR_PAD_SAME_BOTTOM_RIGHT;
    } else if (kind == 1) {                                     /* groups */
        a.groups = random_int(1, 4);
        a.outputs = a.groups * random_int(1, 20);
        x->channels = a.groups * random_int(1, 9);
    } else if (kind == 6) {                                     /* wide enough for Winograd's form */
        a.kernel = (pr_dims){2, {3, 3}};
        a.strides = a.dilations = (pr_dims){2, {1, 1}};
        a.outputs = random_int(16, 50);
        *x = (shape){random_int(1, 2), random_int(2, 30), random_int(2, 30), random_int(16, 50)};
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
    return a;
}

static float *expected_conv(const pr_conv_attrs *a, shape x, const float *in, const float *w, const float *bias,
                            const float *residual, brute_axis h, brute_axis v) {
    int depth = x.channels / a->groups, per_group = a->outputs / a->groups, kh = a->kernel.at[0], kw = a->kernel.at[1];
    float *out = guarded((int64_t)x.images * h.out * v.out * a->outputs), *at = out;
    for (int n = 0; n < x.images; n++)
        for (int i = 0; i < h.out; i++)
            for (int j = 0; j < v.out; j++)
                for (int o = 0; o < a->outputs; o++) {
                    double sum = bias ? (double)bias[o] : 0;
                    for (int p = 0; p < kh; p++)
                        for (int q = 0; q < kw; q++) {
                            int r = i * a->strides.at[0] - h.before + p * a->dilations.at[0];
                            int s = j * a->strides.at[1] - v.before + q * a->dilations.at[1];
                            if (r < 0 || s < 0 || r >= x.height || s >= x.width) continue;
                            for (int c = 0; c < depth; c++)
                                sum += (double)in[((n * x.height + r) * x.width + s) * x.channels + o / per_group * depth + c] *
                                       (double)w[((o * depth + c) * kh + p) * kw + q];
                        }
                    if (residual) sum += (double)residual[at - out];
                    if (sum < 0) sum *= (double)a->activation.slope;
                    *at++ = (float)fmin(fmax(sum, (double)a->activation.lo), (double)a->activation.hi);
                }
    return out;
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
    snprintf(text, bytes, "conv %s, %d threads, %d x %d x %d x %d -> %d, kernel %d %d, stride %d %d, dilation %d %d, "
             "groups %d, padding %d", level, threads, x.images, x.height, x.width, x.channels, (int)a->outputs, (int)a->kernel.at[0],
             (int)a->kernel.at[1], (int)a->strides.at[0], (int)a->strides.at[1], (int)a->dilations.at[0], (int)a->dilations.at[1],
             (int)a->groups, (int)a->padding);
}

/* Its sums are not exact on whole numbers.  Up to four in both factors: a sum of C * 9 products is at most 144 C, its
 * spread about 20 sqrt(C), and the points multiply rounding errors of 2^-24 by some ten. */
static float winograd_error(int channels) { return 2e-5f * 20 * sqrtf((float)channels); }

static void check_one(uint32_t levels) {
    shape x;
    pr_conv_attrs a = random_attrs(&x);
    brute_axis at[2];
    for (int i = 0; i < 2; i++)
        at[i] = brute_place(a.padding, i ? x.width : x.height, a.kernel.at[i], a.strides.at[i], a.dilations.at[i],
                            a.pads_begin.at[i], a.pads_end.at[i], 0);
    pr_kernels kernels;
    pr_kernels_select(&kernels, levels);
    pr_message message;
    int depth = x.channels / a.groups;
    int64_t weights = (int64_t)a.outputs * depth * a.kernel.at[0] * a.kernel.at[1];
    pr_view in[4] = {floats(guarded_integers((int64_t)x.images * x.height * x.width * x.channels), 4, x.images, x.height, x.width, x.channels),
                     floats(guarded_integers(weights), 4, (int)a.outputs, depth, (int)a.kernel.at[0], (int)a.kernel.at[1])};
    pr_view out = {0};
    if (at[0].out < 1 || at[1].out < 1) {
        check_count();
        if (run_operator(pr_conv_infer, pr_conv_run, &kernels, 1, &a, in, 2, &out, &message) == PR_OK)
            check_fail("conv: accepted an empty output");
        release_all();
        return;
    }
    int64_t total = (int64_t)x.images * at[0].out * at[1].out * a.outputs;
    int inputs = 2;
    float *bias = a.has_bias ? guarded_integers(a.outputs) : NULL, *residual = a.has_residual ? guarded_integers(total) : NULL;
    if (bias) in[inputs++] = floats(bias, 1, (int)a.outputs);
    if (residual) in[inputs++] = floats(residual, 4, x.images, at[0].out, at[1].out, (int)a.outputs);
    float *expected = expected_conv(&a, x, in[0].data, in[1].data, bias, residual, at[0], at[1]);
    for (int threads = 0; threads <= 3; threads++) {            /* 0: the unpacked reference */
        pr_conv_attrs b = a;
        pr_view v[4] = {in[0], threads ? packed_weight(&kernels, &b, in) : in[1], in[2], in[3]};
        char text[200];
        describe(text, sizeof text, &a, x, threads ? kernels.gemm->name : "reference", threads);
        out = (pr_view){0};
        if (run_operator(pr_conv_infer, pr_conv_run, &kernels, threads, &b, v, inputs, &out, &message) != PR_OK)
            check_fail("%s: %s", text, message.text);
        else if (pr_winograd_m(b.layout))
            near_floats(text, out.data, expected, total, winograd_error(x.channels));
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
    static const int shapes[][7] = {        /* height, width, C, O, kernel, stride, depthwise */
        {224, 224, 3, 32, 3, 2, 0}, {224, 224, 3, 64, 7, 2, 0}, {56, 56, 64, 64, 3, 1, 0}, {28, 28, 128, 128, 3, 1, 0},
        {14, 14, 256, 256, 3, 1, 0}, {7, 7, 512, 512, 3, 1, 0}, {56, 56, 256, 512, 1, 2, 0}, {112, 112, 32, 32, 3, 1, 1},
        {112, 112, 64, 64, 3, 2, 1}, {56, 56, 128, 128, 3, 1, 1}, {28, 28, 256, 256, 3, 1, 1}, {14, 14, 512, 512, 3, 1, 1},
        {14, 14, 512, 512, 3, 2, 1}, {7, 7, 1024, 1024, 3, 1, 1}, {14, 14, 672, 672, 5, 1, 1}, {28, 28, 240, 240, 5, 1, 1}};
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, 1u << level);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int *q = shapes[s], depth = q[6] ? 1 : q[2];
            pr_conv_attrs a = {.kernel = {2, {q[4], q[4]}}, .strides = {2, {q[5], q[5]}}, .dilations = {2, {1, 1}},
                               .padding = PR_PAD_SAME_BOTTOM_RIGHT, .groups = q[6] ? q[2] : 1, .outputs = q[3], .has_bias = 1,
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
            snprintf(name, sizeof name, "%dx%dx%d -> %d, %dx%d s%d%s", q[0], q[1], q[2], q[3], q[4], q[4], q[5], q[6] ? " dw" : "");
            double flop = 2.0 * (double)pr_view_count(&t.out) * depth * q[4] * q[4];
            bench_line(pr_level_name(level), name, flop, best_time(run, &t, 0.1));
            release_all();
        }
    }
}
