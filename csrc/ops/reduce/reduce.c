#include "ops/reduce/reduce.h"

#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/move/copy.h"

#define PR_REDUCE(name, start, step, end) \
    static void reduce_##name(const float *in, float *out, int64_t count, int64_t stride, int64_t width, float a) { \
        const double n = (double)count; \
        (void)a, (void)n; \
        for (int64_t j = 0; j < width; j++) { \
            double s = start; \
            for (int64_t i = 0; i < count; i++) { \
                const float x = in[i * stride + j]; \
                s = step; \
            } \
            out[j] = (float)(end); \
        } \
    }
#define PR_REDUCE_ARG(name, start, step) \
    static void reduce_##name(const float *in, float *out, int64_t count, int64_t stride, int64_t width, float a) { \
        (void)a; \
        for (int64_t j = 0; j < width; j++) { \
            float s = start; \
            int64_t found = 0; \
            for (int64_t i = 0; i < count; i++) { \
                const float x = in[i * stride + j]; \
                if (step) s = x, found = i; \
            } \
            out[j] = (float)found; \
        } \
    }
#define PR_REDUCE_TWICE(name, ...)
#include "ops/reduce/reduce.def"
#undef PR_REDUCE
#undef PR_REDUCE_ARG
#undef PR_REDUCE_TWICE

/* Nothing gives -infinity; infinity and NaN are their own answer. */
static void reduce_LOG_SUM_EXP(const float *in, float *out, int64_t count, int64_t stride, int64_t width, float a) {
    reduce_MAX(in, out, count, stride, width, a);
    for (int64_t j = 0; j < width; j++) {
        double s = 0;
        if (!isfinite(out[j])) continue;
        for (int64_t i = 0; i < count; i++) s += exp((double)in[i * stride + j] - (double)out[j]);
        out[j] = (float)((double)out[j] + log(s));
    }
}

#define PR_REDUCE(name, ...) [PR_REDUCE_##name] = reduce_##name,
#define PR_REDUCE_ARG PR_REDUCE
#define PR_REDUCE_TWICE PR_REDUCE
const pr_reduce_kernels pr_reduce__ref = {{
#include "ops/reduce/reduce.def"
}, {
#include "ops/reduce/reduce.def"
}};
#undef PR_REDUCE
#undef PR_REDUCE_ARG
#undef PR_REDUCE_TWICE

static bool is_folded(const pr_reduce_attrs *attrs, int axis) {
    for (int i = 0; i < attrs->axes.count; i++)
        if (attrs->axes.at[i] == axis) return true;
    return false;
}
static bool is_position(int kind) { return kind == PR_REDUCE_ARG_MAX || kind == PR_REDUCE_ARG_MIN; }

/* x as groups of neighbouring axes that are folded together or kept together; axes of size 1 belong to none. */
typedef struct reduce_groups {
    int count, folded_groups;
    int64_t size[PR_MAX_RANK];
    bool folded[PR_MAX_RANK];
} reduce_groups;

static reduce_groups group_axes(const pr_reduce_attrs *attrs, const pr_view *x) {
    reduce_groups g = {0};
    for (int i = 0; i < x->rank; i++) {
        bool folded = is_folded(attrs, i);
        if (x->shape[i] == 1) continue;
        if (g.count && g.folded[g.count - 1] == folded) {
            g.size[g.count - 1] *= x->shape[i];
            continue;
        }
        g.size[g.count] = x->shape[i], g.folded[g.count] = folded;
        g.folded_groups += folded;
        g.count++;
    }
    return g;
}

