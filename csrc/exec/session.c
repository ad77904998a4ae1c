#include "exec/session.h"

#include <stdlib.h>
#include <string.h>

static void *table(size_t count, size_t entry) { return calloc(count + 1, entry); }

static bool make_tables(pr_session *s) {
    const pr_plan_header *h = s->plan.header;
    size_t operands = 0, steps = h->steps, values = h->values, most = 0;
    for (uint32_t t = 0; t < h->steps; t++) {
        const pr_plan_step *step = &s->plan.steps[t];
        operands += step->in_count + (size_t)step->out_count;
        if (pr_is_control(&s->plan, t) && step->out_count > most) most = step->out_count;
    }
    s->operand_count = (uint32_t)operands;
    return (s->shapes = table(values, sizeof *s->shapes)) && (s->made_in = table(values, sizeof *s->made_in)) &&
           (s->widened = table(values, 1)) && (s->open = table(values, sizeof *s->open)) &&
           (s->open_results = table(h->outputs, sizeof *s->open_results)) && (s->group_of = table(values, sizeof *s->group_of)) &&
           (s->maker = table(values, sizeof *s->maker)) && (s->uses = table(values, sizeof *s->uses)) &&
           (s->slot = table(values, sizeof *s->slot)) && (s->offset = table(values, sizeof *s->offset)) && (s->row = table(values, sizeof *s->row)) &&
           (s->last_use = table(values, sizeof *s->last_use)) && (s->last_place = table(values, sizeof *s->last_place)) &&
           (s->groups = table(values, sizeof *s->groups)) && (s->steps = table(steps, sizeof *s->steps)) &&
           (s->operands = table(operands, sizeof *s->operands)) &&
           (s->operand_value = table(operands, sizeof *s->operand_value)) &&
           (s->moving = table(operands, sizeof *s->moving)) && (s->moving_values = table(values, sizeof *s->moving_values)) &&
           (s->stage = table(2 * operands, sizeof *s->stage)) && (s->staged = table(most, sizeof *s->staged)) &&
           (s->released = table(values, sizeof *s->released)) &&
           (s->release_at = table(3 * steps + 2, sizeof *s->release_at)) &&
           (s->bound_inputs = table(h->inputs, sizeof *s->bound_inputs));
}

/* What does not depend on shapes: which block each step and value is in, operands, environments. */
static void fill_steps(pr_session *s) {
    const pr_plan *p = &s->plan;
    uint32_t at = 0;
    for (uint32_t t = 0; t < p->header->steps; t++) {
        const pr_plan_step *step = &p->steps[t];
        pr_bound_step *b = &s->steps[t];
        b->inputs = (int)step->in_count, b->outputs = (int)step->out_count;
        b->env = (pr_env){.kernels = &s->context->kernels, .pool = s->context->pool, .layer = pr_step_name(p, t),
                          .attrs = p->attrs + step->attrs, .custom = &s->custom, .drawn = &s->drawn};
        b->in = s->operands + at;
        for (uint32_t i = 0; i < step->in_count; i++) s->operand_value[at++] = p->indices[step->in_first + i];
        b->out = s->operands + at;
        for (uint32_t i = 0; i < step->out_count; i++) {
            s->operand_value[at++] = p->indices[step->out_first + i];
            s->made_in[p->indices[step->out_first + i]] = b->in_block;
        }
        if (!pr_is_control(p, t)) continue;
        const pr_plan_control *c = pr_control(p, t);        /* inner blocks come later and have the last word */
        for (uint32_t i = 0; i < c->steps[0] + c->steps[1]; i++) s->steps[t + 1 + i].in_block = 1 + 2 * t + (i >= c->steps[0]);
    }
}

/* A value that is read at the end of a block, or as a result, counts as read twice: it has to lie as it is. */
static void count_uses(pr_session *s) {
    const pr_plan *p = &s->plan;
    for (uint32_t t = 0; t < p->header->steps; t++) {
        const pr_plan_step *step = &p->steps[t];
        const uint32_t each = pr_is_control(p, t) ? 2 : 1;
        for (uint32_t i = 0; i < step->in_count; i++) s->uses[p->indices[step->in_first + i]] += each;
        for (uint32_t i = 0; i < step->out_count; i++) s->maker[p->indices[step->out_first + i]] = t;
        if (each == 1) continue;
        const pr_plan_control *c = pr_control(p, t);
        for (int which = 0; which < 2; which++)
            for (uint32_t i = 0; i < step->out_count; i++) s->uses[pr_control_list(p, t, which)[i]] += 2;
        if (step->op == PR_PLAN_LOOP && c->condition != PR_PLAN_NONE) s->uses[c->condition] += 2;
        if (step->op == PR_PLAN_LOOP && c->exit != PR_PLAN_NONE) s->uses[c->exit] += 2;
    }
    for (uint32_t i = 0; i < p->header->outputs; i++) s->uses[p->indices[p->header->outputs_first + i]] += 2;
}

