/* inverted: the block in one step against its three convolutions one after the other (check_conv.c checks those), exactly on
 * whole numbers; on others, the same bits for every number of threads; and blocks with one number changed, which must be
 * refused or stay inside their buffers. */
#include "check.h"
#include "ops/attrs.h"

typedef struct block {
    pr_inverted_attrs attrs;
    pr_view in[8];
    int inputs;
    pr_kernels kernels;
} block;

static pr_conv_attrs pixelwise(int outputs, pr_activation activation) {
    const pr_dims one = {2, {1, 1}}, zero = {2, {0, 0}};
    return (pr_conv_attrs){.kernel = one, .strides = one, .dilations = one, .pads_begin = zero, .pads_end = zero, .groups = 1,
                           .outputs = outputs, .has_bias = 1, .activation = activation};
}

static pr_dims two(int least, int most) { return (pr_dims){2, {random_int(least, most), random_int(least, most)}}; }

/* With some of what is not specialised. */
static pr_conv_attrs random_depthwise(int channels) {
    pr_conv_attrs a = pixelwise(channels, (pr_activation){1, 0, 6});
    const int k = random_int(0, 1) ? 3 : 5, s = random_int(1, 2);
    a.groups = channels;
    a.kernel = random_int(0, 3) ? (pr_dims){2, {k, k}} : two(1, 4);
    a.strides = random_int(0, 3) ? (pr_dims){2, {s, s}} : two(1, 3);
    if (random_int(0, 3) == 0) a.dilations = two(1, 3);
    a.padding = random_int(0, 2);
    a.pads_begin = two(0, 3), a.pads_end = two(0, 3);
    return a;
}

/* Weight and bias of a part, packed. */
static void add_weight(block *b, pr_conv_attrs *a, const pr_view *x, int depth) {
    const int taps = (int)(a->kernel.at[0] * a->kernel.at[1]);
    pr_message message;
    pr_env env = {.kernels = &b->kernels, .layer = "check", .message = &message};
    pr_view in[2] = {*x, floats(guarded_integers((int64_t)a->outputs * depth * taps), 4, (int)a->outputs, depth, (int)a->kernel.at[0], (int)a->kernel.at[1])};
    pr_view *out = &b->in[b->inputs++];
    *out = (pr_view){0};
    for (int i = 0; i < 2; i++) {
        if (pr_ops[PR_OP_CONV].pack(&env, a, in, 2, 1, out) != PR_OK) check_fail("pack: %s", message.text);
        if (!i) out->data = guarded(out->shape[0]);
    }
    b->in[b->inputs++] = floats(guarded_integers(a->outputs), 1, (int)a->outputs);
}

static pr_status run_part(const block *b, const pr_conv_attrs *a, const pr_view *x, int first, pr_view *out, pr_message *message) {
    pr_view in[4] = {*x, b->in[first], b->in[first + 1], b->in[7]};
    return run_operator(pr_ops[PR_OP_CONV].infer, pr_ops[PR_OP_CONV].run, &b->kernels, 1, a, in, 3 + (a->has_residual != 0), out, message);
}

static pr_status run_block(const block *b, int threads, pr_view *out, pr_message *message) {
    return run_operator(pr_ops[PR_OP_INVERTED].infer, pr_ops[PR_OP_INVERTED].run, &b->kernels, threads, &b->attrs, b->in, b->inputs, out, message);
}

