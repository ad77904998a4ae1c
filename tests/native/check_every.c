/* Every operator of the table, with attributes and shapes that know nothing of it but the number of words: whatever infer
 * accepts must run inside its buffers on any numbers, write all of its result, leave its inputs alone, and say the same in
 * place. */
#include "check.h"
#include "ops/attrs.h"
#include "ops/gemm/gemm_kernel.h"

enum { MOST_WORDS = 256, MOST_INPUTS = 8, MOST_OUTPUTS = 4, MOST_ELEMENTS = 4096 };

static pr_kernels kernels;

/* A word of attributes.  Counts of lists are mostly ranks, so the rank of x comes often. */
static int32_t some_word(int rank) {
    static const int32_t odd[] = {-1, -2, 4, 5, 7, 8, 9, 64, 1 << 20, (1 << 20) + 1, 1 << 30, INT32_MAX, INT32_MIN, 0x10000};
    static const float floats[] = {0.5f, 1, -1, 1e30f, 1e-30f, INFINITY, -INFINITY, NAN};
    const int dice = random_int(0, 99);
    int32_t word;
    if (dice < 25) return rank;
    if (dice < 85) return random_int(0, 3);
    if (dice < 92) return odd[random_int(0, 13)];
    memcpy(&word, &floats[random_int(0, 7)], sizeof word);
    return word;
}

static float some_number(int kind) {
    static const float odd[] = {0.5f, -0.0f, 1e9f, -1e9f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN, 1e-40f, 16777216, 4294967296.0f};
    if (kind == 0) return (float)random_int(0, 2);
    if (kind == 1) return (float)random_int(-3, 5);
    return random_int(0, 1) ? odd[random_int(0, 11)] : (float)random_int(-2, 4);
}

/* Input i: much like x, so that some fit each other. */
static pr_view some_view(const pr_view *x, int i) {
    pr_view v = {.dtype = random_int(0, 19) ? PR_F32 : random_int(0, 2), .rank = random_int(0, 29) ? random_int(0, 4) : random_int(5, 8)};
    for (int d = 0; d < v.rank; d++) v.shape[d] = random_int(0, 19) ? random_int(1, 3) : 0;
    if (i == 0) return v;
    switch (random_int(0, 4)) {
    case 0: v = *x; break;
    case 1: v.rank = 1, v.shape[0] = 1; break;
    case 2: v.rank = 1, v.shape[0] = x->rank * random_int(1, 2); break;
    case 3: v.rank = 1, v.shape[0] = x->rank ? x->shape[x->rank - 1] : 1; break;
    default: break;
    }
    return v;
}

/* Room for `bytes`, aligned as constants are: the last 3 may be more than asked for. */
static void *room(size_t bytes) { return guarded_bytes(bytes ? (bytes + 3) / 4 * 4 : 4); }

static size_t bytes_of(const pr_view *v) { return (size_t)pr_view_count(v) * pr_dtype_bytes(v->dtype); }

static void *some_data(const pr_view *v) {
    const size_t bytes = bytes_of(v);
    unsigned char *at = room(bytes);
    const int kind = random_int(0, 2);
    if (v->dtype == PR_F32)
        for (int64_t i = 0; i < pr_view_count(v); i++) ((float *)(void *)at)[i] = some_number(kind);
    else
        for (size_t i = 0; i < bytes; i++) at[i] = (unsigned char)random_int(0, 255);
    return at;
}

static void *copy_of(const pr_view *v) {
    const size_t bytes = bytes_of(v);
    void *at = room(bytes);
    if (bytes) memcpy(at, v->data, bytes);
    return at;
}

#define SHAPE(i, ...) in[i] = (pr_view){.dtype = PR_F32, .rank = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .shape = {__VA_ARGS__}}

