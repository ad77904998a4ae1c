#include "plan/plan.h"

#include <stdlib.h>

#define BAD(...) return pr_fail(message, PR_BAD_PLAN, "damaged plan: " __VA_ARGS__)

/* A table of `count` entries of `entry` bytes at `at` inside the plan? */
static bool inside(const pr_plan_header *h, uint32_t at, uint32_t count, size_t entry) {
    return at % 8 == 0 && at <= h->bytes && count <= (h->bytes - at) / entry;
}

static pr_status check_tables(const pr_plan_header *h, size_t size, pr_message *message) {
    if (h->magic != PR_PLAN_MAGIC) BAD("it does not start with the mark of a plan");
    if (h->version != PR_PLAN_VERSION)
        return pr_fail(message, PR_BAD_PLAN, "plan version %u, this library reads version %u: compile the model again",
                       h->version, PR_PLAN_VERSION);
    if (h->bytes != size) BAD("%u bytes announced, %zu there", h->bytes, size);
    if (!inside(h, h->values_at, h->values, sizeof(pr_plan_value)) || !inside(h, h->steps_at, h->steps, sizeof(pr_plan_step)) ||
        !inside(h, h->indices_at, h->indices, sizeof(uint32_t)) || !inside(h, h->attrs_at, h->attrs_bytes, 1) ||
        !inside(h, h->text_at, h->text_bytes, 1))
        BAD("a table reaches past the end");
    if (h->inputs > h->indices || h->inputs_first > h->indices - h->inputs || h->outputs > h->indices ||
        h->outputs_first > h->indices - h->outputs || h->outputs == 0)
        BAD("the list of inputs or outputs reaches past the end");
    return PR_OK;
}

static pr_status check_values(const pr_plan *p, size_t weight_bytes, pr_message *message) {
    const pr_plan_header *h = p->header;
    if (h->text_bytes == 0 || p->text[h->text_bytes - 1] != 0) BAD("names without an end");
    for (uint32_t i = 0; i < h->values; i++) {
        const pr_plan_value *v = &p->values[i];
        if (v->kind < PR_VALUE_COMPUTED || v->kind > PR_VALUE_CONSTANT) BAD("value %u is of kind %d", i, v->kind);
        if (v->dtype < PR_F32 || v->dtype > PR_S32) BAD("value %u has type %d", i, v->dtype);
        if (v->rank < 0 || v->rank > PR_MAX_RANK) BAD("value %u has rank %d", i, v->rank);
        if (v->name >= h->text_bytes) BAD("value %u has no name", i);
        if (v->kind != PR_VALUE_CONSTANT) continue;
        pr_view shape = {.dtype = v->dtype, .rank = v->rank};
        for (int d = 0; d < v->rank; d++) shape.shape[d] = v->shape[d];
        int64_t count = pr_view_count(&shape);
        if (count < 0) BAD("constant %u has an absurd shape", i);
        uint64_t bytes = (uint64_t)count * pr_dtype_bytes(v->dtype);
        if (v->offset % 64 || v->offset > weight_bytes || bytes > weight_bytes - v->offset)
            BAD("constant %u (%s) lies outside the weights", i, p->text + v->name);
    }
    return PR_OK;
}

/* Which values a step may read: those written before it in its own block or in one around it. */
typedef enum mark { UNWRITTEN, VISIBLE, OUT_OF_SIGHT } mark;
typedef struct scope {
    char *mark;                     /* per value */
    uint32_t *made, count;          /* values that steps wrote and that are still visible */
} scope;

static pr_status read_all(const pr_plan *p, const scope *sc, uint32_t s, const uint32_t *list, uint32_t count, pr_message *message) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] >= p->header->values || sc->mark[list[i]] != VISIBLE) BAD("step %u reads value %u before it is there", s, list[i]);
    return PR_OK;
}

static pr_status write_all(const pr_plan *p, scope *sc, uint32_t s, pr_message *message) {
    const pr_plan_step *t = &p->steps[s];
    for (uint32_t i = 0; i < t->out_count; i++) {
        uint32_t v = p->indices[t->out_first + i];
        if (v >= p->header->values || sc->mark[v] != UNWRITTEN || p->values[v].kind != PR_VALUE_COMPUTED)
            BAD("step %u writes value %u, which is not its own", s, v);
        sc->mark[v] = VISIBLE;
        sc->made[sc->count++] = v;
    }
    return PR_OK;
}

/* The end of a block: its values are read by nobody else. */
static void leave(scope *sc, uint32_t count) {
    while (sc->count > count) sc->mark[sc->made[--sc->count]] = OUT_OF_SIGHT;
}

static pr_status check_block(const pr_plan *p, scope *sc, uint32_t first, uint32_t end, int depth, pr_message *message);

/* One block of control step s, the list at its end, and one more value that is read there. */
static pr_status check_inner(const pr_plan *p, scope *sc, uint32_t s, int which, uint32_t extra, int depth, pr_message *message) {
    const pr_plan_control *c = pr_control(p, s);
    const uint32_t first = s + 1 + (which ? c->steps[0] : 0), before = sc->count;
    PR_TRY(check_block(p, sc, first, first + c->steps[which], depth + 1, message));
    PR_TRY(read_all(p, sc, s, pr_control_list(p, s, which), p->steps[s].out_count, message));
    if (extra != PR_PLAN_NONE) PR_TRY(read_all(p, sc, s, &extra, 1, message));
    leave(sc, before);
    return PR_OK;
}