pr_status pr_session_open(pr_context *context, const void *plan, size_t plan_bytes, const void *weights,
                          size_t weight_bytes, size_t memory_limit, pr_session **session, pr_message *message) {
    pr_session *s = calloc(1, sizeof *s);
    if (!s) return pr_fail(message, PR_NO_MEMORY, "no memory for a session");
    pr_status status = pr_plan_check(plan, plan_bytes, weight_bytes, &s->plan, message);
    if (status != PR_OK) {
        free(s);
        return status;
    }
    s->context = context, s->weights = weights, s->most_iterations = PR_MOST_ITERATIONS;
    s->memory_limit = memory_limit < PR_MOST_MEMORY ? memory_limit : PR_MOST_MEMORY;
    if (!make_tables(s)) {
        uint32_t steps = s->plan.header->steps;
        pr_session_close(s);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a session of %u steps", steps);
    }
    fill_steps(s);
    count_uses(s);
    *session = s;
    return PR_OK;
}

void pr_session_close(pr_session *s) {
    if (!s) return;
    void *tables[] = {s->shapes, s->made_in, s->widened, s->open, s->open_results, s->group_of, s->maker, s->uses, s->slot, s->offset, s->row,
                      s->last_use, s->last_place, s->groups, s->steps,
                      s->operands, s->operand_value, s->moving, s->moving_values, s->stage, s->staged, s->released,
                      s->release_at, s->bound_inputs, s->known, s->arena};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) free(tables[i]);
    pr_blocks_close(&s->blocks);
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

/* Pointers that stay the same from run to run; the others are listed in `moving` or found by open steps. */
static void point_operands(pr_session *s) {
    const pr_plan *p = &s->plan;
    s->moving_count = s->moving_value_count = 0;
    for (uint32_t v = 0; v < s->plan.header->values; v++) {
        s->open[v] = pr_is_open(&s->shapes[v]);
        const pr_group *g = &s->groups[s->group_of[v]];
        if (g->place == PR_PLACE_ARENA) s->shapes[v].data = s->arena + g->offset + s->offset[v];
        else if (g->place == PR_PLACE_CONSTANT) s->shapes[v].data = (char *)s->shapes[g->number].data + s->offset[v];
        else if (g->place != PR_PLACE_POOL) s->moving_values[s->moving_value_count++] = v;
    }
    for (uint32_t i = 0; i < s->operand_count; i++) {
        uint32_t v = s->operand_value[i];
        pr_place place = s->groups[s->group_of[v]].place;
        s->operands[i] = s->shapes[v];
        if (place == PR_PLACE_INPUT || place == PR_PLACE_OUTPUT) s->moving[s->moving_count++] = i;
    }
    s->has_pool = false;
    for (uint32_t g = 0; g < s->group_count; g++) s->has_pool |= s->groups[g].place == PR_PLACE_POOL;
    for (uint32_t t = 0; t < s->plan.header->steps; t++) {
        pr_bound_step *b = &s->steps[t];
        b->env.scratch = b->scratch_bytes ? s->arena + b->scratch_offset : NULL;
        b->env.scratch_bytes = b->scratch_bytes;
        b->env.row = b->outputs ? s->row[p->indices[p->steps[t].out_first]] : 0;
    }
}

pr_status pr_session_bind(pr_session *s, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message) {
    const pr_plan *p = &s->plan;
    PR_TRY(check_inputs(s, in, inputs, message));
    if (outputs < 0 || (uint32_t)outputs != p->header->outputs)
        return pr_fail(message, PR_BAD_SHAPE, "the plan has %u outputs, got room for %d", p->header->outputs, outputs);
    s->is_bound = false;
    PR_TRY(pr_infer_all(s, in, message));
    PR_TRY(pr_memory_plan(s, message));
    point_operands(s);
    for (int32_t i = 0; i < inputs; i++) s->bound_inputs[i] = in[i];
    for (int32_t i = 0; i < outputs; i++) {
        out[i] = s->shapes[p->indices[p->header->outputs_first + (uint32_t)i]];
        out[i].data = NULL;
        s->open_results[i] = pr_is_open(&out[i]);
    }
    s->is_bound = true;
    return PR_OK;
}

void pr_session_memory(const pr_session *s, int64_t *arena_bytes, int64_t *peak_live_bytes) {
    *arena_bytes = (int64_t)(s->arena_bytes + s->blocks.bytes);
    *peak_live_bytes = (int64_t)(s->peak_live + s->blocks.bytes);
}
void pr_session_limit_iterations(pr_session *s, int64_t most) { s->most_iterations = most > 0 ? (uint64_t)most : 0; }
void pr_session_profile(pr_session *s, int64_t *step_nanoseconds) { s->profile = step_nanoseconds; }
int32_t pr_session_steps(const pr_session *s) { return (int32_t)s->plan.header->steps; }
