/* The operator MATMUL: shape rule, run.  Products of few rows read b where it lies; the others pack it into scratch and
 * are then products like those with constants. */
#include "ops/gemm/matmul.h"

#include <string.h>

#include "ops/check.h"
#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

/* Rows up to which reading b as it lies is faster than packing it first. */
#define PR_DIRECT_ROWS 8
/* Columns of a work item, and floats of b that stay in the first-level cache while the rows go by. */
#define PR_DIRECT_COLUMNS 512
#define PR_DIRECT_FLOATS 4096
/* Multiply-adds of one product from which threads share it, instead of sharing out the products. */
#define PR_LARGE_PRODUCT (1 << 20)

/* One product of a batch, and the batch.  b is (K, N) with b_k and b_n floats from one row or column to the next. */
typedef struct pr_products {
    const pr_kernels *kernels;
    pr_pool *pool;
    const pr_view *a_view, *b_view, *y_view;
    const float *a, *b;
    float *y, *scratch;
    int64_t m, n, k, count;
    ptrdiff_t a_m, a_k, b_k, b_n;
    int64_t packed, scratch_floats;         /* floats of b packed; of one worker's scratch */
} pr_products;

static int64_t pr_up16(int64_t n) { return (n + 15) / 16 * 16; }

/* Sizes of the product; dimensions may be -1.  A b that all products share makes them one product with more rows. */
static void pr_product_sizes(const pr_matmul_attrs *attrs, const pr_view *a, const pr_view *b, const pr_view *y, pr_products *p) {
    const int64_t *as = &a->shape[a->rank - 2], *bs = &b->shape[b->rank - 2];
    bool ta = attrs->transpose_a != 0, tb = attrs->transpose_b != 0;
    p->a_view = a, p->b_view = b, p->y_view = y;
    p->m = as[ta];
    p->k = as[!ta];
    p->n = bs[!tb];
    p->a_m = ta ? 1 : p->k;
    p->a_k = ta ? p->m : 1;
    p->b_k = tb ? 1 : p->n;
    p->b_n = tb ? p->k : 1;
    p->count = pr_view_span(y, 0, y->rank - 2);
    if (!ta && p->count > 1 && pr_view_span(b, 0, b->rank - 2) == 1) {
        p->m *= p->count;
        p->count = 1;
    }
}

static bool pr_is_direct(const pr_products *p) { return p->m <= PR_DIRECT_ROWS; }
static bool pr_copies_a(const pr_products *p) { return p->a_k != 1 && p->m > 1 && p->k > 1; }

/* Leading dimensions of y. */
static pr_status pr_broadcast_lead(pr_env *env, const pr_view *a, const pr_view *b, pr_view *y) {
    for (int i = 3; i <= y->rank; i++) {
        int64_t p = i <= a->rank ? a->shape[a->rank - i] : 1, q = i <= b->rank ? b->shape[b->rank - i] : 1;
        if (p != q && p > 1 && q >= 0 && q != 1)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: matrices of shapes %s and %s do not broadcast", env->layer,
                           pr_show_shape(a).text, pr_show_shape(b).text);
        if (p != q && q > 1 && p == 0)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: matrices of shapes %s and %s do not broadcast", env->layer,
                           pr_show_shape(a).text, pr_show_shape(b).text);
        y->shape[y->rank - i] = p == 1 ? q : q == 1 ? p : p < 0 ? q : p;
    }
    return PR_OK;
}

pr_status pr_matmul_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_matmul_attrs *attrs = env->attrs;
    const pr_view *a = &in[0], *b = &in[1];
    pr_products p = {0};
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, a, "the first matrix", 2, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, b, "the second matrix", 2, PR_MAX_RANK));
    *out = (pr_view){.dtype = PR_F32, .rank = a->rank > b->rank ? a->rank : b->rank};
    PR_TRY(pr_broadcast_lead(env, a, b, out));
    int64_t inner = b->shape[b->rank - (attrs->transpose_b ? 1 : 2)];
    pr_product_sizes(attrs, a, b, out, &p);
    if (p.k != inner && p.k >= 0 && inner >= 0)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: %lld columns of the first matrix and %lld rows of the second must be "
                       "equal; shapes %s%s and %s%s", env->layer, (long long)p.k, (long long)inner, pr_show_shape(a).text,
                       attrs->transpose_a ? " transposed" : "", pr_show_shape(b).text, attrs->transpose_b ? " transposed" : "");
    out->shape[out->rank - 2] = a->shape[a->rank - (attrs->transpose_a ? 1 : 2)];
    out->shape[out->rank - 1] = p.n;
    PR_TRY(pr_check_output(env, out));
    if (pr_view_count(out) <= 0 || pr_view_count(a) <= 0 || pr_view_count(b) <= 0) return PR_OK;
    p.packed = pr_is_direct(&p) ? 0 : pr_up16(pr_gemm_packed_floats(env->kernels->gemm, p.k, p.n));
    p.scratch_floats = p.packed + (pr_copies_a(&p) ? pr_up16(p.m * p.k) : 0);
    env->scratch_bytes = (size_t)(p.scratch_floats * (p.count > 1 ? pr_pool_threads(env->pool) : 1)) * sizeof(float);
    return PR_OK;
}

/* Matrix number t of a broadcast operand. */
static const float *pr_matrix_at(const pr_view *v, const pr_view *y, const float *data, int64_t t) {
    int64_t step = v->shape[v->rank - 2] * v->shape[v->rank - 1];
    for (int i = 3; i <= v->rank; i++) {
        int64_t size = v->shape[v->rank - i], of = y->shape[y->rank - i];
        if (size > 1) data += t % of * step;
        step *= size;
        t /= of;
    }
    return data;
}