static pr_status check_control(const pr_plan *p, scope *sc, uint32_t s, uint32_t end, int depth, pr_message *message) {
    const pr_plan_step *t = &p->steps[s];
    const bool loop = t->op == PR_PLAN_LOOP;
    if (t->op > PR_PLAN_LOOP) BAD("step %u runs operator %u of %d", s, t->op, (int)PR_OP_COUNT);
    if (t->attrs % 4 || sizeof(pr_plan_control) > p->header->attrs_bytes ||
        t->attrs > p->header->attrs_bytes - sizeof(pr_plan_control))
        BAD("attributes of step %u reach past the end", s);
    const pr_plan_control *c = pr_control(p, s);
    if (depth >= PR_PLAN_DEPTH) BAD("step %u is nested more than %d deep", s, PR_PLAN_DEPTH);
    if (c->steps[0] > end - s - 1 || c->steps[1] > end - s - 1 - c->steps[0]) BAD("the blocks of step %u reach past the end", s);
    if (t->out_count > p->header->indices / 2 || c->lists > p->header->indices - 2 * t->out_count)
        BAD("the lists of step %u reach past the end", s);
    if (c->limit_is_input > 1 || t->out_count == 0 || t->in_count != (loop ? (uint64_t)t->out_count + c->limit_is_input : 1))
        BAD("control step %u has %u inputs and %u outputs", s, t->in_count, t->out_count);
    if (loop && c->condition == PR_PLAN_NONE && c->steps[0]) BAD("the condition of step %u makes nothing", s);
    PR_TRY(read_all(p, sc, s, p->indices + t->in_first, t->in_count, message));
    if (loop) PR_TRY(write_all(p, sc, s, message));
    PR_TRY(check_inner(p, sc, s, 0, loop ? c->condition : PR_PLAN_NONE, depth, message));
    PR_TRY(check_inner(p, sc, s, 1, loop ? c->exit : PR_PLAN_NONE, depth, message));
    return loop ? PR_OK : write_all(p, sc, s, message);
}

static pr_status check_step(const pr_plan *p, scope *sc, uint32_t s, pr_message *message) {
    const pr_plan_header *h = p->header;
    const pr_plan_step *t = &p->steps[s];
    if (t->op >= PR_OP_COUNT) BAD("step %u runs operator %u of %d", s, t->op, (int)PR_OP_COUNT);
    const pr_op_info *op = &pr_ops[t->op];
    if ((int64_t)t->in_count < op->min_inputs || (int64_t)t->in_count > op->max_inputs ||
        (op->outputs >= 0 ? (int64_t)t->out_count != op->outputs : t->out_count < 1))
        BAD("step %u (%s) has %u inputs and %u outputs", s, op->name, t->in_count, t->out_count);
    if (t->attrs % 4 || op->attr_bytes > h->attrs_bytes || t->attrs > h->attrs_bytes - op->attr_bytes)
        BAD("attributes of step %u reach past the end", s);
    PR_TRY(read_all(p, sc, s, p->indices + t->in_first, t->in_count, message));
    return write_all(p, sc, s, message);
}

static pr_status check_block(const pr_plan *p, scope *sc, uint32_t first, uint32_t end, int depth, pr_message *message) {
    const pr_plan_header *h = p->header;
    for (uint32_t s = first; s < end; s = pr_step_after(p, s)) {
        const pr_plan_step *t = &p->steps[s];
        if (t->name >= h->text_bytes) BAD("step %u has no name", s);
        if (t->in_count > h->indices || t->in_first > h->indices - t->in_count || t->out_count > h->indices ||
            t->out_first > h->indices - t->out_count)
            BAD("operands of step %u reach past the end", s);
        PR_TRY(pr_is_control(p, s) ? check_control(p, sc, s, end, depth, message) : check_step(p, sc, s, message));
    }
    return PR_OK;
}

static pr_status check_order(const pr_plan *p, scope *sc, pr_message *message) {
    const pr_plan_header *h = p->header;
    for (uint32_t i = 0; i < h->values; i++) sc->mark[i] = p->values[i].kind == PR_VALUE_CONSTANT ? VISIBLE : UNWRITTEN;
    for (uint32_t i = 0; i < h->inputs; i++) {
        uint32_t v = p->indices[h->inputs_first + i];
        if (v >= h->values || sc->mark[v] || p->values[v].kind != PR_VALUE_INPUT) BAD("input %u is not an input value", i);
        sc->mark[v] = VISIBLE;
    }
    PR_TRY(check_block(p, sc, 0, h->steps, 0, message));
    for (uint32_t i = 0; i < h->outputs; i++) {
        uint32_t v = p->indices[h->outputs_first + i];
        if (v >= h->values || sc->mark[v] != VISIBLE) BAD("output %u is never computed", i);
    }
    return PR_OK;
}

pr_status pr_plan_check(const void *bytes, size_t size, size_t weight_bytes, pr_plan *plan, pr_message *message) {
    const pr_plan_header *h = bytes;
    if (size < sizeof *h) BAD("only %zu bytes", size);
    if ((uintptr_t)bytes % 8) BAD("not aligned in memory");
    PR_TRY(check_tables(h, size, message));
    const char *base = bytes;
    *plan = (pr_plan){h, (const void *)(base + h->values_at), (const void *)(base + h->steps_at),
                      (const void *)(base + h->indices_at), base + h->attrs_at, base + h->text_at};
    PR_TRY(check_values(plan, weight_bytes, message));
    scope sc = {calloc((size_t)h->values + 1, 1), calloc((size_t)h->values + 1, sizeof *sc.made), 0};
    pr_status status = sc.mark && sc.made ? check_order(plan, &sc, message)
                                          : pr_fail(message, PR_NO_MEMORY, "no memory to check a plan of %u values", h->values);
    free(sc.mark);
    free(sc.made);
    return status;
}