static void fit_recurrent(int op, int32_t *words, pr_view *in, int inputs) {
    const int b = random_int(1, 3), n = random_int(1, 20), k = random_int(1, 20), steps = random_int(0, 5);
    const bool lstm = op == PR_OP_LSTM;
    const pr_lstm_attrs l = {k, n, random_int(0, 1), random_int(0, 1), random_int(0, 1), random_int(0, 5), random_int(0, 5),
                             random_int(0, 5), inputs == 7, 0, some_number(2), random_int(0, 1)};
    const pr_rnn_attrs r = {random_int(0, 2), k, n, random_int(0, 1), random_int(0, 1), random_int(0, 5), random_int(0, 5), 0};
    const int g = lstm ? 4 : r.kind == PR_RNN_SIMPLE ? 1 : 3;
    pr_view *w = in + (lstm ? 3 : 2);
    if (lstm) memcpy(words, &l, sizeof l);
    else memcpy(words, &r, sizeof r);
    SHAPE(0, steps, b, k);
    SHAPE(1, random_int(0, 1) ? b : 1, n);
    if (lstm) SHAPE(2, b, n);
    in = w;
    SHAPE(0, g, n, k);
    SHAPE(1, g, n, n);
    SHAPE(2, g + (!lstm && r.kind == PR_RNN_GRU_AFTER), n);
    if (lstm && inputs == 7) SHAPE(3, 3, n);
}

/* Lists of `spatial` numbers, the first `positive` of them without 0. */
static void some_lists(pr_dims *const *lists, int count, int positive, int spatial) {
    for (int l = 0; l < count; l++) {
        lists[l]->count = spatial;
        for (int i = 0; i < spatial; i++) lists[l]->at[i] = random_int(l < positive, 3);
    }
}

/* The result of another operator with these attributes, as input `which`; its own where that refuses. */
static void fit_result(pr_infer_fn *infer, const int32_t *words, pr_view *in, int inputs, int which) {
    pr_message message;
    pr_env env = {.kernels = &kernels, .pool = pools[1], .layer = "fit", .attrs = words, .message = &message};
    pr_view out = {0};
    if (infer(&env, in, inputs, &out, 1) == PR_OK) in[which] = out, in[which].data = NULL;
}

static void fit_conv(int op, int32_t *words, pr_view *in, int inputs) {
    const int spatial = op == PR_OP_CONV ? random_int(2, 3) : 2, groups = random_int(1, 3), deep = random_int(1, 3);
    const int transposed = op == PR_OP_CONV && random_int(0, 1), layout = 0;
    pr_conv_attrs a = {.padding = random_int(0, 2), .groups = groups, .outputs = groups * random_int(1, 3), .layout = layout,
                       .transposed = transposed, .has_bias = inputs > 2, .activation = {1, -INFINITY, INFINITY}};
    pr_dims *const lists[] = {&a.kernel, &a.strides, &a.dilations, &a.pads_begin, &a.pads_end};
    some_lists(lists, 5, 3, spatial);
    in[0] = (pr_view){.dtype = PR_F32, .rank = spatial + 2, .shape = {random_int(1, 2)}};
    in[1] = (pr_view){.dtype = PR_F32, .rank = spatial + 2, .shape = {a.outputs, deep}};
    for (int i = 0; i < spatial; i++) in[0].shape[1 + i] = random_int(1, 7), in[1].shape[2 + i] = a.kernel.at[i];
    in[0].shape[spatial + 1] = deep * groups;
    if (transposed && random_int(0, 1))
        for (int i = a.size.count = spatial; i-- > 0;) a.size.at[i] = random_int(1, 9);
    memcpy(words, &a, sizeof a);
    if (op == PR_OP_CONV_WEIGHT_GRADIENT) fit_result(pr_ops[PR_OP_CONV].infer, words, in, 2, 1);
    else if (inputs > 2) SHAPE(2, a.outputs);
}

