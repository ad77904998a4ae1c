/* For each step: call. */
#include <string.h>

#include "exec/run.h"

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
        if (!pr_result_is_open(s, i) && (!pr_same_shape(&out[i], want) || out[i].dtype != want->dtype))
            return pr_fail(message, PR_BAD_SHAPE, "room for output %d does not have the shape that binding gave", i);
    }
    return PR_OK;
}

static pr_status run_plain(pr_session *s, uint32_t t, pr_message *message) {
    pr_bound_step *b = &s->steps[t];
    int64_t start = s->profile ? pr_now() : 0;
    b->env.message = message;
    pr_arena_open_for(s, b);
    pr_status status = b->run(&b->env, b->in, b->inputs, b->out, b->outputs);
    if (s->profile) s->profile[t] += pr_now() - start;
    return status;
}

pr_status pr_run_block(pr_session *s, uint32_t first, uint32_t end, pr_message *message) {
    for (uint32_t t = first; t < end; t = pr_step_after(&s->plan, t)) {
        switch (s->steps[t].kind) {
        case PR_STEP_SKIP: break;
        case PR_STEP_PLAIN: PR_TRY(run_plain(s, t, message)); break;
        case PR_STEP_OPEN: PR_TRY(pr_run_open(s, t, message)); break;
        case PR_STEP_IF: PR_TRY(pr_run_if(s, t, message)); break;
        case PR_STEP_LOOP: PR_TRY(pr_run_loop(s, t, message)); break;
        }
    }
    return PR_OK;
}

static void point_at_callers(pr_session *s, const pr_view *in, const pr_view *out) {
    for (uint32_t i = 0; i < s->moving_value_count; i++) {
        pr_view *value = &s->shapes[s->moving_values[i]];
        const pr_group *g = &s->groups[s->group_of[s->moving_values[i]]];
        char *base = g->place == PR_PLACE_INPUT ? in[g->number].data : out[g->number].data;
        value->data = base ? base + s->offset[s->moving_values[i]] : NULL;
    }
    for (uint32_t i = 0; i < s->moving_count; i++)
        s->operands[s->moving[i]].data = s->shapes[s->operand_value[s->moving[i]]].data;
}

/* Results that are not where the caller wants them; results whose sizes were open stay here, the caller learns where. */
static pr_status hand_over(pr_session *s, pr_view *out, int32_t outputs, pr_message *message) {
    size_t need = s->arena_bytes + s->blocks.bytes + s->result_bytes;
    for (int32_t i = 0; i < outputs; i++) {
        const pr_view *result = &s->shapes[s->plan.indices[s->plan.header->outputs_first + (uint32_t)i]];
        if (pr_result_is_open(s, i)) {
            out[i] = *result;
            need += pr_view_bytes(result);
        } else if (out[i].data != result->data && pr_view_bytes(&out[i])) memcpy(out[i].data, result->data, pr_view_bytes(&out[i]));
    }
    if (need <= s->memory_limit) return PR_OK;
    return pr_fail(message, PR_NO_MEMORY, "this model needs at least %zu KiB for its values and results here, the limit is %zu KiB: "
                   "raise memory_limit or give smaller inputs", (need + 1023) >> 10, s->memory_limit >> 10);
}

pr_status pr_session_run(pr_session *s, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    PR_TRY(check_call(s, in, inputs, out, outputs, message));
    point_at_callers(s, in, out);
    pr_forget_blocks(s);
    s->iterations = 0, s->paused = 0;
    s->drawn = 0;
    pr_status status = pr_run_block(s, 0, s->plan.header->steps, message);
    pr_arena_open(s);
    return status == PR_OK ? hand_over(s, out, outputs, message) : status;
}
