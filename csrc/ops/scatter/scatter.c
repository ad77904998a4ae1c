#include "ops/scatter/scatter.h"

#include <string.h>

#include "ops/check.h"
#include "ops/gather/places.h"
#include "ops/shape/numbers.h"

/* y as (outer, limit, inner), updates as (outer, places, inner).  An item owns `width` columns of one outer entry and takes all
 * places in their order, so nobody else writes there. */
typedef struct scatter_job {
    const float *updates;
    float *y;
    const int64_t *place;                   /* (places), or as the updates when each column has places of its own */
    int64_t limit, places, inner, width, widths;
    int mode;
} scatter_job;

enum { WIDTH = 1024 };

static float changed(int mode, float y, float u) {
    switch (mode) {
    case PR_SCATTER_ADD: return y + u;
    case PR_SCATTER_SUB: return y - u;
    case PR_SCATTER_MUL: return y * u;
    case PR_SCATTER_DIV: return y / u;
    case PR_SCATTER_MAX: return u > y ? u : y;
    case PR_SCATTER_MIN: return u < y ? u : y;
    default: return u;
    }
}

static void change_row(int mode, float *y, const float *u, int64_t n) {
    if (mode == PR_SCATTER_UPDATE) {
        memcpy(y, u, (size_t)n * sizeof(float));
        return;
    }
    if (mode == PR_SCATTER_ADD) {
        for (int64_t i = 0; i < n; i++) y[i] += u[i];
        return;
    }
    for (int64_t i = 0; i < n; i++) y[i] = changed(mode, y[i], u[i]);
}

static void scatter_rows(void *arg, int64_t begin, int64_t end, int worker) {
    const scatter_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t outer = item / job->widths, column = item % job->widths * job->width;
        const int64_t left = job->inner - column, n = left < job->width ? left : job->width;
        float *y = job->y + outer * job->limit * job->inner + column;
        const float *u = job->updates + outer * job->places * job->inner + column;
        for (int64_t k = 0; k < job->places; k++) change_row(job->mode, y + job->place[k] * job->inner, u + k * job->inner, n);
    }
}

static void scatter_columns(void *arg, int64_t begin, int64_t end, int worker) {
    const scatter_job *job = arg;
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t outer = item / job->widths, column = item % job->widths * job->width;
        const int64_t left = job->inner - column, n = left < job->width ? left : job->width;
        float *y = job->y + outer * job->limit * job->inner + column;
        for (int64_t k = 0; k < job->places; k++) {
            const int64_t at = (outer * job->places + k) * job->inner + column;
            for (int64_t i = 0; i < n; i++) {
                float *to = &y[job->place[at + i] * job->inner + i];
                *to = changed(job->mode, *to, job->updates[at + i]);
            }
        }
    }
}

typedef struct copy_job { const float *from; float *to; int64_t n; } copy_job;

static void copy_blocks(void *arg, int64_t begin, int64_t end, int worker) {
    const copy_job *job = arg;
    const int64_t first = begin * PR_GRAIN, last = end * PR_GRAIN < job->n ? end * PR_GRAIN : job->n;
    (void)worker;
    memcpy(job->to + first, job->from + first, (size_t)(last - first) * sizeof(float));
}

static void scatter(pr_env *env, scatter_job *job, const pr_view *in, pr_view *out, int64_t outer, pr_range_fn *fn) {
    const int64_t count = pr_view_count(out);
    copy_job copy = {in->data, out->data, count};
    if (in->data != out->data) pr_for(env->pool, (count + PR_GRAIN - 1) / PR_GRAIN, 1, copy_blocks, &copy);
    job->updates = in[2].data, job->y = out->data, job->place = env->scratch;
    job->width = job->inner < WIDTH ? job->inner : WIDTH;
    if (job->places == 0 || job->width == 0) return;
    job->widths = (job->inner + job->width - 1) / job->width;
    pr_for(env->pool, outer * job->widths, pr_row_grain(job->width * job->places), fn, job);
}