/* out (rows, columns) from in[r*step_r + c*step_c], in blocks that stay in the first-level cache. */
static void pr_copy_matrix(const float *in, int64_t rows, int64_t columns, ptrdiff_t step_r, ptrdiff_t step_c, float *out) {
    for (int64_t r0 = 0; r0 < rows; r0 += 16)
        for (int64_t c0 = 0; c0 < columns; c0 += 16)
            for (int64_t r = r0; r < rows && r < r0 + 16; r++)
                for (int64_t c = c0; c < columns && c < c0 + 16; c++) out[r * columns + c] = in[r * step_r + c * step_c];
}

/* Columns from..to-1 of a product of few rows. */
static void pr_direct_columns(const pr_products *p, const float *a, const float *b, float *y, int64_t from, int64_t to) {
    const pr_matmul_kernels *kernels = p->kernels->matmul;
    if (p->b_k == 1 && (p->b_n != 1 || p->n == 1)) {
        int64_t some = PR_DIRECT_FLOATS / p->k / 4 * 4 + 4;
        for (int64_t j = from; j < to; j += some)
            for (int64_t i = 0; i < p->m; i++)
                kernels->dots(a + i * p->k, b + j * p->k, p->k, p->k, to - j < some ? to - j : some, y + i * p->n + j);
        return;
    }
    for (int64_t i = 0; i < p->m; i++) memset(y + i * p->n + from, 0, (size_t)(to - from) * sizeof(float));
    for (int64_t q = 0; q < p->k; q += PR_MATMUL_ROWS)
        for (int64_t i = 0; i < p->m; i++) {
            const float *some = a + i * p->k + q, *rows = b + q * p->n + from;
            int64_t left = p->k - q;
            kernels->add_rows(some, rows, p->n, left < PR_MATMUL_ROWS ? left : PR_MATMUL_ROWS, to - from, y + i * p->n + from);
        }
}

typedef struct pr_direct_job {
    const pr_products *p;
    const float *a, *b;
    float *y;
} pr_direct_job;

static void pr_direct_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_direct_job *job = arg;
    (void)worker;
    for (int64_t t = begin; t < end; t++) {
        int64_t from = t * PR_DIRECT_COLUMNS, to = from + PR_DIRECT_COLUMNS;
        pr_direct_columns(job->p, job->a, job->b, job->y, from, to < job->p->n ? to : job->p->n);
    }
}

/* One product; pool NULL where the products themselves are shared out. */
static void pr_product(const pr_products *p, pr_pool *pool, const float *a, const float *b, float *y, float *scratch) {
    if (pr_copies_a(p)) {
        pr_copy_matrix(a, p->m, p->k, p->a_m, p->a_k, scratch + p->packed);
        a = scratch + p->packed;
    }
    if (pr_is_direct(p)) {
        pr_direct_job job = {p, a, b, y};
        int64_t work = p->m * p->k * PR_DIRECT_COLUMNS;
        pr_for(pool, (p->n + PR_DIRECT_COLUMNS - 1) / PR_DIRECT_COLUMNS, PR_GRAIN / work + 1, pr_direct_items, &job);
        return;
    }
    pr_gemm_pack_threads(p->kernels->gemm, pool, b, p->b_k, p->b_n, p->k, p->n, scratch);
    pr_gemm_args g = {.a = a, .b = scratch, .c = y, .lines = 1, .pixels = p->m, .columns = p->n, .a_pixel = p->k, .c_pixel = p->n,
                      .segments = 1, .k = p->k, .activation = PR_NO_ACTIVATION};
    pr_gemm_multiply(p->kernels->gemm, pool, &g);
}

static void pr_product_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_products *p = arg;
    for (int64_t t = begin; t < end; t++)
        pr_product(p, NULL, pr_matrix_at(p->a_view, p->y_view, p->a, t), pr_matrix_at(p->b_view, p->y_view, p->b, t),
                   p->y + t * p->m * p->n, p->scratch + worker * p->scratch_floats);
}

pr_status pr_matmul_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    pr_products p = {.kernels = env->kernels, .pool = env->pool, .a = in[0].data, .b = in[1].data, .y = out->data, .scratch = env->scratch};
    (void)inputs, (void)outputs;
    pr_product_sizes(env->attrs, &in[0], &in[1], out, &p);
    if (p.k == 0) {
        memset(out->data, 0, (size_t)pr_view_count(out) * sizeof(float));
        return PR_OK;
    }
    p.packed = pr_is_direct(&p) ? 0 : pr_up16(pr_gemm_packed_floats(env->kernels->gemm, p.k, p.n));
    p.scratch_floats = p.packed + (pr_copies_a(&p) ? pr_up16(p.m * p.k) : 0);
    double work = (double)p.m * (double)p.n * (double)p.k;
    if (p.count >= pr_pool_threads(env->pool) && p.count > 1 && work < PR_LARGE_PRODUCT) {
        pr_for(env->pool, p.count, (int64_t)(PR_GRAIN / work) + 1, pr_product_items, &p);
        return PR_OK;
    }
    for (int64_t t = 0; t < p.count; t++)
        pr_product(&p, env->pool, pr_matrix_at(&in[0], out, p.a, t), pr_matrix_at(&in[1], out, p.b, t), p.y + t * p.m * p.n, p.scratch);
    return PR_OK;
}