static void fit_pool(int op, int32_t *words, pr_view *in) {
    const int spatial = op == PR_OP_POOL ? random_int(2, 3) : 2;
    pr_pool_attrs a = {random_int(0, 2), random_int(0, 3) == 0, .padding = random_int(0, 3), .exclude_padding = random_int(0, 1)};
    pr_dims *const lists[] = {&a.kernel, &a.strides, &a.pads_begin, &a.pads_end};
    some_lists(lists, 4, 2, spatial);
    in[0] = (pr_view){.dtype = PR_F32, .rank = random_int(spatial + 1, spatial + 2)};
    for (int i = 0; i < in[0].rank; i++) in[0].shape[i] = random_int(1, 6);
    memcpy(words, &a, sizeof a);
    if (op == PR_OP_POOL) return;
    fit_result(pr_ops[PR_OP_POOL].infer, words, in, 1, 1);
    in[2] = in[1];
}

static void fit_product(int op, int32_t *words, pr_view *in, int inputs) {
    const int n = random_int(1, 20), k = random_int(op == PR_OP_GEMM, 20), m = random_int(1, 12), b = random_int(1, 3);
    if (op == PR_OP_GEMM) {                 /* with codes: bytes in the order of panels */
        const int form = random_int(0, PR_CODES_COUNT - 1), bias = inputs > 2;
        const pr_gemm_attrs a = {k, n, form ? pr_gemm_layout(kernels.gemm) | form << PR_CODES_SHIFT : 0, bias, inputs > 3, {1, -1e30f, 6}};
        memcpy(words, &a, sizeof a);
        SHAPE(0, m, k);
        SHAPE(1, n, k);
        if (form) in[1] = (pr_view){.dtype = PR_U8, .rank = 1, .shape = {pr_codes_bytes(kernels.gemm, form, k, n)}};
        if (bias) SHAPE(2, n);
        if (inputs > 3) SHAPE(3, m, n);
        return;
    }
    const int32_t a[3] = {random_int(0, 1), random_int(0, 1), inputs > 2};
    memcpy(words, a, op == PR_OP_MATMUL ? sizeof(pr_matmul_attrs) : sizeof(pr_product_attrs));
    if (op == PR_OP_MATMUL) SHAPE(0, b, a[0] ? k : m, a[0] ? m : k);
    else SHAPE(0, a[0] ? k : m, a[0] ? m : k);
    if (op == PR_OP_MATMUL) SHAPE(1, random_int(0, 1) ? b : 1, a[1] ? n : k, a[1] ? k : n);
    else SHAPE(1, a[1] ? n : k, a[1] ? k : n);
    if (inputs > 2) SHAPE(2, n);
}

/* Odd numbers in q, k, v and the mask; the past, which is a second part of the same, is left to check_attention.c. */
static void fit_attention(int32_t *words, pr_view *in, int inputs) {
    const int b = random_int(1, 2), h = random_int(1, 3), t = random_int(1, 9), n = random_int(0, 20), d = random_int(1, 9);
    const pr_attention_attrs a = {.heads = h, .scale = some_number(2), .fill = some_number(2), .mask = inputs > 3 ? random_int(1, 3) : 0,
                                  .q_inside = random_int(0, 1), .y_inside = random_int(0, 1)};
    memcpy(words, &a, sizeof a);
    SHAPE(0, b, a.q_inside ? t : h, a.q_inside ? h : t, d);
    SHAPE(1, b, h, n, d);
    SHAPE(2, b, h, n, random_int(1, 9));
    if (inputs > 3) SHAPE(3, random_int(0, 1) ? t : 1, n);
}

/* Steps of an optimizer, with and without a scale of the gradients. */
static void fit_step(int op, int32_t *words, pr_view *in, int inputs) {
    const bool sgd = op == PR_OP_SGD, scaled = sgd ? inputs == 5 || (inputs == 4 && random_int(0, 1)) : inputs == 6;
    const pr_sgd_attrs s = {inputs - scaled == 4, random_int(0, 1), scaled, some_number(2), some_number(2)};
    const pr_adam_attrs a = {random_int(0, 1), scaled, some_number(2), some_number(2)};
    if (sgd) memcpy(words, &s, sizeof s);
    else memcpy(words, &a, sizeof a);
    for (int i = 1; i < inputs; i++) in[i] = in[0];
    if (sgd) SHAPE(2, 2);
    else SHAPE(4, 6);
    if (scaled) SHAPE(inputs - 1, 1);
}

