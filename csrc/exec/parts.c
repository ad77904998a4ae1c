/* Values that are parts of others, so that nothing is copied: what is joined later is written where it will lie, and what
 * is cut out of one piece of memory is read where it lies. */
#include "exec/session.h"
#include "ops/move/move.h"

/* How much larger than a part the value may be that it keeps alive. */
#define PR_PART_KEEPS 4

/* May value v be written into the result of step t, the only one that reads it? */
static bool fits(const pr_session *s, uint32_t t, uint32_t v, bool in_rows) {
    const uint32_t maker = s->maker[v];
    const pr_bound_step *b = &s->steps[maker];
    if (s->plan.values[v].kind != PR_VALUE_COMPUTED || s->uses[v] != 1 || s->shapes[v].data) return false;
    if (b->kind != PR_STEP_PLAIN || b->part >= 0 || b->in_block != s->steps[t].in_block) return false;
    return !in_rows || (b->rows && s->plan.indices[s->plan.steps[maker].out_first] == v);
}

/* Joined along the last axis, rows of the operands alternate; joined along the first that is not 1, they lie one behind
 * the other. */
static void join(pr_session *s, uint32_t t) {
    const pr_plan_step *step = &s->plan.steps[t];
    const uint32_t y = s->plan.indices[step->out_first];
    const pr_view *out = &s->shapes[y];
    const int axis = ((const pr_concat_attrs *)s->steps[t].env.attrs)->axis;
    const bool in_rows = pr_view_span(out, 0, axis) != 1;
    int64_t at = 0;
    if ((in_rows || s->row[y]) && axis != out->rank - 1) return;
    for (uint32_t k = 0; k < step->in_count; k++) {
        const uint32_t v = s->plan.indices[step->in_first + k];
        if (fits(s, t, v, in_rows)) {
            s->slot[v] = y;
            s->offset[v] = s->offset[y] + (size_t)at * pr_dtype_bytes(out->dtype);
            s->row[v] = !in_rows ? 0 : s->row[y] ? s->row[y] : out->shape[axis];
        }
        at += pr_view_span(&s->shapes[v], axis, out->rank);
    }
}

/* Backwards: where the result of a join is joined again, its own place is known first. */
void pr_find_slots(pr_session *s) {
    for (uint32_t v = 0; v < s->plan.header->values; v++) s->slot[v] = PR_PLAN_NONE, s->row[v] = 0;
    for (uint32_t t = s->plan.header->steps; t-- > 0;)
        if (s->plan.steps[t].op == PR_OP_CONCAT && s->steps[t].kind == PR_STEP_PLAIN) join(s, t);
}

/* Not where a small part would keep a large value, and not in blocks, whose ends copy values from place to place. */
bool pr_is_part(const pr_session *s, uint32_t t) {
    const pr_plan_step *step = &s->plan.steps[t];
    const pr_bound_step *b = &s->steps[t];
    if (b->kind != PR_STEP_PLAIN || b->part < 0 || b->in_block) return false;
    const uint32_t from = s->plan.indices[step->in_first], to = s->plan.indices[step->out_first];
    const pr_group *g = &s->groups[s->group_of[from]];
    if (g->place == PR_PLACE_INPUT || g->place == PR_PLACE_CONSTANT || s->last_use[from] >= s->last_use[to]) return true;
    return g->place == PR_PLACE_ARENA && PR_PART_KEEPS * pr_view_bytes(&s->shapes[to]) >= g->bytes;
}
