/* attention: the whole operator at every level against plain loops in double; both orders of axes, masks, a past, few queries
 * and many.  Exponentials are not exact, so neither is this. */
#include "check.h"
#include "ops/attention/attention.h"

pr_infer_fn pr_attention_infer;
pr_run_fn pr_attention_run;

/* Element (b, h, t, d) of a value with that order of axes, or with h and t exchanged. */
typedef struct heads { const float *data; int heads, rows, width, inside; } heads;
static int64_t place(const heads *x, int b, int h, int t) {
    return (((int64_t)b * x->heads * x->rows) + (x->inside ? (int64_t)t * x->heads + h : (int64_t)h * x->rows + t)) * x->width;
}
static pr_view view_of(const heads *x, int entries) {
    return floats((float *)(uintptr_t)x->data, 4, entries, x->inside ? x->rows : x->heads, x->inside ? x->heads : x->rows, x->width);
}
static heads some_heads(int entries, int count, int rows, int width) {
    return (heads){guarded_integers((int64_t)entries * count * rows * width), count, rows, width, random_int(0, 1)};
}

enum { MOST_KEYS = 100 };
typedef struct attention_case {
    pr_attention_attrs a;
    heads q, k, v, past_k, past_v;
    int entries, keys, mask_keys, mask_queries;
    float *mask;
} attention_case;

static double score_of(const attention_case *c, int b, int h, int t, int s) {
    const bool past = s < c->past_k.rows;
    const float *q = c->q.data + place(&c->q, b, h + c->a.q_head, t);
    const float *k = past ? c->past_k.data + place(&c->past_k, b + c->a.past_k_batch, h, s)
                          : c->k.data + place(&c->k, b, h + c->a.k_head, s - c->past_k.rows);
    double sum = 0;
    for (int d = 0; d < c->q.width; d++) sum += (double)q[d] * (double)k[d];
    sum *= (double)c->a.scale;
    if (!c->a.mask) return sum;
    const float m = c->mask[(c->mask_queries > 1 ? t : 0) * c->mask_keys + (c->mask_keys > 1 ? s : 0)];
    return c->a.mask == PR_MASK_ADD ? sum + (double)m : (m != 0) == (c->a.mask == PR_MASK_KEEP) ? sum : (double)c->a.fill;
}

static void row_of(const attention_case *c, int b, int h, int t, float *y) {
    double largest = -1e300, total = 0, shares[MOST_KEYS];
    for (int s = 0; s < c->keys; s++) shares[s] = score_of(c, b, h, t, s), largest = fmax(largest, shares[s]);
    for (int s = 0; s < c->keys; s++) total += shares[s] = exp(shares[s] - largest);
    for (int e = 0; e < c->v.width; e++) {
        double sum = 0;
        for (int s = 0; s < c->keys; s++) {
            const float *v = s < c->past_v.rows ? c->past_v.data + place(&c->past_v, b + c->a.past_v_batch, h, s)
                                                : c->v.data + place(&c->v, b, h + c->a.v_head, s - c->past_v.rows);
            sum += shares[s] * (double)v[e];
        }
        y[e] = (float)(sum / total);
    }
}

static attention_case some_case(void) {
    const int few = random_int(0, 1), past = random_int(0, 1), more = random_int(0, 1);
    attention_case c = {.entries = random_int(1, 2)};
    const int count = random_int(1, 4), queries = few ? random_int(1, 8) : random_int(7, 60), keys = random_int(1, 70);
    const int width = random_int(1, 40), before = past ? random_int(0, 30) : 0;
    c.a = (pr_attention_attrs){.heads = count, .scale = random_int(0, 7) ? 0.125f : -0.25f, .q_head = more, .k_head = 2 * more,
                               .mask = random_int(0, 3), .fill = -20, .has_past = past, .past_v_batch = past};
    c.q = some_heads(c.entries, count + 2 * more, queries, width);
    c.k = some_heads(c.entries, count + 2 * more, keys, width);
    c.v = some_heads(c.entries, count, keys, random_int(1, 40));
    if (past) {
        c.past_k = some_heads(c.entries, count, before, width);
        c.past_v = some_heads(c.entries + 1, count, before, c.v.width);
        c.past_v.inside = c.past_k.inside;
    }
    c.a.q_inside = c.q.inside, c.a.k_inside = c.k.inside, c.a.v_inside = c.v.inside, c.a.past_inside = c.past_k.inside;
    c.keys = keys + before;
    c.mask_queries = random_int(0, 1) ? queries : 1, c.mask_keys = random_int(0, 1) ? c.keys : 1;
    if (c.a.mask) c.mask = guarded_integers((int64_t)c.mask_queries * c.mask_keys);
    return c;
}

