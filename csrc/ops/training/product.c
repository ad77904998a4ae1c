/* The operator PRODUCT: dense layers whose weight is an operand, and their gradients. */
#include "ops/check.h"
#include "ops/gemm/matmul.h"
#include "ops/kernels.h"
#include "ops/training/matrix.h"
#include "ops/training/training.h"

/* Factors of up to so many floats stay in the second-level cache while the other is read against them. */
#define PR_DOT_FLOATS 65536
/* Rows of b up to which sums over them are made where they lie; columns of y of a work item. */
#define PR_OUTER_ROWS 64
#define PR_OUTER_COLUMNS 192

/* y (m, n) = a (m, k) b (k, n) with strides of a and b that take care of transposition. */
typedef struct product {
    const pr_gemm_kernel *kernel;
    const pr_copy_kernels *copy;
    const pr_matmul_kernels *matmul;
    const float *a, *b, *bias;
    float *y;
    ptrdiff_t a_row, a_k, b_k, b_n;
    int64_t m, n, k;
    bool dots, outer;                       /* without packing: few sums of long rows; sums of few long rows */
    bool swapped;                           /* y^T = b^T a^T: b is read in place and a is packed, which is the smaller */
    float *packed, *rows, *turned;          /* the packed factor; a or b^T with its rows dense; y^T */
} product;

/* Floats of the three parts of scratch, rounded up to lines of cache. */
static int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

static void describe(const pr_env *env, const pr_view *in, const pr_view *out, product *p) {
    const pr_product_attrs *attrs = env->attrs;
    const pr_view *a = &in[0], *b = &in[1];
    int64_t rows = pr_view_span(a, 0, a->rank - 1), last = a->shape[a->rank - 1], wide = b->shape[b->rank - 1];
    *p = (product){.kernel = env->kernels->gemm, .copy = env->kernels->copy,
                   .matmul = env->kernels->matmul, .a = a->data, .b = b->data,
                   .bias = attrs->has_bias ? in[2].data : NULL, .y = out->data};
    p->m = attrs->transpose_a ? last : rows;
    p->k = attrs->transpose_a ? rows : last;
    p->n = out->shape[out->rank - 1];
    p->a_row = attrs->transpose_a ? 1 : last;
    p->a_k = attrs->transpose_a ? last : 1;
    p->b_k = attrs->transpose_b ? 1 : wide;
    p->b_n = attrs->transpose_b ? wide : 1;
    p->dots = attrs->transpose_b && !attrs->transpose_a && (p->m <= 16 || p->n <= 16) && (p->m + p->n) * p->k <= PR_DOT_FLOATS;
    p->outer = attrs->transpose_a && !attrs->transpose_b && !attrs->has_bias && p->k <= PR_OUTER_ROWS;
    p->swapped = attrs->transpose_b && !attrs->transpose_a && p->m < p->n;
}

static pr_status scratch_of(pr_env *env, const product *p) {
    if (p->dots || p->outer) return PR_OK;
    int64_t packed = p->swapped ? pr_gemm_packed_floats(p->kernel, p->k, p->m) : pr_gemm_packed_floats(p->kernel, p->k, p->n);
    int64_t rows = p->swapped || p->a_k == 1 ? 0 : p->m * p->k, turned = p->swapped ? p->m * p->n : 0;
    if (packed < 0) return pr_fail(env->message, PR_BAD_SHAPE, "%s: an absurdly large product", env->layer);
    env->scratch_bytes = (size_t)(rounded(packed) + rounded(rows) + rounded(turned)) * sizeof(float);
    return PR_OK;
}

/* All of b's leading axes together are its rows. */
static int64_t rows_of(const pr_view *b) {
    for (int i = 0; i < b->rank - 1; i++)
        if (b->shape[i] < 0) return -1;
    return pr_view_span(b, 0, b->rank - 1);
}

pr_status pr_product_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_product_attrs *attrs = env->attrs;
    const pr_view *a = &in[0], *b = &in[1];
    (void)outputs;
    PR_TRY(pr_check_input_count(env, inputs, attrs->has_bias ? 3 : 2));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_rank(env, a, "the left factor", 1, PR_MAX_RANK));
    PR_TRY(pr_check_rank(env, b, "the right factor", 2, PR_MAX_RANK));
    int64_t left = attrs->transpose_a ? rows_of(a) : a->shape[a->rank - 1];
    int64_t right = attrs->transpose_b ? b->shape[b->rank - 1] : rows_of(b);
    int64_t columns = attrs->transpose_b ? rows_of(b) : b->shape[b->rank - 1];
    if (left >= 0 && right >= 0 && left != right)
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: factors of shapes %s and %s do not multiply (%lld and %lld numbers a sum)",
                       env->layer, pr_show_shape(a).text, pr_show_shape(b).text, (long long)left, (long long)right);
    if (attrs->transpose_a) *out = (pr_view){.dtype = PR_F32, .rank = 2, .shape = {a->shape[a->rank - 1], columns}};
    else {
        pr_copy_shape(out, a);
        out->shape[a->rank - 1] = columns;
    }
    if (attrs->has_bias) {
        PR_TRY(pr_check_rank(env, &in[2], "bias", 1, 1));
        PR_TRY(pr_check_dim(env, &in[2], "bias", 0, columns));
    }
    PR_TRY(pr_check_output(env, out));
    if (pr_view_count(a) < 0 || pr_view_count(b) < 0 || pr_view_count(out) < 0) return PR_OK;
    product p;
    describe(env, in, out, &p);
    return scratch_of(env, &p);
}

