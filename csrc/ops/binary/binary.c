#include "ops/binary/binary.h"

#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"

#define PR_BINARY(name, formula) \
    static void binary_##name(const pr_binary_rows *job) { \
        for (int64_t row = 0; row < job->rows; row++) \
            for (int64_t i = 0; i < job->n; i++) { \
                const float x = job->x[row * job->x_row + i * job->x_step]; \
                const float y = job->y[row * job->y_row + i * job->y_step]; \
                job->z[row * job->n + i] = pr_activate(formula, &job->activation); \
            } \
    }
#include "ops/binary/binary.def"
#undef PR_BINARY

const pr_binary_kernels pr_binary__ref = {{
#define PR_BINARY(name, ...) [PR_BINARY_##name] = binary_##name,
#include "ops/binary/binary.def"
#undef PR_BINARY
}};

/* Dimension i of `v` seen from a result of rank `rank`: missing leading ones count as 1. */
static int64_t dim_of(const pr_view *v, int rank, int i) {
    int own = i - (rank - v->rank);
    return own < 0 ? 1 : v->shape[own];
}

pr_status pr_binary_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_binary_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the function", attrs->kind, PR_BINARY_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    out->dtype = PR_F32;
    out->rank = in[0].rank > in[1].rank ? in[0].rank : in[1].rank;
    for (int i = 0; i < out->rank; i++) {
        int64_t x = dim_of(&in[0], out->rank, i), y = dim_of(&in[1], out->rank, i);
        if (x != y && x != 1 && y != 1 && x >= 0 && y >= 0)
            return pr_fail(env->message, PR_BAD_SHAPE, "%s: shapes %s and %s do not broadcast together", env->layer,
                           pr_show_shape(&in[0]).text, pr_show_shape(&in[1]).text);
        out->shape[i] = x == 1 ? y : y == 1 ? x : x < 0 ? y : x;     /* an unknown one beside 5 can only be 1 or 5 */
    }
    return pr_check_output(env, out);
}

/* The result's dimensions with those of size 1 dropped and neighbours merged where both inputs run through them alike. */
typedef struct binary_walk {
    pr_binary_fn *fn;
    pr_binary_rows all;                     /* x, y, z at their start; n is the last dimension */
    int rank;
    int64_t size[PR_MAX_RANK], x_stride[PR_MAX_RANK], y_stride[PR_MAX_RANK];
} binary_walk;

static void collapse(binary_walk *walk, const pr_view *x, const pr_view *y, const pr_view *z) {
    int64_t x_span = 1, y_span = 1, size[PR_MAX_RANK], xs[PR_MAX_RANK], ys[PR_MAX_RANK];
    int rank = 0;                           /* built from the last dimension to the first */
    for (int i = z->rank - 1; i >= 0; i--) {
        int64_t x_dim = dim_of(x, z->rank, i), y_dim = dim_of(y, z->rank, i);
        int64_t x_step = x_dim == 1 ? 0 : x_span, y_step = y_dim == 1 ? 0 : y_span;
        x_span *= x_dim, y_span *= y_dim;
        if (z->shape[i] == 1) continue;
        if (rank && x_step == xs[rank - 1] * size[rank - 1] && y_step == ys[rank - 1] * size[rank - 1]) {
            size[rank - 1] *= z->shape[i];
            continue;
        }
        size[rank] = z->shape[i], xs[rank] = x_step, ys[rank] = y_step;
        rank++;
    }
    if (rank == 0) size[0] = 1, xs[0] = ys[0] = 1, rank = 1;
    walk->rank = rank;
    for (int i = 0; i < rank; i++) {
        walk->size[i] = size[rank - 1 - i];
        walk->x_stride[i] = xs[rank - 1 - i];
        walk->y_stride[i] = ys[rank - 1 - i];
    }
}

static void binary_elements(void *arg, int64_t begin, int64_t end, int worker) {
    const binary_walk *walk = arg;
    pr_binary_rows job = walk->all;
    (void)worker;
    job.x += begin * job.x_step, job.y += begin * job.y_step, job.z += begin;
    job.n = end - begin;
    walk->fn(&job);
}

/* Rows begin..end-1 of all dimensions but the last; each call takes those that follow one another in one dimension. */
static void binary_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const binary_walk *walk = arg;
    const int last = walk->rank - 2;        /* the dimension that counts rows */
    (void)worker;
    while (begin < end) {
        pr_binary_rows job = walk->all;
        int64_t rest = begin;
        for (int i = last; i >= 0; i--) {
            int64_t at = rest % walk->size[i];
            rest /= walk->size[i];
            job.x += at * walk->x_stride[i], job.y += at * walk->y_stride[i];
        }
        int64_t left = walk->size[last] - begin % walk->size[last];
        job.rows = left < end - begin ? left : end - begin;
        job.z += begin * job.n;
        walk->fn(&job);
        begin += job.rows;
    }
}

pr_status pr_binary_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_binary_attrs *attrs = env->attrs;
    const int64_t count = pr_view_count(out);
    binary_walk walk = {.fn = env->kernels->binary->by_kind[attrs->kind]};
    (void)inputs, (void)outputs;
    if (count == 0) return PR_OK;
    collapse(&walk, &in[0], &in[1], out);
    const int last = walk.rank - 1;
    walk.all = (pr_binary_rows){.x = in[0].data, .y = in[1].data, .z = out->data, .rows = 1, .n = walk.size[last],
                                .x_step = (int)walk.x_stride[last], .y_step = (int)walk.y_stride[last],
                                .activation = attrs->activation};
    if (walk.rank == 1) {
        pr_for(env->pool, walk.all.n, PR_GRAIN, binary_elements, &walk);
        return PR_OK;
    }
    walk.all.x_row = walk.x_stride[last - 1], walk.all.y_row = walk.y_stride[last - 1];
    pr_for(env->pool, count / walk.all.n, pr_row_grain(walk.all.n), binary_rows, &walk);
    return PR_OK;
}