/* Shapes and words of operators that chance would not make legal. */
static void fit(int op, int32_t *words, pr_view *in, int inputs) {
    switch (op) {
    case PR_OP_MATMUL: case PR_OP_GEMM: case PR_OP_PRODUCT: fit_product(op, words, in, inputs); break;
    case PR_OP_ATTENTION: fit_attention(words, in, inputs); break;
    case PR_OP_RNN: case PR_OP_LSTM: fit_recurrent(op, words, in, inputs); break;
    case PR_OP_CONV: case PR_OP_CONV_WEIGHT_GRADIENT: fit_conv(op, words, in, inputs); break;
    case PR_OP_POOL: case PR_OP_POOL_GRADIENT: fit_pool(op, words, in); break;
    case PR_OP_NMS:
        SHAPE(0, random_int(1, 3), random_int(1, 12), 4);
        SHAPE(1, in[0].shape[0], in[0].shape[1], random_int(1, 3));
        for (int i = 2; i < 5; i++) SHAPE(i, 1);
        break;
    case PR_OP_CROP_RESIZE: {
        const pr_crop_resize_attrs a = {random_int(0, 3), random_int(0, 3), random_int(0, 1), some_number(2), {2, {random_int(1, 9), random_int(1, 9)}}};
        memcpy(words, &a, sizeof a);
        SHAPE(0, random_int(1, 3), random_int(1, 5), random_int(1, 5), random_int(1, 3));
        SHAPE(1, random_int(1, 3), random_int(4, 5));
        break;
    }
    case PR_OP_SGD: case PR_OP_ADAM:
        fit_step(op, words, in, inputs);
        break;
    default: break;
    }
}
#undef SHAPE

static pr_status ask(const pr_op_info *op, pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    memset(out, 0, MOST_OUTPUTS * sizeof *out);
    env->message->text[0] = 0, env->scratch_bytes = 0;
    env->rows = false, env->part = -1;
    const pr_status status = op->infer(env, in, inputs, out, outputs);
    if (status != PR_OK && !env->message->text[0]) check_fail("%s: refused without a sentence", op->name);
    return status;
}

/* Runs into memory and with scratch that hold `fill`, output 0 perhaps over input 0. */
static pr_status run(const pr_op_info *op, pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs, int fill, void *over) {
    for (int i = 0; i < outputs; i++) {
        out[i].data = i == 0 && over ? over : room(bytes_of(&out[i]));
        if (i == 0 && over) continue;
        memset(out[i].data, fill, bytes_of(&out[i]));
    }
    env->scratch = NULL;
    if (env->scratch_bytes) memset(env->scratch = guarded_bytes((env->scratch_bytes + 63) / 64 * 64), fill, env->scratch_bytes);
    return op->run(env, in, inputs, out, outputs);
}

/* Both hold the same numbers; NaN of any kind is NaN. */
static int same_numbers(const pr_view *a, const pr_view *b) {
    const float *x = a->data, *y = b->data;
    if (a->dtype != PR_F32) return !memcmp(x, y, bytes_of(a));
    for (int64_t i = 0; i < pr_view_count(a); i++)
        if (!(x[i] == y[i]) && !(x[i] != x[i] && y[i] != y[i])) return 0;
    return 1;
}

