/* pool: the whole operator at every level against plain loops.  Quotients and roots of whole numbers are rounded
 * once, so they compare exactly too. */
#include "brute.h"
#include "check.h"

pr_infer_fn pr_pool_infer;
pr_run_fn pr_pool_run;

static double pooled(const pr_pool_attrs *a, const float *in, const int size[2], int channels, int top, int left, int kh, int kw, int c) {
    int last = a->padding == PR_PAD_INCLUDE_LAST && !a->global, counted = 0;
    double best = -INFINITY, sum = 0;
    int cells = 0;
    for (int r = top; r < top + kh; r++)
        for (int q = left; q < left + kw; q++) {
            if (!last || (r < size[0] + a->pads_begin.at[0] && q < size[1] + a->pads_begin.at[1])) counted++;
            if (r < 0 || q < 0 || r >= size[0] || q >= size[1]) continue;
            double x = (double)in[(r * size[1] + q) * channels + c];
            best = fmax(best, x);
            sum += a->kind == PR_POOL_L2 ? x * x : x;
            cells++;
        }
    if (a->kind == PR_POOL_MAX) return best;
    if (a->kind == PR_POOL_L2) return sqrt(sum);
    if (!a->exclude_padding) cells = counted;
    return cells ? sum / cells : 0;
}

static void check_one(uint32_t levels) {
    int images = random_int(1, 3), size[2] = {random_int(1, 12), random_int(1, 12)}, channels = random_int(1, 70);
    if (random_int(0, 9) == 0) channels = 200;
    pr_pool_attrs a = {.kind = random_int(0, 2), .global = random_int(0, 5) == 0, .padding = random_int(0, 3), .exclude_padding = random_int(0, 1),
                       .kernel = {2, {random_int(1, 4), random_int(1, 4)}}, .strides = {2, {random_int(1, 4), random_int(1, 4)}},
                       .pads_begin = {2, {random_int(0, 2), random_int(0, 2)}}, .pads_end = {2, {random_int(0, 2), random_int(0, 2)}}};
    brute_axis at[2] = {{1, 0}, {1, 0}};
    int any = a.pads_begin.at[0] > 0 || a.pads_begin.at[1] > 0, kernel[2] = {size[0], size[1]}, stride[2] = {1, 1};
    for (int i = 0; i < 2 && !a.global; i++) {
        kernel[i] = a.kernel.at[i];
        stride[i] = a.strides.at[i];
        at[i] = brute_place(a.padding, size[i], kernel[i], stride[i], 1, a.pads_begin.at[i], a.pads_end.at[i], any);
    }
    float *x = guarded_integers((int64_t)images * size[0] * size[1] * channels);
    pr_view in = floats(x, 4, images, size[0], size[1], channels);
    pr_kernels kernels;
    pr_kernels_select(&kernels, levels);
    for (int threads = 1; threads <= 3; threads++) {
        pr_view out = {0};
        pr_message message;
        char text[160];
        snprintf(text, sizeof text, "pool kind %d, %d threads, %d x %d x %d, kernel %d %d, stride %d %d, padding %d", (int)a.kind, threads,
                 size[0], size[1], channels, kernel[0], kernel[1], stride[0], stride[1], a.global ? -1 : (int)a.padding);
        pr_status status = run_operator(pr_pool_infer, pr_pool_run, &kernels, threads, &a, &in, 1, &out, &message);
        check_count();
        if ((status == PR_OK) != (at[0].out > 0 && at[1].out > 0)) check_fail("%s: status %d", text, (int)status);
        if (status != PR_OK) break;
        const float *got = out.data;
        int good = out.shape[1] == at[0].out && out.shape[2] == at[1].out;
        if (!good) check_fail("%s: output of %d x %d", text, (int)out.shape[1], (int)out.shape[2]);
        for (int n = 0; n < images && good; n++)
            for (int i = 0; i < at[0].out * at[1].out && good; i++)
                for (int c = 0; c < channels && good; c++) {
                    double want = pooled(&a, x + (int64_t)n * size[0] * size[1] * channels, size, channels,
                                         i / at[1].out * stride[0] - at[0].before, i % at[1].out * stride[1] - at[1].before,
                                         kernel[0], kernel[1], c);
                    if (!((float)want == *got))
                        good = check_fail("%s: %g, must be %g", text, (double)*got, want);
                    got++;
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