/* A random block and, in `expected`, what its parts say; 0: its kernel does not fit the image. */
static int make_block(block *b, uint32_t level, pr_view *expected) {
    const int images = random_int(1, 2), channels = random_int(1, 9), wide = random_int(0, 9) ? random_int(2, 70) : 256;
    const int height = random_int(1, 40), width = random_int(1, 20);
    pr_message message;
    pr_view mid = {0}, low = {0};
    *b = (block){.inputs = 1};
    pr_kernels_select(&b->kernels, level);
    b->attrs = (pr_inverted_attrs){pixelwise(wide, (pr_activation){1, 0, 6}), random_depthwise(wide), pixelwise(random_int(1, 20), PR_NO_ACTIVATION)};
    b->attrs.project.padding = random_int(0, 2);
    b->in[0] = floats(guarded_integers((int64_t)images * height * width * channels), 4, images, height, width, channels);
    add_weight(b, &b->attrs.expand, &b->in[0], channels);
    *expected = (pr_view){0};
    if (run_part(b, &b->attrs.expand, &b->in[0], 1, &mid, &message) != PR_OK) check_fail("expand: %s", message.text);
    add_weight(b, &b->attrs.depthwise, &mid, 1);
    if (run_part(b, &b->attrs.depthwise, &mid, 3, &low, &message) != PR_OK) return 0;
    add_weight(b, &b->attrs.project, &low, wide);
    if (random_int(0, 1)) {
        pr_view sum = low;
        sum.shape[3] = b->attrs.project.outputs;
        sum.data = guarded_integers(pr_view_count(&sum));
        b->attrs.project.has_residual = 1;
        b->in[b->inputs++] = sum;
    }
    if (run_part(b, &b->attrs.project, &low, 5, expected, &message) != PR_OK) check_fail("project: %s", message.text);
    return 1;
}

static void not_whole(const pr_view *v) {
    float *x = v->data;
    for (int64_t i = 0; i < pr_view_count(v); i++) x[i] += (float)random_int(-1000, 1000) * 1e-4f;
}

static void check_threads(const block *b) {
    pr_message message;
    pr_view one = {0};
    for (int i = 0; i < b->inputs; i++) not_whole(&b->in[i]);
    run_block(b, 1, &one, &message);
    for (int threads = 2; threads <= 3; threads++) {
        pr_view out = {0};
        run_block(b, threads, &out, &message);
        check_count();
        if (memcmp(out.data, one.data, sizeof(float) * (size_t)pr_view_count(&one))) check_fail("inverted: other bits with %d threads", threads);
    }
}

static void check_changed(const block *whole) {
    static const int32_t odd[] = {-1, 0, 1, 2, 3, 5, 8, 64, 1 << 20, INT32_MAX, INT32_MIN, 1 << 28};
    block b = *whole;
    pr_message message;
    pr_view out = {0};
    if (random_int(0, 1)) ((int32_t *)(void *)&b.attrs)[random_int(0, sizeof b.attrs / 4 - 1)] = odd[random_int(0, 11)];
    else b.in[random_int(0, b.inputs - 1)].shape[random_int(0, 3)] = random_int(-1, 3);
    pr_env env = {.kernels = &b.kernels, .pool = pools[2], .layer = "changed", .attrs = &b.attrs, .message = &message};
    check_count();
    if (pr_ops[PR_OP_INVERTED].infer(&env, b.in, b.inputs, &out, 1) != PR_OK) return;
    int64_t total = pr_view_count(&out);
    for (int i = 0; i < b.inputs; i++) {    /* what it was told is there */
        int64_t n = pr_view_count(&b.in[i]);
        if (n < 0 || n > 1 << 20) return;
        b.in[i].data = guarded_integers(n);
    }
    if (total > 0 && total < 1 << 20 && env.scratch_bytes < 8 << 20) run_block(&b, 2, &out, &message);
}

void check_inverted(void) {
    for (int level = 0; level < PR_ISA_COUNT; level++)
        for (int round = 0; options.levels >> level & 1 && round < options.rounds; round++) {
            block b;
            pr_view expected;
            pr_message message;
            if (make_block(&b, 1u << level, &expected)) {
                for (int threads = 1; threads <= 3; threads++) {
                    pr_view out = {0};
                    int64_t total = pr_view_count(&expected);
                    if (run_block(&b, threads, &out, &message) != PR_OK) check_fail("inverted: %s", message.text);
                    else same_rows(pr_level_name(level), out.data, expected.data, 1, total, total, total);
                }
                check_threads(&b);
                check_changed(&b);
            }
            release_all();
        }
}