static int attempt(int number, pr_env *env, int32_t *words) {
    const pr_op_info *op = &pr_ops[number];
    pr_view in[MOST_INPUTS], out[MOST_OUTPUTS], again[MOST_OUTPUTS];
    const int most = op->max_inputs < 4 || op->min_inputs > 4 ? op->max_inputs : 4, outputs = op->outputs < 0 ? random_int(1, 2) : op->outputs;
    const int inputs = random_int(op->min_inputs, most > MOST_INPUTS ? MOST_INPUTS : most);
    void *before[MOST_INPUTS];
    for (int i = 0; i < inputs; i++) in[i] = some_view(in, i);
    for (size_t i = 0; i < op->attr_bytes / 4; i++) words[i] = some_word(inputs ? in[0].rank : 0);
    if (random_int(0, 3)) fit(number, words, in, inputs);
    if (ask(op, env, in, inputs, out, outputs) != PR_OK) return 0;
    for (int i = 0; i < inputs; i++) {
        if (pr_view_count(&in[i]) < 0 || pr_view_count(&in[i]) > MOST_ELEMENTS * 4) return 0;
        in[i].data = some_data(&in[i]);
    }
    if (ask(op, env, in, inputs, out, outputs) != PR_OK) return 0;
    int64_t count = 0;
    for (int i = 0; i < outputs; i++) {
        const int64_t own = pr_view_count(&out[i]);
        if (own < 0) return check_fail("%s: a size is not known with all numbers there", op->name);
        count = own > count ? own : count;
    }
    if (count == 0 || count > MOST_ELEMENTS * 16 || env->scratch_bytes > 4000000 || (op->flags & PR_OP_ALIAS)) return 1;
    for (int i = 0; i < inputs; i++) before[i] = copy_of(&in[i]);
    if (run(op, env, in, inputs, out, outputs, 0xA5, NULL) != PR_OK) {
        if (!env->message->text[0]) check_fail("%s: failed without a sentence", op->name);
        return 1;
    }
    for (int i = 0; i < inputs; i++)
        if (bytes_of(&in[i]) && memcmp(before[i], in[i].data, bytes_of(&in[i]))) check_fail("%s: changed its input %d", op->name, i);
    memcpy(again, out, sizeof again);
    if (!(op->flags & PR_OP_IMPURE) && run(op, env, in, inputs, again, outputs, 0x3C, NULL) != PR_OK) return check_fail("%s: fails again", op->name);
    for (int i = 0; i < outputs && !(op->flags & PR_OP_IMPURE); i++)
        if (!same_numbers(&out[i], &again[i])) check_fail("%s: result %d depends on what was in memory", op->name, i);
    same_apart(op->run, env, in, inputs, out);
    if (env->part >= 0 && memcmp(out->data, (char *)in->data + (size_t)env->part * pr_dtype_bytes(in->dtype), bytes_of(out)))
        return check_fail("%s: is not the part of its operand that it says", op->name);
    if (!(op->flags & PR_OP_IN_PLACE) || !pr_same_shape(in, out) || in->dtype != out->dtype) return 1;
    memcpy(again, out, sizeof again);
    in[0].data = before[0];
    if (run(op, env, in, inputs, again, outputs, 0x3C, before[0]) != PR_OK) return check_fail("%s: fails in place", op->name);
    if (!same_numbers(out, again)) check_fail("%s: says something else in place", op->name);
    return 1;
}

void check_every(void) {
    int32_t words[MOST_WORDS];
    pr_message message;
    pr_kernels_select(&kernels, options.levels);
    for (int op = 0; op < PR_OP_COUNT; op++) {
        int legal = 0;
        if (op == PR_OP_CUSTOM || pr_ops[op].attr_bytes > sizeof words) continue;
        for (int round = 0; round < 40 * options.rounds; round++) {
            uint32_t drawn = 0;
            pr_env env = {.kernels = &kernels, .pool = pools[1 + round % 3], .layer = pr_ops[op].name, .attrs = words, .message = &message, .drawn = &drawn};
            check_count();
            legal += attempt(op, &env, words);
            release_all();
        }
        if (getenv("PR_CHECK_VERBOSE")) printf("  %-16s legal %d\n", pr_ops[op].name, legal);
    }
}
