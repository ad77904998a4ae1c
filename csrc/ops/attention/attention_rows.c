/* Attention, a tile of queries after the other: their scores stay in the first-level cache until they have met the values. */
#include "ops/attention/heads.h"

#include <string.h>

#include "ops/gemm/gemm_kernel.h"
#include "ops/gemm/matmul.h"
#include "ops/move/copy.h"

/* Queries up to which reading keys and values as they lie is faster than packing them first. */
#define PR_FEW_QUERIES 6
/* Floats of scores of a tile, and queries of a part, below which packing keys and values again would show.  Where tiles begin
 * decides how sums are taken, so it must not depend on threads. */
#define PR_TILE_SCORES 6144
#define PR_PART_QUERIES 96

static int64_t up16(int64_t n) { return (n + 15) / 16 * 16; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

void pr_attention_cut(pr_attention *a) {
    const pr_gemm_kernel *gemm = a->kernels->gemm;
    const int64_t high = gemm->rows[gemm->panel];
    a->parts = 1;
    if (a->queries <= PR_FEW_QUERIES) {
        a->tile = a->packed_keys = a->packed_values = 0;
        a->scratch_floats = up16(a->keys);
        return;
    }
    const int64_t fit = PR_TILE_SCORES / (a->keys ? a->keys : 1) / high * high;
    a->tile = least(fit > high ? fit : high, a->queries);
    a->packed_keys = up16(pr_gemm_packed_floats(gemm, a->q.width, a->keys));
    a->packed_values = up16(pr_gemm_packed_floats(gemm, a->keys, a->v.width));
    a->scratch_floats = a->packed_keys + a->packed_values + up16(a->tile * a->keys) + up16(a->tile);
    a->part = (PR_PART_QUERIES + a->tile - 1) / a->tile * a->tile;
    a->parts = (a->queries + a->part - 1) / a->part;
}

static const float *head_of(const pr_heads *x, int64_t batch, int64_t head) {
    return x->data + batch * x->batch + head * x->head;
}

/* One head of a work item. */
typedef struct head {
    const pr_attention *a;
    int64_t batch, number;
    const float *q, *k, *v, *past_k, *past_v;
    float *keys, *values, *scores, *shares, *y;
} head;

/* Row s of past and present together. */
static const float *row_of(const pr_heads *past, const float *before, const pr_heads *now, const float *rows, int64_t s) {
    return s < past->rows ? before + s * past->row : rows + (s - past->rows) * now->row;
}

/* Keys from..to-1 of all, as far as these rows, of which the first is number `first`, have them: columns of a panel whose
 * rows are n long. */
static void turn_keys(const head *h, const pr_heads *k, const float *rows, int64_t first, int64_t from, int64_t to, int64_t n, float *panel) {
    const int64_t begin = from > first ? from : first, end = least(to, first + k->rows);
    if (begin >= end) return;
    h->a->kernels->copy->transpose((const pr_word *)(const void *)(rows + (begin - first) * k->row), k->row,
                                   (pr_word *)(void *)(panel + begin - from), n, k->width, end - begin);
}

/* Keys as the columns of a packed matrix. */
static void pack_keys(const head *h) {
    const pr_attention *a = h->a;
    const pr_gemm_kernel *gemm = a->kernels->gemm;
    const int64_t total = (a->keys + gemm->lanes - 1) / gemm->lanes, depth = a->q.width;
    float *out = h->keys;
    for (int64_t done = 0, wide; done < total; done += wide) {
        wide = pr_gemm_panel(gemm, total, done);
        const int64_t first = done * gemm->lanes, n = wide * gemm->lanes, real = least(n, a->keys - first);
        if (a->past_k.rows) turn_keys(h, &a->past_k, h->past_k, 0, first, first + real, n, out);
        turn_keys(h, &a->k, h->k, a->past_k.rows, first, first + real, n, out);
        for (int64_t p = 0; p < depth && real < n; p++) memset(out + p * n + real, 0, (size_t)(n - real) * sizeof(float));
        out += depth * n;
    }
}

static void pack_values(const head *h) {
    const pr_attention *a = h->a;
    const pr_gemm_kernel *gemm = a->kernels->gemm;
    const int64_t total = (a->v.width + gemm->lanes - 1) / gemm->lanes;
    float *out = h->values;
    for (int64_t done = 0, wide; done < total; done += wide) {
        wide = pr_gemm_panel(gemm, total, done);
        const int64_t first = done * gemm->lanes, n = wide * gemm->lanes, real = least(n, a->v.width - first);
        for (int64_t s = 0; s < a->keys; s++, out += n) {
            const float *row = row_of(&a->past_v, h->past_v, &a->v, h->v, s) + first;
            for (int64_t j = 0; j < real; j++) out[j] = row[j];
            for (int64_t j = real; j < n; j++) out[j] = 0;
        }
    }
}

/* A row of scores to exponentials.  Returns what makes them shares of 1. */
static float soften(const head *h, int64_t query, float *scores) {
    const pr_attention *a = h->a;
    const pr_attention_kernels *kernels = a->kernels->attention;
    float scale = a->attrs->scale;
    if (a->attrs->mask || !(scale > 0)) {
        const float *mask = a->mask;
        if (mask) mask += h->batch * a->mask_step[0] + h->number * a->mask_step[1] + query * a->mask_step[2];
        kernels->masked(scores, a->keys, scale, mask, a->mask_step[3], a->attrs->mask, a->attrs->fill);
        scale = 1;
    }
    return 1 / kernels->exps(scores, a->keys, scale);
}

/* Queries from..to-1, at most a tile. */
static void tile_of(const head *h, int64_t from, int64_t to) {
    const pr_attention *a = h->a;
    const pr_gemm_args scores = {.a = h->q + from * a->q.row, .b = h->keys, .c = h->scores, .lines = 1, .pixels = to - from,
        .columns = a->keys, .a_pixel = a->q.row, .c_pixel = a->keys, .segments = 1, .k = a->q.width, .activation = PR_NO_ACTIVATION};
    const pr_gemm_args sums = {.a = h->scores, .b = h->values, .c = h->y + from * a->y_row, .lines = 1, .pixels = to - from,
        .columns = a->v.width, .a_pixel = a->keys, .c_pixel = a->y_row, .segments = 1, .k = a->keys, .activation = PR_NO_ACTIVATION};
    pr_gemm_multiply(a->kernels->gemm, NULL, &scores);
    for (int64_t i = from; i < to; i++) h->shares[i - from] = soften(h, i, h->scores + (i - from) * a->keys);
    pr_gemm_multiply(a->kernels->gemm, NULL, &sums);
    for (int64_t i = from; i < to; i++) a->kernels->attention->scaled(h->y + i * a->y_row, a->v.width, h->shares[i - from]);
}

/* dots or sums with rows where they lie */
static void few_scores(const head *h, const float *q) {
    const pr_attention *a = h->a;
    const int64_t past = a->past_k.rows;
    if (past) a->kernels->matmul->dots(q, h->past_k, a->past_k.row, a->q.width, past, h->scores);
    if (a->k.rows) a->kernels->matmul->dots(q, h->k, a->k.row, a->q.width, a->k.rows, h->scores + past);
}

static void few_sums(const head *h, const pr_heads *v, const float *rows, const float *shares, float *y) {
    for (int64_t s = 0; s < v->rows; s += PR_MATMUL_ROWS)
        h->a->kernels->matmul->add_rows(shares + s, rows + s * v->row, v->row, least(PR_MATMUL_ROWS, v->rows - s), v->width, y);
}

static void few_queries(const head *h) {
    const pr_attention *a = h->a;
    for (int64_t i = 0; i < a->queries; i++) {
        float *y = h->y + i * a->y_row;
        few_scores(h, h->q + i * a->q.row);
        const float share = soften(h, i, h->scores);
        memset(y, 0, (size_t)a->v.width * sizeof(float));
        few_sums(h, &a->past_v, h->past_v, h->scores, y);
        few_sums(h, &a->v, h->v, h->scores + a->past_v.rows, y);
        a->kernels->attention->scaled(y, a->v.width, share);
    }
}

void pr_attention_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_attention *a = arg;
    const pr_attention_attrs *attrs = a->attrs;
    int64_t packed = -1;
    for (int64_t t = begin; t < end; t++) {
        const int64_t which = t / a->parts, part = t % a->parts, b = which / attrs->heads, n = which % attrs->heads;
        float *scratch = a->scratch + worker * a->scratch_floats;
        head h = {.a = a, .batch = b, .number = n, .q = head_of(&a->q, b, n + attrs->q_head), .k = head_of(&a->k, b, n + attrs->k_head),
                  .v = head_of(&a->v, b, n + attrs->v_head), .keys = scratch, .values = scratch + a->packed_keys,
                  .scores = scratch + a->packed_keys + a->packed_values, .y = a->y + b * a->y_batch + n * a->y_head};
        if (attrs->has_past) {
            h.past_k = head_of(&a->past_k, b + attrs->past_k_batch, n);
            h.past_v = head_of(&a->past_v, b + attrs->past_v_batch, n);
        }
        if (!a->tile) {
            few_queries(&h);
            continue;
        }
        h.shares = h.scores + up16(a->tile * a->keys);
        if (packed != which) pack_keys(&h), pack_values(&h);
        packed = which;
        const int64_t to = least((part + 1) * a->part, a->queries);
        for (int64_t from = part * a->part; from < to; from += a->tile) tile_of(&h, from, least(from + a->tile, to));
    }
}
