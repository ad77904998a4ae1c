/* Elements of x at the places that an index tensor says.  Places are read and checked once, into scratch. */
#include <string.h>

#include "ops/check.h"
#include "ops/gather/gather.h"
#include "ops/gather/places.h"
#include "ops/shape/numbers.h"

/* y = x as (outer, limit, inner), rows of `inner` elements at `place` along the middle. */
typedef struct gather_job {
    const float *x;
    float *y;
    const int64_t *place;
    int64_t limit, places, inner;
} gather_job;

static void gather_range(void *arg, int64_t begin, int64_t end, int worker) {
    const gather_job *job = arg;
    const int64_t inner = job->inner;
    int64_t outer = begin / job->places, k = begin % job->places;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const float *from = job->x + (outer * job->limit + job->place[k]) * inner;
        float *to = job->y + row * inner;
        if (inner == 1) *to = *from;
        else memcpy(to, from, (size_t)inner * sizeof(float));
        if (++k == job->places) k = 0, outer++;
    }
}

static void gather_places(pr_env *env, gather_job *job, int64_t outer) {
    pr_for(env->pool, outer * job->places, pr_row_grain(job->inner), gather_range, job);
}

pr_status pr_gather_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_gather_attrs *)env->attrs)->axis;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_gather_axis(env, in, axis));
    *out = (pr_view){.dtype = PR_F32, .rank = in[0].rank - 1 + in[1].rank};
    PR_TRY(pr_check_rank(env, out, "the result", 0, PR_MAX_RANK));
    for (int i = 0; i < axis; i++) out->shape[i] = in[0].shape[i];
    for (int i = 0; i < in[1].rank; i++) out->shape[axis + i] = in[1].shape[i];
    for (int i = axis + 1; i < in[0].rank; i++) out->shape[i - 1 + in[1].rank] = in[0].shape[i];
    pr_places_scratch(env, pr_view_count(&in[1]));
    return pr_check_output(env, out);
}

pr_status pr_gather_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_gather_attrs *)env->attrs)->axis;
    int64_t *place = env->scratch;
    gather_job job = {in[0].data, out->data, place, in[0].shape[axis], pr_view_count(&in[1]),
                      pr_view_span(in, axis + 1, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_indices(env, &in[1], job.limit, place));
    gather_places(env, &job, pr_view_span(in, 0, axis));
    return PR_OK;
}

pr_status pr_gather_nd_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    int depth;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_depth(env, in, &depth));
    pr_copy_shape(out, &in[1]);
    out->rank = in[1].rank - 1 + in[0].rank - depth;
    PR_TRY(pr_check_rank(env, out, "the result", 0, PR_MAX_RANK));
    for (int i = depth; i < in[0].rank; i++) out->shape[in[1].rank - 1 + i - depth] = in[0].shape[i];
    pr_places_scratch(env, pr_view_span(&in[1], 0, in[1].rank - 1));
    return pr_check_output(env, out);
}

pr_status pr_gather_nd_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int depth = (int)in[1].shape[in[1].rank - 1];
    int64_t *place = env->scratch;
    gather_job job = {in[0].data, out->data, place, 0, pr_view_span(&in[1], 0, in[1].rank - 1),
                      pr_view_span(in, depth, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_places(env, in, depth, place));
    gather_places(env, &job, 1);
    return PR_OK;
}

pr_status pr_gather_along_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_gather_along_attrs *)env->attrs)->axis;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    PR_TRY(pr_check_gather_axis(env, in, axis));
    PR_TRY(pr_check_along(env, in, axis));
    pr_copy_shape(out, &in[1]);
    for (int i = 0; i < out->rank; i++)
        if (i != axis && out->shape[i] < 0) out->shape[i] = in[0].shape[i];
    pr_places_scratch(env, pr_view_count(&in[1]));
    return PR_OK;
}

static void gather_along(void *arg, int64_t begin, int64_t end, int worker) {
    const gather_job *job = arg;
    const int64_t inner = job->inner;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        const float *x = job->x + row / job->places * job->limit * inner;
        for (int64_t i = 0; i < inner; i++) job->y[row * inner + i] = x[job->place[row * inner + i] * inner + i];
    }
}

pr_status pr_gather_along_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const int axis = ((const pr_gather_along_attrs *)env->attrs)->axis;
    int64_t *place = env->scratch;
    gather_job job = {in[0].data, out->data, place, in[0].shape[axis], in[1].shape[axis],
                      pr_view_span(in, axis + 1, in->rank)};
    (void)inputs, (void)outputs;
    PR_TRY(pr_read_indices(env, &in[1], job.limit, place));
    pr_for(env->pool, pr_view_span(&in[1], 0, axis + 1), pr_row_grain(job.inner), gather_along, &job);
    return PR_OK;
}