static void pack_range(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    int64_t columns = p->swapped ? p->m : p->n;
    const float *b = p->swapped ? p->a : p->b;
    ptrdiff_t stride_k = p->swapped ? p->a_k : p->b_k, stride_n = p->swapped ? p->a_row : p->b_n;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        pr_panel panel = pr_panel_at(p->kernel, columns, i);
        pr_pack_columns(p->copy, b + panel.first * stride_n, stride_k, stride_n, p->k, panel.columns,
                        panel.vectors * p->kernel->lanes, p->packed + panel.first * p->k);
    }
}

static void turn_range(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    (void)worker;
    pr_transpose_matrix(p->copy, p->a + begin, p->a_k, p->k, end - begin, p->rows + begin * p->k, p->k);
}

/* y^T (n, m) back to y, with the bias. */
static void finish_range(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < p->n; j++) p->y[i * p->n + j] = p->turned[j * p->m + i] + (p->bias ? p->bias[j] : 0);
}

/* Rows of y, PR_DOT_ROWS an item. */
static void dot_range(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item * PR_DOT_ROWS, rows = p->m - first < PR_DOT_ROWS ? p->m - first : PR_DOT_ROWS;
        const float *a = p->a + first * p->k;
        float *y = p->y + first * p->n;
        if (rows == PR_DOT_ROWS) p->matmul->dot_rows(a, p->k, p->b, p->k, p->k, p->n, y, p->n);
        else for (int64_t i = 0; i < rows; i++) p->matmul->dots(a + i * p->k, p->b, p->k, p->k, p->n, y + i * p->n);
        for (int64_t i = 0; p->bias && i < rows; i++)
            for (int64_t j = 0; j < p->n; j++) y[i * p->n + j] += p->bias[j];
    }
}

static void outer_range(void *arg, int64_t begin, int64_t end, int worker) {
    const product *p = arg;
    const int64_t from = begin * PR_OUTER_COLUMNS, to = end * PR_OUTER_COLUMNS < p->n ? end * PR_OUTER_COLUMNS : p->n;
    (void)worker;
    p->matmul->outer(p->a, p->m, p->b + from, p->n, p->k, p->m, to - from, p->y + from, p->n);
}

pr_status pr_product_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    static const pr_activation nothing = {1, -__builtin_inff(), __builtin_inff()};
    product p;
    (void)inputs, (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    describe(env, in, out, &p);
    if (p.dots) {
        pr_for(env->pool, (p.m + PR_DOT_ROWS - 1) / PR_DOT_ROWS, pr_row_grain(PR_DOT_ROWS * p.n * p.k), dot_range, &p);
        return PR_OK;
    }
    if (p.outer) {
        pr_for(env->pool, (p.n + PR_OUTER_COLUMNS - 1) / PR_OUTER_COLUMNS, pr_row_grain(PR_OUTER_COLUMNS * p.m * p.k), outer_range, &p);
        return PR_OK;
    }
    int64_t columns = p.swapped ? p.m : p.n;
    p.packed = env->scratch;
    p.rows = p.turned = p.packed + rounded(pr_gemm_packed_floats(p.kernel, p.k, columns));
    pr_for(env->pool, pr_panels(p.kernel, columns), pr_row_grain(p.k * p.kernel->lanes * p.kernel->panel), pack_range, &p);
    pr_gemm_args g = {.b = p.packed, .lines = 1, .k = p.k, .activation = nothing};
    if (p.swapped) {
        g.a = p.b, g.pixels = p.n, g.columns = p.m, g.a_pixel = p.b_n, g.c = p.turned, g.c_pixel = p.m;
        pr_gemm_multiply(p.kernel, env->pool, &g);
        pr_for(env->pool, p.m, pr_row_grain(p.n), finish_range, &p);
        return PR_OK;
    }
    g.a = p.a, g.a_pixel = p.a_row, g.pixels = p.m, g.columns = p.n, g.c = p.y, g.c_pixel = p.n, g.bias = p.bias;
    if (p.a_k != 1) {
        pr_for(env->pool, p.m, pr_row_grain(p.k), turn_range, &p);
        g.a = p.rows, g.a_pixel = p.k;
    }
    pr_gemm_multiply(p.kernel, env->pool, &g);
    return PR_OK;
}
