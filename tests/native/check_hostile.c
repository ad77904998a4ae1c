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
#include "ops/training/training.h"

pr_infer_fn pr_conv_infer, pr_gemm_infer, pr_pool_infer, pr_top_k_infer, pr_arg_sort_infer, pr_cum_sum_infer, pr_select_infer,
    pr_layer_norm_infer, pr_lrn_infer;
pr_run_fn pr_conv_run, pr_gemm_run, pr_pool_run, pr_top_k_run, pr_arg_sort_run, pr_cum_sum_run, pr_select_run, pr_layer_norm_run,
    pr_lrn_run;

pr_infer_fn pr_product_infer, pr_conv_weight_gradient_infer, pr_pool_gradient_infer, pr_unary_gradient_infer,
    pr_cross_entropy_infer, pr_squared_error_infer, pr_sgd_infer;
pr_run_fn pr_product_run, pr_conv_weight_gradient_run, pr_pool_gradient_run, pr_unary_gradient_run, pr_cross_entropy_run,
    pr_squared_error_run, pr_sgd_run;

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

/* Gradients, losses and steps.  Most shapes fit each other, or nothing would ever run. */
static void attempt_training(void) {
    pr_view in[4] = {strange_view(random_int(3, 4)), strange_view(2), strange_view(random_int(0, 2)), strange_view(2)};
    pr_conv_attrs conv = {.kernel = strange_dims(), .strides = strange_dims(), .dilations = strange_dims(), .pads_begin = strange_dims(),
                          .pads_end = strange_dims(), .padding = random_int(0, 2), .groups = random_int(1, 2), .outputs = random_int(1, 4)};
    pr_pool_attrs pool = {.kind = random_int(0, 3), .global = random_int(0, 3) == 0, .kernel = strange_dims(), .strides = strange_dims(),
                          .pads_begin = strange_dims(), .pads_end = strange_dims(), .padding = random_int(0, 3)};
    pr_view windows[3] = {in[0], in[0], in[0]};
    for (int i = 1; i < 3 && in[0].rank >= 3; i++) {    /* what the shape rules of the forward operators say, now and then */
        pr_kernels kernels;
        pr_kernels_select(&kernels, options.levels);
        pr_message message = {{0}};
        pr_env env = {.kernels = &kernels, .layer = "hostile", .attrs = &pool, .message = &message};
        pr_view y;
        if (random_int(0, 7) && pr_pool_infer(&env, in, 1, &y, 1) == PR_OK) windows[i] = y;
    }
    attempt("pool_gradient", pr_pool_gradient_infer, pr_pool_gradient_run, &pool, windows, 3);
    if (in[0].rank >= 3) {
        for (int i = 0; i < 2; i++) windows[1].shape[in[0].rank - 3 + i] = random_int(0, 3) ? windows[1].shape[in[0].rank - 3 + i] : strange();
        windows[1].shape[in[0].rank - 1] = conv.outputs;
    }
    attempt("conv_weight_gradient", pr_conv_weight_gradient_infer, pr_conv_weight_gradient_run, &conv, windows, 2);
    pr_product_attrs product = {random_int(0, 1), random_int(0, 1), random_int(0, 1)};
    if (random_int(0, 3) && in[0].rank > 0 && in[1].rank == 2)
        in[1].shape[product.transpose_b ? 1 : 0] = product.transpose_a ? pr_view_span(&in[0], 0, in[0].rank - 1) : in[0].shape[in[0].rank - 1];
    attempt("product", pr_product_infer, pr_product_run, &product, in, 2 + product.has_bias);
    pr_unary_attrs unary = {strange(), 0.5f, 1};
    attempt("unary_gradient", pr_unary_gradient_infer, pr_unary_gradient_run, &unary, windows, 2);
    pr_cross_entropy_attrs floor = {1e-38f};
    pr_view loss[2] = {in[1], in[3]};
    attempt_many("squared_error", pr_squared_error_infer, pr_squared_error_run, &floor, loss, 2, 2);
    if (random_int(0, 3)) loss[1] = (pr_view){.rank = 1, .dtype = PR_F32, .shape = {in[1].shape[0]}};
    attempt_many("cross_entropy", pr_cross_entropy_infer, pr_cross_entropy_run, &floor, loss, 2, 2);
    pr_sgd_attrs sgd = {random_int(0, 1)};
    pr_view step[4] = {in[1], in[1], {.rank = 1, .dtype = PR_F32, .shape = {random_int(0, 3) ? 2 : strange()}}, random_int(0, 3) ? in[1] : in[3]};
    attempt_many("sgd", pr_sgd_infer, pr_sgd_run, &sgd, step, 3 + sgd.has_momentum, 1 + sgd.has_momentum);
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
        attempt_training();
    }
}
