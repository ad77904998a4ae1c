/* The vector forms of the element-wise and folding families against the plain forms of the same tables, on odd lengths and
 * with guards around.  What the plain forms compute is checked elsewhere, against NumPy (tests/ops); here it is enough
 * that every level says the same, also on machines that the Python tests never see.  Several additions in another order
 * or a polynomial instead of libm may differ by a few units in the last place; everything else is exact. */
#include "check.h"
#include "ops/binary/binary.h"
#include "ops/norm/norm.h"
#include "ops/reduce/reduce.h"
#include "ops/select/select.h"
#include "ops/softmax/softmax.h"
#include "ops/training/training_kernel.h"
#include "ops/unary/unary.h"

static const char *level_name;
static const pr_kernels *fast, *plain;

/* Both NaN, or within `ulp` units of the last place of the larger of |want| and `scale`. */
static int near(float got, float want, float scale, double ulp) {
    if (isnan(want)) return isnan(got);
    if (got == want) return 1;
    double unit = (double)fmaxf(fmaxf(fabsf(want), scale), 1e-37f) * 1.2e-7;
    return fabs((double)got - (double)want) <= ulp * unit;
}

static void compare(const char *what, const float *got, const float *want, int64_t n, int64_t guards, float scale, double ulp) {
    check_count();
    for (int64_t i = 0; i < n; i++)
        if (!near(got[i], want[i], scale, ulp)) {
            check_fail("%s %s, %lld numbers: [%lld] is %.9g, plain form %.9g", level_name, what, (long long)n, (long long)i,
                       (double)got[i], (double)want[i]);
            return;
        }
    for (int64_t i = n; i < n + guards; i++)
        if (!is_guard(got[i])) {
            check_fail("%s %s: wrote behind its %lld numbers", level_name, what, (long long)n);
            return;
        }
}

static float *random_numbers(int64_t n, float low, float high) {
    float *out = guarded(n);
    for (int64_t i = 0; i < n; i++) out[i] = low + (high - low) * (float)random_int(0, 1 << 20) / (1 << 20);
    return out;
}

static void check_unaries(int n) {
#define PR_UNARY(name, formula, ulp) {#name, ulp},
    static const struct { const char *name; double ulp; } rows[] = {
#include "ops/unary/unary.def"
    };
#undef PR_UNARY
    for (int kind = 0; kind < PR_UNARY_COUNT; kind++) {
        int positive = kind == PR_UNARY_LOG || kind == PR_UNARY_SQRT || kind == PR_UNARY_RSQRT || kind == PR_UNARY_POWER;
        float *x = positive ? random_numbers(n, 0.01f, 30) : random_numbers(n, -12, 12);
        float a = 0.5f, b = 0.75f, *want = guarded(n), *got = guarded(n + 5);
        plain->unary->by_kind[kind](x, want, n, a, b);
        fast->unary->by_kind[kind](x, got, n, a, b);
        /* libm may be wrong by as much as the fast form is allowed to be */
        float scale = kind == PR_UNARY_LOG || kind == PR_UNARY_SIGMOID_HARD ? 1 : 0;
        if (kind == PR_UNARY_GELU_TANH || kind == PR_UNARY_GELU_SIGMOID) scale = 0.01f;     /* exponentials of rounded numbers */
        compare(rows[kind].name, got, want, n, 5, scale, 2 * rows[kind].ulp + 1);
        release_all();
    }
}

static void check_binaries(int n) {
    for (int kind = 0; kind < PR_BINARY_COUNT; kind++)
        for (int steps = 1; steps < 4; steps++) {
            int rows = random_int(1, 3), x_step = steps & 1, y_step = steps >> 1;
            pr_binary_rows job = {.x = random_numbers((int64_t)rows * n, 0.5f, 4), .y = random_numbers((int64_t)rows * n, 0.5f, 4), .rows = rows, .n = n,
                                  .x_row = x_step ? n : 1, .y_row = y_step ? n : 1, .x_step = x_step, .y_step = y_step, .activation = {0.5f, -3, 20}};
            float *want = job.z = guarded((int64_t)rows * n);
            plain->binary->by_kind[kind](&job);
            float *got = job.z = guarded((int64_t)rows * n + 3);
            fast->binary->by_kind[kind](&job);
            compare("binary", got, want, (int64_t)rows * n, 3, 0, kind == PR_BINARY_POW ? 8 : 0);
            release_all();
        }
}