pr_status pr_reduce_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_reduce_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the way to reduce", attrs->kind, PR_REDUCE_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_dims(env, &attrs->axes, "axes", -1));
    for (int i = 0; i < attrs->axes.count; i++)
        if (attrs->axes.at[i] < (i ? attrs->axes.at[i - 1] + 1 : 0) || attrs->axes.at[i] >= in->rank)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: axis %d at place %d, expected ascending axes below the rank of x %s",
                           env->layer, attrs->axes.at[i], i, pr_show_shape(in).text);
    if (is_position(attrs->kind) && (attrs->axes.count != 1 || in->shape[attrs->axes.at[0]] == 0))
        return pr_fail(env->message, PR_BAD_SHAPE, "%s: a position is sought along %d axes of x %s, expected one that is not empty",
                       env->layer, attrs->axes.count, pr_show_shape(in).text);
    out->dtype = PR_F32;
    out->rank = 0;
    for (int i = 0; i < in->rank; i++) {
        bool folded = is_folded(attrs, i);
        if (!folded || attrs->keep_dims) out->shape[out->rank++] = folded ? 1 : in->shape[i];
    }
    if (pr_view_count(in) >= 0 && group_axes(attrs, in).folded_groups > 1)   /* folded axes are brought together there */
        env->scratch_bytes = (size_t)pr_view_count(in) * sizeof(float);
    return PR_OK;
}

/* x (outer, n, inner) -> y (outer, inner); an item is one row, or one block of columns of one outer index. */
typedef struct reduce_job {
    pr_reduce_fn *row, *columns;
    const float *x;
    float *y, a;
    int64_t n, inner, blocks;
} reduce_job;

static void reduce_range(void *arg, int64_t begin, int64_t end, int worker) {
    const reduce_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        if (job->inner == 1) {
            job->row(job->x + item * job->n, job->y + item, job->n, 1, 1, job->a);
            continue;
        }
        int64_t outer = item / job->blocks, column = item % job->blocks * PR_REDUCE_WIDTH, left = job->inner - column;
        job->columns(job->x + outer * job->n * job->inner + column, job->y + outer * job->inner + column, job->n,
                     job->inner, left < PR_REDUCE_WIDTH ? left : PR_REDUCE_WIDTH, job->a);
    }
}

/* Copies x to scratch with all kept groups before all folded ones. */
static const float *gather_folded(pr_env *env, const reduce_groups *g, const float *x) {
    pr_copy copy = {.rank = 0};
    int64_t stride[PR_MAX_RANK], span = 1;
    for (int i = g->count - 1; i >= 0; i--) stride[i] = span, span *= g->size[i];
    for (int folded = 0; folded < 2; folded++)
        for (int i = 0; i < g->count; i++)
            if (g->folded[i] == folded) copy.size[copy.rank] = g->size[i], copy.from[copy.rank++] = stride[i];
    pr_copy_dense_target(&copy);
    pr_copy_run(env, &copy, x, env->scratch, sizeof(float));
    return env->scratch;
}

pr_status pr_reduce_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    static const float nothing = 0;
    const pr_reduce_attrs *attrs = env->attrs;
    const int64_t results = pr_view_count(out), count = pr_view_count(in);
    reduce_groups g = group_axes(attrs, in);
    reduce_job job = {env->kernels->reduce->row[attrs->kind], env->kernels->reduce->columns[attrs->kind], in->data,
                      out->data, attrs->a, results ? count / results : 0, 1, 1};
    (void)inputs, (void)outputs;
    if (results == 0) return PR_OK;
    if (count == 0) job.x = &nothing;
    else if (g.folded_groups > 1) job.x = gather_folded(env, &g, in->data);
    else if (g.folded_groups == 1 && !g.folded[g.count - 1]) job.inner = g.size[g.count - 1];
    else if (g.folded_groups == 0) job.inner = results;                       /* n is 1 */
    job.blocks = (job.inner + PR_REDUCE_WIDTH - 1) / PR_REDUCE_WIDTH;
    pr_for(env->pool, results / job.inner * job.blocks,
           pr_row_grain(job.n * (job.inner < PR_REDUCE_WIDTH ? job.inner : PR_REDUCE_WIDTH)), reduce_range, &job);
    return PR_OK;
}
