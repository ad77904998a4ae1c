#include "exec/session.h"

#include <stdlib.h>
#include <string.h>

/* Far above any machine; sums of values that are each below it cannot overflow. */
#define PR_MOST_MEMORY ((size_t)1 << 47)

static void *table(size_t count, size_t entry) { return calloc(count + 1, entry); }

pr_status pr_session_open(pr_context *context, const void *plan, size_t plan_bytes, const void *weights,
                          size_t weight_bytes, size_t memory_limit, pr_session **session, pr_message *message) {
    pr_session *s = calloc(1, sizeof *s);
    if (!s) return pr_fail(message, PR_NO_MEMORY, "no memory for a session");
    pr_status status = pr_plan_check(plan, plan_bytes, weight_bytes, &s->plan, message);
    if (status != PR_OK) {
        free(s);
        return status;
    }
    s->context = context, s->weights = weights;
    s->memory_limit = memory_limit < PR_MOST_MEMORY ? memory_limit : PR_MOST_MEMORY;
    const pr_plan_header *h = s->plan.header;
    size_t operands = 0;
    for (uint32_t t = 0; t < h->steps; t++) operands += s->plan.steps[t].in_count + (size_t)s->plan.steps[t].out_count;
    s->operand_count = (uint32_t)operands;
    s->shapes = table(h->values, sizeof *s->shapes);
    s->group_of = table(h->values, sizeof *s->group_of);
    s->last_use = table(h->values, sizeof *s->last_use);
    s->groups = table(h->values, sizeof *s->groups);
    s->steps = table(h->steps, sizeof *s->steps);
    s->operands = table(operands, sizeof *s->operands);
    s->operand_value = table(operands, sizeof *s->operand_value);
    s->moving = table(operands, sizeof *s->moving);
    s->bound_inputs = table(h->inputs, sizeof *s->bound_inputs);
    if (!s->shapes || !s->group_of || !s->last_use || !s->groups || !s->steps || !s->operands || !s->operand_value ||
        !s->moving || !s->bound_inputs) {
        pr_session_close(s);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a session of %u steps", h->steps);
    }
    *session = s;
    return PR_OK;
}

void pr_session_close(pr_session *s) {
    if (!s) return;
    void *tables[] = {s->shapes, s->group_of, s->last_use, s->groups, s->steps, s->operands, s->operand_value,
                      s->moving, s->bound_inputs, s->arena};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) free(tables[i]);
    free(s);
}

int32_t pr_session_custom_layers(const pr_session *session) {
    int32_t count = 0;
    for (uint32_t t = 0; t < session->plan.header->steps; t++) count += session->plan.steps[t].op == PR_OP_CUSTOM;
    return count;
}
void pr_session_custom(pr_session *session, pr_custom custom) { session->custom = custom; }

static pr_status check_inputs(const pr_session *s, const pr_view *in, int32_t inputs, pr_message *message) {
    const pr_plan *p = &s->plan;
    if (inputs < 0 || (uint32_t)inputs != p->header->inputs)
        return pr_fail(message, PR_BAD_SHAPE, "the plan has %u inputs, got %d", p->header->inputs, inputs);
    for (int32_t i = 0; i < inputs; i++) {
        const pr_plan_value *v = &p->values[p->indices[p->header->inputs_first + (uint32_t)i]];
        if (in[i].dtype != v->dtype || in[i].rank < 0 || in[i].rank > PR_MAX_RANK || pr_view_count(&in[i]) < 0)
            return pr_fail(message, PR_BAD_SHAPE, "input %s: wrong element type, or a shape that is no shape", p->text + v->name);
    }
    return PR_OK;
}