static void check_norms(int n) {
    int rows = random_int(1, 4);
    int64_t all = (int64_t)rows * n;
    pr_activation activation = {0.5f, -20, 6};
    float *x = guarded_integers(all), *scale = guarded_integers(n), *shift = guarded_integers(n), *want = guarded(all), *got = guarded(all + 3);
    plain->norm->affine(x, scale, shift, want, rows, n, &activation);
    fast->norm->affine(x, scale, shift, got, rows, n, &activation);
    compare("affine", got, want, all, 3, 0, 0);
    plain->norm->prelu(x, scale, want, rows, n);
    fast->norm->prelu(x, scale, got, rows, n);
    compare("prelu", got, want, all, 3, 0, 0);
    plain->norm->layer_norm(x, scale, shift, want, rows, n, 0.25f);
    fast->norm->layer_norm(x, scale, shift, got, rows, n, 0.25f);
    compare("layer_norm", got, want, all, 3, 16, 4);
    pr_lrn_attrs window = {random_int(0, n - 1), random_int(0, n - 1), 0.125f, 1.5f, random_int(1, 4) * 0.25f};
    plain->norm->lrn(x, want, guarded(3 * n), rows, n, &window);
    fast->norm->lrn(x, got, guarded((int64_t)window.before + n + window.after), rows, n, &window);
    compare("lrn", got, want, all, 3, 0, 16);
    release_all();
}

static void check_selects(int n) {
    for (int steps = 1; steps < 8; steps++) {
        int rows = random_int(1, 3), step[3];
        float *operands[3];
        for (int k = 0; k < 3; k++) step[k] = steps >> k & 1, operands[k] = guarded_integers((int64_t)rows * n);
        pr_select_rows job = {operands[0], operands[1], operands[2], NULL, rows, n, step[0] ? n : 1, step[1] ? n : 1,
                              step[2] ? n : 1, step[0], step[1], step[2]};
        float *want = job.z = guarded((int64_t)rows * n);
        plain->select->rows(&job);
        float *got = job.z = guarded((int64_t)rows * n + 3);
        fast->select->rows(&job);
        compare("select", got, want, (int64_t)rows * n, 3, 0, 0);
        release_all();
    }
}

/* NaN in a random place comes out of extremes, and is the position that is found. */
static void check_nan(int n) {
    static const int kinds[] = {PR_REDUCE_MAX, PR_REDUCE_MIN, PR_REDUCE_ARG_MAX, PR_REDUCE_ARG_MIN, PR_REDUCE_LOG_SUM_EXP};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        float *x = random_numbers(n, -9, 9), want, got;
        for (int i = 0; i < 2; i++) x[random_int(0, n - 1)] = NAN;
        plain->reduce->row[kinds[k]](x, &want, n, 1, 1, 0);
        fast->reduce->row[kinds[k]](x, &got, n, 1, 1, 0);
        compare("extreme with NaN", &got, &want, 1, 0, 0, 0);
        release_all();
    }
}

static void check_softmax(int n) {
    float *x = random_numbers(n, -9, 9), *want = guarded(n), *got = guarded(n + 3);
    plain->softmax->row(x, want, n);
    fast->softmax->row(x, got, n);
    compare("softmax row", got, want, n, 3, 0, 40);
    release_all();
    int width = random_int(1, PR_SOFTMAX_WIDTH), stride = width + random_int(0, 3);
    int64_t total = (int64_t)(n - 1) * stride + width;
    x = random_numbers(total, -9, 9), want = guarded(total), got = guarded(total);
    plain->softmax->columns(x, want, n, stride, width);
    fast->softmax->columns(x, got, n, stride, width);
    check_count();
    for (int64_t i = 0; i < total; i++)
        if (i % stride < width ? !near(got[i], want[i], 0, 40) : !is_guard(got[i])) {
            check_fail("%s softmax columns, %d by %d: [%lld] is %g, plain form %g", level_name, n, width, (long long)i, (double)got[i], (double)want[i]);
            break;
        }
    release_all();
}

static void check_reductions(int n) {
    for (int kind = 0; kind < PR_REDUCE_COUNT; kind++) {
        int width = random_int(1, PR_REDUCE_WIDTH), stride = width + random_int(0, 3);
        float *x = random_numbers((int64_t)(n - 1) * stride + width, 0.5f, 1.5f), *want = guarded(width), *got = guarded(width + 3);
        if (plain->reduce->columns[kind] && fast->reduce->columns[kind]) {
            plain->reduce->columns[kind](x, want, n, stride, width, 0.1f);
            fast->reduce->columns[kind](x, got, n, stride, width, 0.1f);
            compare("reduce columns", got, want, width, 3, (float)n, 8);
        }
        if (plain->reduce->row[kind] && fast->reduce->row[kind]) {
            plain->reduce->row[kind](x, want, n, 1, 1, 0.1f);
            fast->reduce->row[kind](x, got = guarded(4), n, 1, 1, 0.1f);
            compare("reduce row", got, want, 1, 3, (float)n, 8);
        }
        release_all();
    }
}

