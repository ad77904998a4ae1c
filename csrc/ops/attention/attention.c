/* The operator ATTENTION: shape rule, run. */
#include "ops/attention/attention.h"

#include <string.h>

#include "ops/attention/heads.h"
#include "ops/check.h"
#include "ops/gemm/gemm.h"

enum { QUERY, KEY, VALUE, MASK };

/* Sizes and strides of an operand; a dimension may be -1, and strides mean nothing then. */
static pr_heads heads_of(const pr_view *x, bool inside) {
    const int last = x->rank - 1, heads = inside ? last - 1 : last - 2, rows = inside ? last - 2 : last - 1;
    const pr_heads h = {.data = x->data, .batches = x->rank == 4 ? x->shape[0] : 1, .heads = x->shape[heads], .rows = x->shape[rows],
                        .width = x->shape[last]};
    const ptrdiff_t width = h.width;
    pr_heads strides = h;
    strides.head = inside ? width : width * h.rows;
    strides.row = inside ? width * h.heads : width;
    strides.batch = width * h.rows * h.heads;
    return strides;
}

static int past_at(const pr_attention_attrs *attrs) { return attrs->mask ? MASK + 1 : MASK; }

/* Everything that follows from the operands; sizes may be -1. */
static pr_attention attention_of(const pr_env *env, const pr_view *in) {
    const pr_attention_attrs *attrs = env->attrs;
    pr_attention a = {.kernels = env->kernels, .attrs = attrs, .q = heads_of(&in[QUERY], attrs->q_inside),
                      .k = heads_of(&in[KEY], attrs->k_inside), .v = heads_of(&in[VALUE], attrs->v_inside)};
    if (attrs->has_past) {
        a.past_k = heads_of(&in[past_at(attrs)], attrs->past_inside);
        a.past_v = heads_of(&in[past_at(attrs) + 1], attrs->past_inside);
    }
    a.batches = a.q.batches;
    a.queries = a.q.rows;
    a.keys = a.k.rows < 0 || a.past_k.rows < 0 ? -1 : a.k.rows + a.past_k.rows;
    return a;
}

/* Two sizes that must be one; either may be unknown. */
static pr_status same(pr_env *env, const char *what, int64_t p, int64_t q) {
    if (p == q || p < 0 || q < 0) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: attention needs %s to agree, got %lld and %lld", env->layer, what,
                   (long long)p, (long long)q);
}

/* `count` of them from `first` on are there. */
static pr_status inside(pr_env *env, const char *what, int32_t first, int64_t count, int64_t there) {
    if (first >= 0 && (there < 0 || count < 0 || (count <= there && first <= there - count))) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld %s from number %d on are needed, but there are %lld", env->layer,
                   (long long)count, what, (int)first, (long long)there);
}

static pr_status check_heads(pr_env *env, const pr_attention *a) {
    const pr_attention_attrs *attrs = a->attrs;
    PR_TRY(inside(env, "heads of the queries", attrs->q_head, attrs->heads, a->q.heads));
    PR_TRY(inside(env, "heads of the keys", attrs->k_head, attrs->heads, a->k.heads));
    PR_TRY(inside(env, "heads of the values", attrs->v_head, attrs->heads, a->v.heads));
    PR_TRY(same(env, "entries of queries and keys", a->q.batches, a->k.batches));
    PR_TRY(same(env, "entries of queries and values", a->q.batches, a->v.batches));
    PR_TRY(same(env, "the widths of queries and keys", a->q.width, a->k.width));
    PR_TRY(same(env, "the numbers of keys and values", a->k.rows, a->v.rows));
    if (a->q.width == 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: attention of heads without numbers", env->layer);
    if (!attrs->has_past) return PR_OK;
    PR_TRY(inside(env, "entries of the past keys", attrs->past_k_batch, a->q.batches, a->past_k.batches));
    PR_TRY(inside(env, "entries of the past values", attrs->past_v_batch, a->q.batches, a->past_v.batches));
    PR_TRY(same(env, "the heads of past keys", a->past_k.heads, attrs->heads));
    PR_TRY(same(env, "the heads of past values", a->past_v.heads, attrs->heads));
    PR_TRY(same(env, "the widths of keys and past keys", a->k.width, a->past_k.width));
    PR_TRY(same(env, "the widths of values and past values", a->v.width, a->past_v.width));
    return same(env, "the numbers of past keys and values", a->past_k.rows, a->past_v.rows);
}

/* The mask against (B, H, T, S) or (H, T, S). */
static pr_status check_mask(pr_env *env, const pr_attention *a, const pr_view *mask, int rank) {
    const int64_t scores[4] = {a->batches, a->attrs->heads, a->queries, a->keys};
    PR_TRY(pr_check_rank(env, mask, "the mask", 0, rank));
    for (int i = 1; i <= mask->rank; i++) {
        const int64_t size = mask->shape[mask->rank - i], want = scores[4 - i];
        if (size != 1 && size != want && size >= 0 && want >= 0)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: a mask of shape %s does not fit %lld heads of %lld queries and %lld keys",
                           env->layer, pr_show_shape(mask).text, (long long)scores[1], (long long)scores[2], (long long)scores[3]);
    }
    return PR_OK;
}