static void check_one(const pr_kernels *kernels) {
    attention_case c = some_case();
    const int64_t rows = (int64_t)c.entries * c.a.heads * c.q.rows;
    float *expected = guarded(rows * c.v.width);
    const heads y = {expected, c.a.heads, c.q.rows, c.v.width, c.a.y_inside = random_int(0, 1)};
    for (int b = 0; b < c.entries; b++)
        for (int h = 0; h < c.a.heads; h++)
            for (int t = 0; t < c.q.rows; t++) row_of(&c, b, h, t, expected + place(&y, b, h, t));
    pr_view in[6] = {view_of(&c.q, c.entries), view_of(&c.k, c.entries), view_of(&c.v, c.entries)};
    int inputs = 3;
    if (c.a.mask) in[inputs++] = floats(c.mask, 2, c.mask_queries, c.mask_keys);
    if (c.a.has_past) in[inputs++] = view_of(&c.past_k, c.entries), in[inputs++] = view_of(&c.past_v, c.entries + 1);
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        pr_message message;
        pr_view out = {0};
        char text[200];
        snprintf(text, sizeof text, "attention, %d threads, %d x %d heads, %d queries, %d + %d keys, widths %d and %d, mask %d", threads,
                 c.entries, c.a.heads, c.q.rows, c.past_k.rows, c.k.rows, c.q.width, c.v.width, (int)c.a.mask);
        if (run_operator(pr_attention_infer, pr_attention_run, kernels, threads, &c.a, in, inputs, &out, &message) != PR_OK)
            check_fail("%s: %s", text, message.text);
        else if (!first) near_floats(text, first = out.data, expected, rows * c.v.width, 3e-5f);
        else same_rows(text, out.data, first, rows * c.v.width, 1, 1, rows * c.v.width);
    }
    release_all();
}

void check_attention(void) {
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, PR_ISA_ref | 1u << level);
        for (int round = 0; round < 2 * options.rounds; round++) check_one(&kernels);
    }
}

typedef struct timed { pr_env env; pr_view in[3], out; } timed;
static void run(void *arg) { timed *t = arg; pr_attention_run(&t->env, t->in, 3, &t->out, 1); }

void bench_attention(void) {
    static const int shapes[][4] = {{12, 128, 128, 32}, {12, 128, 128, 64}, {12, 384, 384, 64}, {3, 1024, 1024, 64}, {12, 1, 128, 64}, {49, 49, 49, 32}};
    for (int level = 0; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels kernels;
        pr_kernels_select(&kernels, PR_ISA_ref | 1u << level);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int *n = shapes[s];
            pr_attention_attrs a = {.heads = n[0], .scale = 0.125f, .q_inside = 1, .k_inside = 1, .v_inside = 1, .y_inside = 1};
            pr_message message;
            timed t = {.env = {.kernels = &kernels, .layer = "bench", .message = &message, .attrs = &a}};
            for (int i = 0; i < 3; i++) {
                const int rows = n[i ? 2 : 1];
                t.in[i] = floats(guarded_integers((int64_t)n[0] * rows * n[3]), 4, 1, rows, n[0], n[3]);
            }
            if (pr_attention_infer(&t.env, t.in, 3, &t.out, 1) != PR_OK) check_fail("%s", message.text);
            t.out.data = guarded((int64_t)n[0] * n[1] * n[3]);
            t.env.scratch = guarded_bytes((t.env.scratch_bytes + 63) / 64 * 64);
            char name[80];
            snprintf(name, sizeof name, "%d heads of %d, %d queries, %d keys", n[0], n[3], n[1], n[2]);
            bench_line(pr_level_name(level), name, 4.0 * n[0] * n[1] * n[2] * n[3], best_time(run, &t, 0.05));
            release_all();
        }
    }
}