static pr_status check_updates(pr_env *env, const pr_view *in, const pr_view *want) {
    PR_TRY(pr_check_rank(env, &in[2], "the updates", want->rank, want->rank));
    for (int i = 0; i < want->rank; i++) PR_TRY(pr_check_dim(env, &in[2], "the updates", i, want->shape[i]));
    return PR_OK;
}

pr_status pr_scatter_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_attrs *attrs = env->attrs;
    const int axis = attrs->axis;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "mode", attrs->mode, PR_SCATTER_MIN + 1));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_gather_axis(env, in, axis));
    pr_view want = {.rank = in[0].rank - 1 + in[1].rank};
    PR_TRY(pr_check_rank(env, &want, "the shape of updates", 0, PR_MAX_RANK));
    for (int i = 0; i < axis; i++) want.shape[i] = in[0].shape[i];
    for (int i = 0; i < in[1].rank; i++) want.shape[axis + i] = in[1].shape[i];
    for (int i = axis + 1; i < in[0].rank; i++) want.shape[i - 1 + in[1].rank] = in[0].shape[i];
    PR_TRY(check_updates(env, in, &want));
    pr_places_scratch(env, pr_view_count(&in[1]));
    pr_copy_shape(out, in);
    return PR_OK;
}

pr_status pr_scatter_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_attrs *attrs = env->attrs;
    scatter_job job = {.limit = in->shape[attrs->axis], .places = pr_view_count(&in[1]), .mode = attrs->mode,
                       .inner = pr_view_span(in, attrs->axis + 1, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_indices(env, &in[1], job.limit, env->scratch));
    scatter(env, &job, in, out, pr_view_span(in, 0, attrs->axis), scatter_rows);
    return PR_OK;
}

pr_status pr_scatter_nd_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_nd_attrs *attrs = env->attrs;
    int depth;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "mode", attrs->mode, PR_SCATTER_MIN + 1));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_depth(env, in, &depth));
    pr_view want = in[1];
    want.rank = in[1].rank - 1 + in[0].rank - depth;
    PR_TRY(pr_check_rank(env, &want, "the shape of updates", 0, PR_MAX_RANK));
    for (int i = depth; i < in[0].rank; i++) want.shape[in[1].rank - 1 + i - depth] = in[0].shape[i];
    PR_TRY(check_updates(env, in, &want));
    pr_places_scratch(env, pr_view_span(&in[1], 0, in[1].rank - 1));
    pr_copy_shape(out, in);
    return PR_OK;
}

pr_status pr_scatter_nd_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_nd_attrs *attrs = env->attrs;
    const int depth = (int)in[1].shape[in[1].rank - 1];
    scatter_job job = {.places = pr_view_span(&in[1], 0, in[1].rank - 1), .mode = attrs->mode,
                       .inner = pr_view_span(in, depth, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_places(env, in, depth, env->scratch));
    scatter(env, &job, in, out, 1, scatter_rows);
    return PR_OK;
}

pr_status pr_scatter_along_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_along_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "mode", attrs->mode, PR_SCATTER_MIN + 1));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_gather_axis(env, in, attrs->axis));
    PR_TRY(pr_check_along(env, in, attrs->axis));
    PR_TRY(check_updates(env, in, &in[1]));
    pr_places_scratch(env, pr_view_count(&in[1]));
    pr_copy_shape(out, in);
    return PR_OK;
}

pr_status pr_scatter_along_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_scatter_along_attrs *attrs = env->attrs;
    scatter_job job = {.limit = in->shape[attrs->axis], .places = in[1].shape[attrs->axis], .mode = attrs->mode,
                       .inner = pr_view_span(in, attrs->axis + 1, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_indices(env, &in[1], job.limit, env->scratch));
    scatter(env, &job, in, out, pr_view_span(in, 0, attrs->axis), scatter_columns);
    return PR_OK;
}