static void check_steps(int n) {
    float *w = random_numbers(n, -2, 2), *g = random_numbers(n, -2, 2), *m = random_numbers(n, -1, 1), *v = random_numbers(n, 0, 1);
    float *want[3], *got[3];
    const float hyper[6] = {0.01f, 0.9f, 0.99f, 1e-6f, 1.5f, 0.999f};
    for (int i = 0; i < 3; i++) want[i] = guarded(n), got[i] = guarded(n + 5);
    plain->training->clip(g, w, want[0], n, -0.5f, 1);
    fast->training->clip(g, w, got[0], n, -0.5f, 1);
    compare("clip's gradient", got[0], want[0], n, 5, 0, 0);
    for (int i = 0; i < 2; i++) {
        const pr_gradient_shape some = {1.5f, 0.3f, 0.01f}, *shape = i ? &some : NULL;
        plain->training->sgd(w, g, want[0], n, 0.1f, shape);
        fast->training->sgd(w, g, got[0], n, 0.1f, shape);
        compare("sgd", got[0], want[0], n, 5, 0, 0);
        for (int nesterov = 0; nesterov < 2; nesterov++) {
            plain->training->momentum(w, g, m, want[0], want[1], n, 0.1f, 0.9f, nesterov, shape);
            fast->training->momentum(w, g, m, got[0], got[1], n, 0.1f, 0.9f, nesterov, shape);
            for (int k = 0; k < 2; k++) compare("momentum", got[k], want[k], n, 5, 0, 0);
        }
        plain->training->adam(w, g, m, v, want[0], want[1], want[2], n, hyper, shape);
        fast->training->adam(w, g, m, v, got[0], got[1], got[2], n, hyper, shape);
        for (int k = 0; k < 3; k++) compare("adam", got[k], want[k], n, 5, 2, 1);
    }
    float *sums = guarded(2);
    sums[0] = plain->training->squares(g, n, 1.5f), sums[1] = fast->training->squares(g, n, 1.5f);
    compare("squares", &sums[1], &sums[0], 1, 0, (float)n, 8);
    release_all();
}

/* A window of rows x columns real cells in a line that is wider; numbers repeat, so that maxima are equal now and then. */
static void check_windows(int n) {
    enum { LINE = 5 };
    int rows = random_int(1, 3), columns = random_int(1, 3);
    float *x = guarded((int64_t)3 * LINE * n), *g = random_numbers(n, -2, 2);
    for (int64_t i = 0; i < (int64_t)3 * LINE * n; i++) x[i] = (float)random_int(-2, 2);
    for (int kind = 0; kind < 3; kind++) {
        int64_t all = (int64_t)3 * LINE * n;
        float *want = guarded(all), *got = guarded(all + 3);
        for (int64_t i = 0; i < all; i++) want[i] = got[i] = 1;
        for (int side = 0; side < 2; side++) {
            const pr_kernels *kernels = side ? fast : plain;
            pr_pool_cells cells = {x, side ? got : want, rows, columns, (int64_t)LINE * n, n};
            if (kind == 0) kernels->training->to_maximum(&cells, g, n);
            else kernels->training->to_all(&cells, g, n, kind == 2);
        }
        compare("pooling's gradient", got, want, all, 3, 0, 0);
    }
    release_all();
}

void check_rows(void) {
    pr_kernels reference, chosen;
    pr_kernels_select(&reference, PR_ISA_ref);
    for (int level = 1; level < PR_ISA_COUNT; level++) {
        if (!(options.levels >> level & 1)) continue;
        pr_kernels_select(&chosen, PR_ISA_ref | 1u << level);
        level_name = pr_level_name(level), fast = &chosen, plain = &reference;
        for (int n = 1; n < 20 + options.rounds / 4; n++) {
            check_unaries(n);
            check_binaries(n);
            check_norms(n);
            check_selects(n);
            check_steps(n);
            check_windows(n);
            check_nan(n);
            check_softmax(n);
            check_reductions(n);
        }
    }
}
