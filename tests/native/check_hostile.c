/* Attributes from a damaged or hostile file: whatever infer accepts must run inside its buffers (which end at a page that
 * may not be touched), and what it refuses must be refused with a sentence. */
#include "check.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"
#include "ops/norm/norm.h"
#include "ops/pool/pool.h"
#include "ops/scan/scan.h"
#include "ops/select/select.h"
#include "ops/sort/sort.h"

pr_infer_fn pr_conv_infer, pr_gemm_infer, pr_pool_infer, pr_top_k_infer, pr_arg_sort_infer, pr_cum_sum_infer, pr_select_infer,
    pr_layer_norm_infer, pr_lrn_infer;
pr_run_fn pr_conv_run, pr_gemm_run, pr_pool_run, pr_top_k_run, pr_arg_sort_run, pr_cum_sum_run, pr_select_run, pr_layer_norm_run,
    pr_lrn_run;

static int32_t strange(void) {
    static const int32_t some[] = {0, -1, 1, 2, 3, 4, 7, 64, 1 << 20, (1 << 20) + 1, INT32_MAX, INT32_MIN, 0x10000, 1 << 30};
    return random_int(0, 3) ? random_int(1, 4) : some[random_int(0, 13)];
}
static pr_dims strange_dims(void) {
    return (pr_dims){random_int(0, 9) ? 2 : strange(), {strange(), strange(), strange(), strange()}};
}

/* A view of a small shape with data, or a huge one without. */
static pr_view strange_view(int rank) {
    pr_view v = {.rank = random_int(0, 15) ? rank : random_int(0, 8), .dtype = random_int(0, 15) ? PR_F32 : random_int(0, 2)};
    for (int i = 0; i < v.rank; i++) v.shape[i] = random_int(0, 9) ? random_int(1, 6) : random_int(0, 1) ? strange() : strange() * ((int64_t)1 << 31);
    return v;
}

/* Shape rules are asked twice, as in a session: before the numbers are there and with them. */
static void attempt_many(const char *name, pr_infer_fn *infer, pr_run_fn *run, const void *attrs, pr_view *in, int inputs,
                         int outputs) {
    pr_kernels kernels;
    pr_kernels_select(&kernels, options.levels);
    pr_message message = {{0}};
    pr_env env = {.kernels = &kernels, .pool = pools[2], .layer = "hostile", .attrs = attrs, .message = &message};
    pr_view out[2] = {{0}};
    for (int asked = 0; asked < 2; asked++) {
        check_count();
        env.scratch_bytes = 0;
        if (infer(&env, in, inputs, out, outputs) != PR_OK) {
            if (!message.text[0]) check_fail("%s: refused without a sentence", name);
            return;
        }
        for (int i = 0; i < inputs && !asked; i++) {
            int64_t count = pr_view_count(&in[i]);
            if (count < 0 || count > 100000) return;
            in[i].data = guarded_integers(count);
        }
    }
    for (int i = 0; i < outputs; i++) {
        int64_t count = pr_view_count(&out[i]);
        if (count <= 0 || count > 100000 || env.scratch_bytes > 4000000) return;
        out[i].data = guarded(count);
    }
    if (env.scratch_bytes) env.scratch = guarded_bytes((env.scratch_bytes + 63) / 64 * 64);
    run(&env, in, inputs, out, outputs);
}

static void attempt(const char *name, pr_infer_fn *infer, pr_run_fn *run, const void *attrs, pr_view *in, int inputs) {
    attempt_many(name, infer, run, attrs, in, inputs, 1);
}

/* Order, running sums, choice and normalisation. */
static void attempt_along_axes(void) {
    int second = random_int(0, 1);
    pr_view in[3] = {strange_view(random_int(1, 4)), strange_view(random_int(0, 1)), strange_view(random_int(0, 3))};
    if (random_int(0, 3) && in[1].rank == 1) in[1].shape[0] = 1;
    pr_top_k_attrs k = {random_int(0, 1) ? random_int(0, 3) : strange(), second ? 0 : strange(), random_int(0, 1)};
    attempt_many("top_k", pr_top_k_infer, pr_top_k_run, &k, in, 1 + second, 2);
    pr_arg_sort_attrs order = {random_int(0, 1) ? random_int(0, 3) : strange(), random_int(0, 1)};
    attempt("arg_sort", pr_arg_sort_infer, pr_arg_sort_run, &order, in, 1);
    pr_cum_sum_attrs sum = {second ? -1 : strange(), random_int(0, 1), random_int(0, 1)};
    attempt("cum_sum", pr_cum_sum_infer, pr_cum_sum_run, &sum, in, 1 + second);
    pr_select_attrs none = {0};
    attempt("select", pr_select_infer, pr_select_run, &none, in, 3);
    pr_lrn_attrs window = {strange(), strange(), 1, 1, 0.75f};
    attempt("lrn", pr_lrn_infer, pr_lrn_run, &window, in, 1);
    pr_layer_norm_attrs last = {strange(), 1e-5f};
    in[1] = in[2] = strange_view(1);
    if (random_int(0, 3) && last.axes > 0 && last.axes <= in[0].rank)
        in[1].shape[0] = in[2].shape[0] = pr_view_span(&in[0], in[0].rank - last.axes, in[0].rank);
    attempt("layer_norm", pr_layer_norm_infer, pr_layer_norm_run, &last, in, 3);
    release_all();
}

void check_hostile(void) {
    for (int round = 0; round < 40 * options.rounds; round++) {
        pr_conv_attrs c = {strange_dims(), strange_dims(), strange_dims(), strange_dims(), strange_dims(), random_int(-1, 4), strange(), strange(),
                           random_int(0, 1), random_int(0, 3) ? (pr_dims){0} : strange_dims(), random_int(0, 2) ? 0 : random_int(0, 1) ? 2 << 24 : strange(), random_int(0, 1), 0, {1, 0, 6}};
        pr_view in[3] = {strange_view(4), strange_view(4), strange_view(1)};
        if (random_int(0, 3)) {             /* likely legal but for one thing */
            c.groups = random_int(0, 2) ? 1 : (int32_t)in[0].shape[3];
            int64_t fit[4] = {c.outputs, in[0].shape[3] / (c.groups ? c.groups : 1), c.kernel.at[0], c.kernel.at[1]};
            memcpy(in[1].shape, fit, sizeof fit);
            in[2].shape[0] = c.outputs;
        }
        attempt("conv", pr_conv_infer, pr_conv_run, &c, in, 2 + c.has_bias);
        release_all();

        pr_pool_attrs p = {random_int(-1, 3), random_int(0, 3) == 0, strange_dims(), strange_dims(), strange_dims(), strange_dims(), random_int(-1, 4), random_int(0, 1), random_int(0, 1)};
        in[0] = strange_view(4);
        attempt("pool", pr_pool_infer, pr_pool_run, &p, in, 1);
        release_all();

        pr_gemm_attrs g = {strange(), strange(), random_int(0, 2) ? 0 : strange(), random_int(0, 1), 0, {1, 0, 6}};
        in[0] = strange_view(2), in[1] = strange_view(2), in[2] = strange_view(1);
        if (random_int(0, 3)) in[0].shape[1] = in[1].shape[1] = g.inputs, in[1].shape[0] = in[2].shape[0] = g.outputs;
        attempt("gemm", pr_gemm_infer, pr_gemm_run, &g, in, 2 + g.has_bias);
        release_all();
        attempt_along_axes();
    }
}