/* Shapes of all values by the shape rules, in running order.  Leaves operands and scratch sizes filled. */
static pr_status infer_all(pr_session *s, const pr_view *in, size_t *scratch, pr_message *message) {
    const pr_plan *p = &s->plan;
    for (uint32_t v = 0; v < p->header->values; v++) {
        const pr_plan_value *from = &p->values[v];
        pr_view *to = &s->shapes[v];
        *to = (pr_view){.dtype = from->dtype, .rank = from->rank};
        memcpy(to->shape, from->shape, sizeof to->shape);
        if (from->kind == PR_VALUE_CONSTANT) to->data = (void *)(uintptr_t)(s->weights + from->offset);
    }
    for (uint32_t i = 0; i < p->header->inputs; i++) {
        pr_view *to = &s->shapes[p->indices[p->header->inputs_first + i]];
        *to = in[i];
        to->data = NULL;
    }
    uint32_t at = 0;
    for (uint32_t t = 0; t < p->header->steps; t++) {
        const pr_plan_step *step = &p->steps[t];
        const pr_op_info *op = &pr_ops[step->op];
        pr_bound_step *b = &s->steps[t];
        *b = (pr_bound_step){.run = op->flags & PR_OP_ALIAS ? NULL : op->run, .inputs = (int)step->in_count,
                             .outputs = (int)step->out_count};
        b->env = (pr_env){.kernels = &s->context->kernels, .pool = s->context->pool, .layer = pr_step_name(p, t),
                          .attrs = p->attrs + step->attrs, .custom = &s->custom, .drawn = &s->drawn, .message = message};
        b->in = s->operands + at;
        for (uint32_t i = 0; i < step->in_count; i++, at++)
            s->operand_value[at] = p->indices[step->in_first + i], s->operands[at] = s->shapes[s->operand_value[at]];
        b->out = s->operands + at;
        for (uint32_t i = 0; i < step->out_count; i++, at++) s->operand_value[at] = p->indices[step->out_first + i];
        memset(b->out, 0, step->out_count * sizeof *b->out);
        PR_TRY(op->infer(&b->env, b->in, b->inputs, b->out, b->outputs));
        bool is_empty = true;
        for (uint32_t i = 0; i < step->out_count; i++) {
            int64_t count = pr_view_count(&b->out[i]);
            b->out[i].data = NULL;
            if (count < 0)
                return pr_fail(message, PR_UNSUPPORTED, "%s: the size of its result is only known while running, or absurd",
                               b->env.layer);
            if (count > 0) is_empty = false;
            s->shapes[p->indices[step->out_first + i]] = b->out[i];
        }
        /* Nothing to compute.  Without this, (2^40, 0) would be walked row by row. */
        if (is_empty) b->run = NULL, b->env.scratch_bytes = 0;
        scratch[t] = b->env.scratch_bytes;
    }
    return PR_OK;
}

/* Pointers that stay the same from run to run; the others are listed in `moving`. */
static void point_operands(pr_session *s) {
    s->moving_count = 0;
    for (uint32_t i = 0; i < s->operand_count; i++) {
        const pr_group *g = &s->groups[s->group_of[s->operand_value[i]]];
        if (g->place == PR_PLACE_ARENA) s->operands[i].data = s->arena + g->offset;
        else if (g->place == PR_PLACE_CONSTANT) s->operands[i].data = s->shapes[g->number].data;
        else s->moving[s->moving_count++] = i;
    }
    for (uint32_t t = 0; t < s->plan.header->steps; t++)
        s->steps[t].env.scratch = s->steps[t].env.scratch_bytes ? s->arena + s->steps[t].scratch_offset : NULL;
}

pr_status pr_session_bind(pr_session *s, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    const pr_plan *p = &s->plan;
    PR_TRY(check_inputs(s, in, inputs, message));
    if (outputs < 0 || (uint32_t)outputs != p->header->outputs)
        return pr_fail(message, PR_BAD_SHAPE, "the plan has %u outputs, got room for %d", p->header->outputs, outputs);
    s->is_bound = false;
    size_t *scratch = table(p->header->steps, sizeof *scratch);
    if (!scratch) return pr_fail(message, PR_NO_MEMORY, "no memory to bind shapes");
    pr_status status = infer_all(s, in, scratch, message);
    if (status == PR_OK) status = pr_memory_plan(s, scratch, message);
    free(scratch);
    PR_TRY(status);
    point_operands(s);
    for (int32_t i = 0; i < inputs; i++) s->bound_inputs[i] = in[i];
    for (int32_t i = 0; i < outputs; i++) out[i] = s->shapes[p->indices[p->header->outputs_first + (uint32_t)i]], out[i].data = NULL;
    s->is_bound = true;
    return PR_OK;
}

void pr_session_memory(const pr_session *s, int64_t *arena_bytes, int64_t *peak_live_bytes) {
    *arena_bytes = (int64_t)s->arena_bytes;
    *peak_live_bytes = (int64_t)s->peak_live;
}
void pr_session_profile(pr_session *s, int64_t *step_nanoseconds) { s->profile = step_nanoseconds; }
int32_t pr_session_steps(const pr_session *s) { return (int32_t)s->plan.header->steps; }