pr_status pr_attention_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_attention_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the kind of mask", attrs->mask, PR_MASK_COUNT));
    PR_TRY(pr_check_input_count(env, inputs, 3 + (attrs->mask != 0) + 2 * (attrs->has_past != 0)));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    if (attrs->heads < 1) return pr_fail(env->message, PR_BAD_SHAPE, "%s: attention of %d heads", env->layer, (int)attrs->heads);
    const int rank = in[QUERY].rank;
    PR_TRY(pr_check_rank(env, &in[QUERY], "the queries", 3, 4));
    for (int i = 1; i < inputs; i++)
        if (!attrs->mask || i != MASK) PR_TRY(pr_check_rank(env, &in[i], "an operand", rank, rank));
    pr_attention a = attention_of(env, in);
    PR_TRY(check_heads(env, &a));
    if (attrs->mask) PR_TRY(check_mask(env, &a, &in[MASK], rank));
    *out = (pr_view){.dtype = PR_F32, .rank = rank, .shape = {a.batches}};
    int64_t *at = out->shape + rank - 3;
    at[attrs->y_inside ? 1 : 0] = attrs->heads;
    at[attrs->y_inside ? 0 : 1] = a.queries;
    at[2] = a.v.width;
    PR_TRY(pr_check_output(env, out));
    if (pr_view_count(out) <= 0 || a.keys < 0) return PR_OK;
    if (a.q.width < 0 || pr_gemm_packed_floats(env->kernels->gemm, a.q.width, a.keys) < 0 ||
        pr_gemm_packed_floats(env->kernels->gemm, a.keys, a.v.width) < 0)
        return a.q.width < 0 ? PR_OK : pr_fail(env->message, PR_BAD_SHAPE, "%s: attention over an absurd number of keys", env->layer);
    pr_attention_cut(&a);
    env->scratch_bytes = (size_t)a.scratch_floats * sizeof(float) * (size_t)pr_pool_threads(env->pool);
    return PR_OK;
}

static void take_mask(pr_attention *a, const pr_view *mask) {
    ptrdiff_t step = 1;
    a->mask = mask->data;
    for (int i = 1; i <= mask->rank; i++) {
        const int64_t size = mask->shape[mask->rank - i];
        a->mask_step[4 - i] = size > 1 ? step : 0;
        step *= size;
    }
}

pr_status pr_attention_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_attention_attrs *attrs = env->attrs;
    pr_attention a = attention_of(env, in);
    (void)inputs, (void)outputs;
    if (a.keys == 0) {
        memset(out->data, 0, (size_t)pr_view_count(out) * sizeof(float));
        return PR_OK;
    }
    if (attrs->mask) take_mask(&a, &in[MASK]);
    const pr_heads y = heads_of(out, attrs->y_inside);
    a.y = out->data, a.y_batch = y.batch, a.y_head = y.head, a.y_row = y.row;
    a.scratch = env->scratch;
    pr_attention_cut(&a);
    const int64_t heads = a.batches * attrs->heads, work = a.queries / a.parts * a.keys * (a.q.width + a.v.width);
    /* Whole heads to a thread, where there are enough: their keys and values are packed once then. */
    const int64_t grain = heads >= 2 * pr_pool_threads(env->pool) ? a.parts : 1;
    pr_for(env->pool, heads * a.parts, grain * ((64 << 10) / (grain * work + 1) + 1), pr_attention_items, &a);
    return PR_OK;
}
