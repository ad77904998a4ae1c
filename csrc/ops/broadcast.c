#include "ops/broadcast.h"

#include "ops/check.h"

/* Dimension i of `v` seen from a result of rank `rank`: missing leading ones count as 1. */
static int64_t dim_of(const pr_view *v, int rank, int i) {
    int own = i - (rank - v->rank);
    return own < 0 ? 1 : v->shape[own];
}

static pr_status no_match(pr_env *env, const pr_view *x, const pr_view *y) {
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: shapes %s and %s do not broadcast together", env->layer,
                   pr_show_shape(x).text, pr_show_shape(y).text);
}

pr_status pr_broadcast_shape(pr_env *env, const pr_view *in, int inputs, pr_view *out) {
    pr_view so_far = in[0];
    for (int k = 1; k < inputs; k++) {
        pr_view next = {.rank = so_far.rank > in[k].rank ? so_far.rank : in[k].rank};
        for (int i = 0; i < next.rank; i++) {
            int64_t x = dim_of(&so_far, next.rank, i), y = dim_of(&in[k], next.rank, i);
            if (x != y && x != 1 && y != 1 && x >= 0 && y >= 0) return no_match(env, &so_far, &in[k]);
            next.shape[i] = x == 1 ? y : y == 1 ? x : x < 0 ? y : x;
        }
        so_far = next;
    }
    so_far.dtype = PR_F32;
    pr_copy_shape(out, &so_far);
    return pr_check_output(env, out);
}

static bool continues(const pr_broadcast *walk, const int64_t *step) {
    const int last = walk->rank - 1;
    for (int k = 0; k < walk->inputs; k++)
        if (step[k] != walk->stride[k][last] * walk->size[last]) return false;
    return true;
}

static void reverse(int64_t *list, int count) {
    for (int i = 0; i < count / 2; i++) {
        int64_t other = list[count - 1 - i];
        list[count - 1 - i] = list[i], list[i] = other;
    }
}

pr_broadcast pr_broadcast_of(const pr_view *in, int inputs, const pr_view *out) {
    pr_broadcast walk = {.inputs = inputs};                  /* built from the last dimension to the first */
    int64_t span[PR_BROADCAST_INPUTS] = {1, 1, 1}, step[PR_BROADCAST_INPUTS];
    for (int i = out->rank - 1; i >= 0; i--) {
        for (int k = 0; k < inputs; k++) {
            int64_t dim = dim_of(&in[k], out->rank, i);
            step[k] = dim == 1 ? 0 : span[k];
            span[k] *= dim;
        }
        if (out->shape[i] == 1) continue;
        if (walk.rank && continues(&walk, step)) {
            walk.size[walk.rank - 1] *= out->shape[i];
            continue;
        }
        walk.size[walk.rank] = out->shape[i];
        for (int k = 0; k < inputs; k++) walk.stride[k][walk.rank] = step[k];
        walk.rank++;
    }
    if (walk.rank == 0) {
        walk.size[0] = walk.rank = 1;
        for (int k = 0; k < inputs; k++) walk.stride[k][0] = 1;
    }
    reverse(walk.size, walk.rank);
    for (int k = 0; k < inputs; k++) reverse(walk.stride[k], walk.rank);
    return walk;
}

typedef struct broadcast_job {
    const pr_broadcast *walk;
    pr_broadcast_fn *fn;
    void *arg;
    pr_broadcast_block all;                 /* at the start; n is the last dimension */
} broadcast_job;

static void elements(void *arg, int64_t begin, int64_t end, int worker) {
    const broadcast_job *job = arg;
    pr_broadcast_block block = job->all;
    (void)worker;
    for (int k = 0; k < job->walk->inputs; k++) block.from[k] += begin * block.step[k];
    block.to = begin, block.n = end - begin;
    job->fn(job->arg, &block);
}

/* Rows begin..end-1 of all dimensions but the last; each call takes those that follow one another in one dimension. */
static void rows(void *arg, int64_t begin, int64_t end, int worker) {
    const broadcast_job *job = arg;
    const pr_broadcast *walk = job->walk;
    const int last = walk->rank - 2;        /* the dimension that counts rows */
    (void)worker;
    while (begin < end) {
        pr_broadcast_block block = job->all;
        int64_t rest = begin, left = walk->size[last] - begin % walk->size[last];
        for (int i = last; i >= 0; i--) {
            for (int k = 0; k < walk->inputs; k++) block.from[k] += rest % walk->size[i] * walk->stride[k][i];
            rest /= walk->size[i];
        }
        block.rows = left < end - begin ? left : end - begin;
        block.to = begin * block.n;
        job->fn(job->arg, &block);
        begin += block.rows;
    }
}

void pr_broadcast_for(pr_pool *pool, const pr_broadcast *walk, pr_broadcast_fn *fn, void *arg) {
    const int last = walk->rank - 1;
    broadcast_job job = {walk, fn, arg, {.rows = 1, .n = walk->size[last]}};
    int64_t count = 1;
    for (int k = 0; k < walk->inputs; k++) {
        job.all.step[k] = (int)walk->stride[k][last];
        if (last) job.all.row[k] = walk->stride[k][last - 1];
    }
    if (last == 0) {
        pr_for(pool, walk->size[0], PR_GRAIN, elements, &job);
        return;
    }
    for (int i = 0; i < last; i++) count *= walk->size[i];
    pr_for(pool, count, pr_row_grain(job.all.n), rows, &job);
}
