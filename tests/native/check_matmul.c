/* matmul: the whole operator at every level against plain loops; few rows and many, turned, broadcast, empty depths. */
#include "check.h"
#include "ops/gemm/matmul.h"

pr_infer_fn pr_matmul_infer;
pr_run_fn pr_matmul_run;

static void check_one(const pr_kernels *kernels) {
    pr_matmul_attrs a = {random_int(0, 1), random_int(0, 1)};
    int m = random_int(1, random_int(0, 1) ? 9 : 40), n = random_int(1, random_int(0, 9) ? 70 : 1100), k = random_int(0, random_int(0, 1) ? 20 : 90);
    int lead[2] = {random_int(1, 3), random_int(1, 3)}, la[2], lb[2];
    for (int i = 0; i < 2; i++) la[i] = random_int(0, 2) ? lead[i] : 1, lb[i] = random_int(0, 2) || la[i] == 1 ? lead[i] : 1;
    float *x = guarded_integers((int64_t)la[0] * la[1] * m * k), *w = guarded_integers((int64_t)lb[0] * lb[1] * k * n);
    pr_view in[2] = {a.transpose_a ? floats(x, 4, la[0], la[1], k, m) : floats(x, 4, la[0], la[1], m, k),
                     a.transpose_b ? floats(w, 4, lb[0], lb[1], n, k) : floats(w, 4, lb[0], lb[1], k, n)};
    int64_t total = (int64_t)lead[0] * lead[1] * m * n;
    float *expected = guarded(total), *at = expected;
    for (int t = 0; t < lead[0] * lead[1]; t++) {
        int i = t / lead[1], j = t % lead[1];
        const float *p = x + (int64_t)((la[0] > 1 ? i : 0) * la[1] + (la[1] > 1 ? j : 0)) * m * k;
        const float *q = w + (int64_t)((lb[0] > 1 ? i : 0) * lb[1] + (lb[1] > 1 ? j : 0)) * k * n;
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++) {
                float sum = 0;
                for (int s = 0; s < k; s++) sum += (a.transpose_a ? p[s * m + r] : p[r * k + s]) * (a.transpose_b ? q[c * k + s] : q[s * n + c]);
                *at++ = sum;
            }
    }
    for (int threads = 1; threads <= 3; threads++) {
        pr_message message;
        pr_view out = {0};
        char text[160];
        snprintf(text, sizeof text, "matmul, %d threads, (%d, %d) x (%d, %d) of %d x %d x %d, turned %d %d", threads, la[0], la[1], lb[0],
                 lb[1], m, k, n, (int)a.transpose_a, (int)a.transpose_b);
        if (run_operator(pr_matmul_infer, pr_matmul_run, kernels, threads, &a, in, 2, &out, &message) != PR_OK)
            check_fail("%s: %s", text, message.text);
        else
            same_rows(text, out.data, expected, total, 1, 1, total);
    }
    release_all();
}

void check_matmul(void) {
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, PR_ISA_ref | 1u << level);
        for (int round = 0; round < 2 * options.rounds; round++) check_one(&kernels);
    }
}

typedef struct timed { pr_env env; pr_view in[2], out; } timed;
static void run(void *arg) { timed *t = arg; pr_matmul_run(&t->env, t->in, 2, &t->out, 1); }

void bench_matmul(void) {
    static const int shapes[][6] = {        /* products, M, K, N, turned: attention of 12 heads, windows of 49, rows, squares */
        {12, 128, 64, 128, 0, 1}, {12, 128, 128, 64, 0, 0}, {2048, 49, 32, 49, 0, 1}, {1, 1, 1024, 1024, 0, 0}, {1, 1, 1024, 1024, 0, 1},
        {1, 8, 1024, 1024, 0, 0}, {1, 8, 1024, 1024, 0, 1}, {1, 512, 512, 512, 0, 0}, {1, 512, 512, 512, 1, 1}, {96, 8, 8, 8, 0, 0}};
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, PR_ISA_ref | 1u << level);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int *q = shapes[s];
            pr_matmul_attrs a = {q[4], q[5]};
            pr_message message;
            timed t = {.env = {.kernels = &kernels, .layer = "bench", .message = &message, .attrs = &a},
                       .in = {floats(guarded_integers((int64_t)q[0] * q[1] * q[2]), 3, q[0], q[q[4] ? 2 : 1], q[q[4] ? 1 : 2]),
                              floats(guarded_integers((int64_t)q[0] * q[2] * q[3]), 3, q[0], q[q[5] ? 3 : 2], q[q[5] ? 2 : 3])}};
            if (pr_matmul_infer(&t.env, t.in, 2, &t.out, 1) != PR_OK) check_fail("%s", message.text);
            t.out.data = guarded((int64_t)q[0] * q[1] * q[3]);
            t.env.scratch = t.env.scratch_bytes ? guarded_bytes((t.env.scratch_bytes + 63) / 64 * 64) : NULL;
            char name[80];
            snprintf(name, sizeof name, "%d of %d x %d x %d%s%s", q[0], q[1], q[2], q[3], q[4] ? " A'" : "", q[5] ? " B'" : "");
            bench_line(pr_level_name(level), name, 2.0 * q[0] * q[1] * q[2] * q[3], best_time(run, &t, 0.05));
            release_all();
        }
    }
}
