/* For each step: call. */
#include <string.h>
#include <time.h>

#include "exec/poison.h"

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static pr_status check_call(const pr_session *s, const pr_view *in, int32_t inputs, const pr_view *out, int32_t outputs,
                            pr_message *message) {
    const pr_plan *p = &s->plan;
    if (!s->is_bound) return pr_fail(message, PR_BAD_SHAPE, "the session is not bound to input shapes");
    if (inputs < 0 || (uint32_t)inputs != p->header->inputs || outputs < 0 || (uint32_t)outputs != p->header->outputs)
        return pr_fail(message, PR_BAD_SHAPE, "the plan has %u inputs and %u outputs", p->header->inputs, p->header->outputs);
    for (int32_t i = 0; i < inputs; i++)
        if (!pr_same_shape(&in[i], &s->bound_inputs[i]) || in[i].dtype != s->bound_inputs[i].dtype)
            return pr_fail(message, PR_BAD_SHAPE, "input %d does not have the shape that the session is bound to", i);
    for (int32_t i = 0; i < outputs; i++) {
        const pr_view *want = &s->shapes[p->indices[p->header->outputs_first + (uint32_t)i]];
        if (!pr_same_shape(&out[i], want) || out[i].dtype != want->dtype)
            return pr_fail(message, PR_BAD_SHAPE, "room for output %d does not have the shape that binding gave", i);
    }
    return PR_OK;
}

static pr_status run_steps(pr_session *s, pr_message *message) {
    uint32_t steps = s->plan.header->steps;
    pr_status status = PR_OK;
    for (uint32_t t = 0; t < steps && status == PR_OK; t++) {
        pr_bound_step *b = &s->steps[t];
        if (!b->run) continue;
        int64_t start = s->profile ? now() : 0;
        b->env.message = message;
        pr_arena_open_for(s, b);
        status = b->run(&b->env, b->in, b->inputs, b->out, b->outputs);
        if (s->profile) s->profile[t] += now() - start;
    }
    pr_arena_open(s);
    return status;
}

pr_status pr_session_run(pr_session *s, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    PR_TRY(check_call(s, in, inputs, out, outputs, message));
    for (uint32_t i = 0; i < s->moving_count; i++) {
        pr_view *operand = &s->operands[s->moving[i]];
        const pr_group *g = &s->groups[s->group_of[s->operand_value[s->moving[i]]]];
        operand->data = g->place == PR_PLACE_INPUT ? in[g->number].data : out[g->number].data;
    }
    s->drawn = 0;
    PR_TRY(run_steps(s, message));
    for (uint32_t i = 0; i < (uint32_t)outputs; i++) {
        uint32_t v = s->plan.indices[s->plan.header->outputs_first + i];
        const pr_group *g = &s->groups[s->group_of[v]];
        const void *from = g->place == PR_PLACE_INPUT ? in[g->number].data
                         : g->place == PR_PLACE_CONSTANT ? s->shapes[g->number].data : out[g->number].data;
        size_t bytes = (size_t)pr_view_count(&out[i]) * pr_dtype_bytes(out[i].dtype);
        if (from != out[i].data && bytes) memcpy(out[i].data, from, bytes);
    }
    return PR_OK;
}
