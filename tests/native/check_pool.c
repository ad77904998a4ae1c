/* pool: the whole operator at every level against plain loops.  Quotients and roots of whole numbers are rounded
 * once, so they compare exactly too. */
#include "brute.h"
#include "check.h"

pr_infer_fn pr_pool_infer;
pr_run_fn pr_pool_run;

/* size, begin, kernel: of depth, height, width. */
static double pooled(const pr_pool_attrs *a, const float *in, const int size[3], int channels, const int begin[3], const int kernel[3],
                     const int pads[3], int c) {
    int last = a->padding == PR_PAD_INCLUDE_LAST && !a->global, counted = 0, cells = 0, all = kernel[0] * kernel[1] * kernel[2];
    double best = -INFINITY, sum = 0;
    for (int t = 0; t < all; t++) {
        int at[3] = {begin[0] + t / (kernel[1] * kernel[2]), begin[1] + t / kernel[2] % kernel[1], begin[2] + t % kernel[2]}, inside = 1, counts = 1;
        for (int i = 0; i < 3; i++) {
            inside &= at[i] >= 0 && at[i] < size[i];
            counts &= !last || at[i] < size[i] + pads[i];
        }
        counted += counts;
        if (!inside) continue;
        double x = (double)in[((at[0] * size[1] + at[1]) * size[2] + at[2]) * channels + c];
        best = fmax(best, x);
        sum += a->kind == PR_POOL_L2 ? x * x : x;
        cells++;
    }
    if (a->kind == PR_POOL_MAX) return best;
    if (a->kind == PR_POOL_L2) return sqrt(sum);
    if (!a->exclude_padding) cells = counted;
    return cells ? sum / cells : 0;
}

static pr_dims random_dims(int axes, int low, int high) {
    return (pr_dims){axes, {random_int(low, high), random_int(low, high), random_int(low, high)}};
}

static void check_one(uint32_t levels) {
    int axes = random_int(0, 2) ? 2 : 3, first = 3 - axes, images = random_int(1, 3), channels = random_int(1, 70);
    int size[3] = {axes == 3 ? random_int(1, 6) : 1, random_int(1, 12), random_int(1, 12)};
    if (random_int(0, 9) == 0) channels = 200;
    pr_pool_attrs a = {.kind = random_int(0, 2), .global = random_int(0, 5) == 0, .padding = random_int(0, 3), .exclude_padding = random_int(0, 1),
                       .kernel = random_dims(axes, 1, 4), .strides = random_dims(axes, 1, 4),
                       .pads_begin = random_dims(axes, 0, 2), .pads_end = random_dims(axes, 0, 2)};
    brute_axis at[3] = {{1, 0}, {1, 0}, {1, 0}};
    int any = 0, kernel[3] = {size[0], size[1], size[2]}, stride[3] = {1, 1, 1}, pads[3] = {0};
    for (int i = 0; i < axes; i++) any |= a.pads_begin.at[i] > 0;
    for (int i = 0; i < axes && !a.global; i++) {
        kernel[first + i] = a.kernel.at[i];
        stride[first + i] = a.strides.at[i];
        pads[first + i] = a.pads_begin.at[i];
        at[first + i] = brute_place(a.padding, size[first + i], a.kernel.at[i], a.strides.at[i], 1, a.pads_begin.at[i], a.pads_end.at[i], any);
    }
    int64_t cells = (int64_t)size[0] * size[1] * size[2];
    float *x = guarded_integers(images * cells * channels);
    pr_view in = axes == 3 ? floats(x, 5, images, size[0], size[1], size[2], channels) : floats(x, 4, images, size[1], size[2], channels);
    pr_kernels kernels;
    pr_kernels_select(&kernels, levels);
    for (int threads = 1; threads <= 3; threads++) {
        pr_view out = {0};
        pr_message message;
        char text[200];
        snprintf(text, sizeof text, "pool kind %d, %d threads, %d x %d x %d x %d, kernel %d %d %d, stride %d %d %d, padding %d", (int)a.kind, threads,
                 size[0], size[1], size[2], channels, kernel[0], kernel[1], kernel[2], stride[0], stride[1], stride[2], a.global ? -1 : (int)a.padding);
        pr_status status = run_operator(pr_pool_infer, pr_pool_run, &kernels, threads, &a, &in, 1, &out, &message);
        check_count();
        if ((status == PR_OK) != (at[0].out > 0 && at[1].out > 0 && at[2].out > 0)) check_fail("%s: status %d", text, (int)status);
        if (status != PR_OK) break;
        const float *got = out.data;
        int good = 1, outputs = at[0].out * at[1].out * at[2].out;
        for (int i = first; i < 3; i++) good &= out.shape[1 + i - first] == at[i].out;
        if (!good) check_fail("%s: output of another size", text);
        for (int n = 0; n < images && good; n++)
            for (int i = 0; i < outputs && good; i++) {
                int o[3] = {i / (at[1].out * at[2].out), i / at[2].out % at[1].out, i % at[2].out}, begin[3];
                for (int j = 0; j < 3; j++) begin[j] = o[j] * stride[j] - at[j].before;
                for (int c = 0; c < channels && good; c++, got++) {
                    double want = pooled(&a, x + n * cells * channels, size, channels, begin, kernel, pads, c);
                    if (!((float)want == *got)) good = check_fail("%s: %g, must be %g", text, (double)*got, want);
                }
            }
    }
    release_all();
}

void check_pool(void) {
    for (int level = 0; level < PR_ISA_COUNT; level++)
        if (options.levels >> level & 1)
            for (int round = 0; round < 2 * options.rounds; round++) check_one(1u << level);
}

typedef struct timed { pr_env env; pr_view in, out; } timed;
static void run(void *arg) { timed *t = arg; pr_pool_run(&t->env, &t->in, 1, &t->out, 1); }

void bench_pool(void) {
    static const int shapes[][5] = {{112, 64, 3, 2, PR_POOL_MAX}, {56, 128, 2, 2, PR_POOL_MAX}, {28, 256, 3, 1, PR_POOL_AVERAGE}, {7, 1024, 7, 1, PR_POOL_AVERAGE}};
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, 1u << level);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int *q = shapes[s];
            pr_pool_attrs a = {.kind = q[4], .kernel = {2, {q[2], q[2]}}, .strides = {2, {q[3], q[3]}}, .padding = PR_PAD_EXPLICIT,
                               .pads_begin = {2, {0, 0}}, .pads_end = {2, {0, 0}}};
            pr_message message;
            timed t = {.env = {.kernels = &kernels, .layer = "bench", .message = &message, .attrs = &a},
                       .in = floats(guarded_integers((int64_t)q[0] * q[0] * q[1]), 3, q[0], q[0], q[1])};
            if (pr_pool_infer(&t.env, &t.in, 1, &t.out, 1) != PR_OK) check_fail("%s", message.text);
            t.out.data = guarded(pr_view_count(&t.out));
            char name[80];
            snprintf(name, sizeof name, "%dx%dx%d, %dx%d s%d, kind %d", q[0], q[0], q[1], q[2], q[2], q[3], q[4]);
            bench_line(pr_level_name(level), name, (double)pr_view_count(&t.out) * q[2] * q[2], best_time(run, &t, 0.05));
            release_all();
        }
    }
}
