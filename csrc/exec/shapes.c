/* Binding: shapes of all values by the shape rules, in running order, and what is known besides shapes.
 *
 * A value is known when it is a constant, or small and computed by a pure step from known values (or from shapes alone).
 * Such steps run here, once.  A step with a size that is not known is open: it is asked again right before it runs. */
#include <stdlib.h>
#include <string.h>

#include "exec/session.h"

enum {
    MOST_KNOWN = 4096,              /* elements of a known result */
    MOST_READ = 65536,              /* elements that computing it may read */
    KNOWN_BYTES = 1 << 20,          /* of all known results */
    ROUNDS = 4                      /* of a loop before all sizes of its outputs count as unknown */
};

static pr_status infer_block(pr_session *s, uint32_t first, uint32_t end, pr_message *message);

/* A step inside a block may never run, so a fault in it is left to the run: sizes unknown, ranks as declared. */
static pr_status leave_open(pr_session *s, uint32_t t) {
    pr_bound_step *b = &s->steps[t];
    for (int i = 0; i < b->outputs; i++) {
        const uint32_t v = s->plan.indices[s->plan.steps[t].out_first + (uint32_t)i];
        pr_view *out = &s->shapes[v];
        *out = (pr_view){.dtype = s->plan.values[v].dtype, .rank = s->plan.values[v].rank};
        for (int d = 0; d < out->rank; d++) out->shape[d] = -1;
    }
    b->kind = PR_STEP_OPEN;
    b->scratch_bytes = 0;
    return PR_OK;
}

static bool is_known(const pr_op_info *op, const pr_bound_step *b) {
    int64_t reads = 0;
    if (op->flags & PR_OP_IMPURE) return false;
    for (int i = 0; i < b->inputs; i++) {
        if (pr_is_open(&b->in[i])) return false;
        if (op->flags & PR_OP_SHAPES_ONLY) continue;
        if (!b->in[i].data) return false;
        reads += pr_view_count(&b->in[i]);
    }
    return reads <= MOST_READ;
}

/* Runs the step now if its numbers are known and few; a failure is left to the run. */
static void run_known(pr_session *s, uint32_t t) {
    pr_bound_step *b = &s->steps[t];
    const pr_op_info *op = &pr_ops[s->plan.steps[t].op];
    pr_view out[8];
    size_t bytes = 0;
    if (b->outputs > 8 || !is_known(op, b)) return;
    for (int i = 0; i < b->outputs; i++) {
        if (pr_view_count(&b->out[i]) > MOST_KNOWN) return;
        bytes += (pr_view_bytes(&b->out[i]) + 63) / 64 * 64;
    }
    out[0] = b->out[0];
    if (op->flags & PR_OP_ALIAS) out[0].data = b->in[0].data;
    else {
        if (bytes > KNOWN_BYTES - s->known_bytes) return;
        if (!s->known && !(s->known = aligned_alloc(64, KNOWN_BYTES + 64))) return;
        size_t at = s->known_bytes;
        for (int i = 0; i < b->outputs; i++) {
            out[i] = b->out[i];
            out[i].data = s->known + at;
            at += (pr_view_bytes(&out[i]) + 63) / 64 * 64;
        }
        pr_message ignored;
        pr_env env = b->env;
        env.message = &ignored;
        env.scratch_bytes = b->scratch_bytes;
        if (b->scratch_bytes > KNOWN_BYTES) return;
        env.scratch = b->scratch_bytes ? aligned_alloc(64, (b->scratch_bytes + 63) / 64 * 64) : NULL;
        if (b->scratch_bytes && !env.scratch) return;
        pr_status status = b->kind == PR_STEP_SKIP ? PR_OK : op->run(&env, b->in, b->inputs, out, b->outputs);
        free(env.scratch);
        if (status != PR_OK) return;
        s->known_bytes = at;
    }
    for (int i = 0; i < b->outputs; i++) s->shapes[s->plan.indices[s->plan.steps[t].out_first + (uint32_t)i]] = out[i];
    b->kind = PR_STEP_SKIP;
    b->scratch_bytes = 0;
}

static pr_status infer_step(pr_session *s, uint32_t t, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const uint32_t *in = s->plan.indices + step->in_first, *out = s->plan.indices + step->out_first;
    const pr_op_info *op = &pr_ops[step->op];
    pr_bound_step *b = &s->steps[t];
    bool open = false, empty = true, numbers = true;
    for (int i = 0; i < b->inputs; i++) {
        b->in[i] = s->shapes[in[i]];
        open |= pr_is_open(&b->in[i]);
        numbers &= i == 0 || b->in[i].data;
    }
    memset(b->out, 0, (size_t)b->outputs * sizeof *b->out);
    b->env.message = message;
    b->env.scratch_bytes = 0;
    b->env.rows = false, b->env.part = -1;
    pr_status status = op->infer(&b->env, b->in, b->inputs, b->out, b->outputs);
    if (status != PR_OK) return b->in_block ? leave_open(s, t) : status;
    for (int i = 0; i < b->outputs; i++) {
        b->out[i].data = NULL;
        if (pr_is_open(&b->out[i])) open = true, empty = false;
        else if (pr_view_count(&b->out[i]) > 0) empty = false;
        else if (pr_view_count(&b->out[i]) < 0)
            return b->in_block ? leave_open(s, t)
                               : pr_fail(message, PR_UNSUPPORTED, "%s: the size of its result is absurd", b->env.layer);
        s->shapes[out[i]] = b->out[i];
    }
    /* The rule wants to see numbers before the run even if no size hangs on them; were those of input 0 meant, one would. */
    if ((op->flags & PR_OP_SHAPE_FROM_DATA) && !numbers) open = true;
    b->kind = open ? PR_STEP_OPEN : empty || (op->flags & PR_OP_ALIAS) ? PR_STEP_SKIP : PR_STEP_PLAIN;
    b->scratch_bytes = b->kind == PR_STEP_PLAIN ? b->env.scratch_bytes : 0;
    b->rows = b->env.rows, b->part = b->env.part;
    if (!open) run_known(s, t);
    return PR_OK;
}

/* A block that never runs: nothing in it has a size. */
static void skip_block(pr_session *s, uint32_t first, uint32_t end) {
    for (uint32_t t = first; t < end; t++) {
        const pr_plan_step *step = &s->plan.steps[t];
        s->steps[t].kind = PR_STEP_SKIP;
        s->steps[t].scratch_bytes = 0;
        for (uint32_t i = 0; i < step->out_count; i++)
            s->shapes[s->plan.indices[step->out_first + i]] = (pr_view){.dtype = PR_F32, .rank = 1};
    }
}

/* Sizes of `to` that differ from those of `from` become unknown.  Both are one value, by one path or another. */
static pr_status join(const pr_bound_step *b, pr_view *to, const pr_view *from, uint8_t *changed, pr_message *message) {
    if (to->rank != from->rank || to->dtype != from->dtype)
        return pr_fail(message, PR_BAD_SHAPE, "%s: a value has rank %d in one case and %d in another", b->env.layer, to->rank,
                       from->rank);
    for (int d = 0; d < to->rank; d++)
        if (to->shape[d] >= 0 && to->shape[d] != from->shape[d]) to->shape[d] = -1, *changed |= (uint8_t)(1u << d);
    return PR_OK;
}

static pr_status infer_if(pr_session *s, uint32_t t, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const pr_plan_control *c = pr_control(&s->plan, t);
    const uint32_t at[3] = {t + 1, t + 1 + c->steps[0], t + 1 + c->steps[0] + c->steps[1]};
    pr_bound_step *b = &s->steps[t];
    const pr_view *condition = &s->shapes[s->plan.indices[step->in_first]];
    b->kind = PR_STEP_IF;
    b->choice = condition->data && condition->dtype == PR_F32 && pr_view_count(condition) == 1 ? !pr_is_true(*(const float *)condition->data) : -1;
    for (int which = 0; which < 2; which++) {
        if (b->choice >= 0 && b->choice != which) skip_block(s, at[which], at[which + 1]);
        else PR_TRY(infer_block(s, at[which], at[which + 1], message));
    }
    for (uint32_t i = 0; i < step->out_count; i++) {
        uint8_t changed = 0;
        pr_view *out = &s->shapes[s->plan.indices[step->out_first + i]];
        *out = s->shapes[pr_control_list(&s->plan, t, b->choice > 0)[i]];
        if (b->choice >= 0) continue;
        PR_TRY(join(b, out, &s->shapes[pr_control_list(&s->plan, t, 1)[i]], &changed, message));
        out->data = NULL;
    }
    return PR_OK;
}

/* The shapes of the outputs are what holds in every iteration: found by going round until nothing changes.  What once
 * differed stays unknown for the whole binding, so nested loops settle after a few rounds each, not after a power of it. */
static pr_status infer_loop(pr_session *s, uint32_t t, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const pr_plan_control *c = pr_control(&s->plan, t);
    const uint32_t body = t + 1 + c->steps[0], *out = s->plan.indices + step->out_first;
    const uint32_t *in = s->plan.indices + step->in_first + c->limit_is_input;
    pr_bound_step *b = &s->steps[t];
    b->kind = PR_STEP_LOOP;
    for (uint8_t changed = 1; changed;) {
        changed = 0;
        for (uint32_t i = 0; i < step->out_count; i++) {
            pr_view *v = &s->shapes[out[i]];
            *v = s->shapes[in[i]];
            v->data = NULL;
            for (int d = 0; d < v->rank; d++)
                if (s->widened[out[i]] >> d & 1) v->shape[d] = -1;
        }
        PR_TRY(infer_block(s, t + 1, body, message));
        PR_TRY(infer_block(s, body, body + c->steps[1], message));
        for (int which = c->condition == PR_PLAN_NONE; which < 2; which++)
            for (uint32_t i = 0; i < step->out_count; i++) {
                uint8_t differs = 0;
                PR_TRY(join(b, &s->shapes[out[i]], &s->shapes[pr_control_list(&s->plan, t, which)[i]], &differs, message));
                s->widened[out[i]] |= differs;
                changed |= differs;
            }
        if (changed && b->rounds++ >= ROUNDS)
            for (uint32_t i = 0; i < step->out_count; i++) s->widened[out[i]] = 0xFF;
    }
    return PR_OK;
}

static pr_status infer_block(pr_session *s, uint32_t first, uint32_t end, pr_message *message) {
    for (uint32_t t = first; t < end; t = pr_step_after(&s->plan, t)) {
        uint32_t op = s->plan.steps[t].op;
        PR_TRY(op == PR_PLAN_IF ? infer_if(s, t, message) : op == PR_PLAN_LOOP ? infer_loop(s, t, message) : infer_step(s, t, message));
    }
    return PR_OK;
}

pr_status pr_infer_all(pr_session *s, const pr_view *in, pr_message *message) {
    const pr_plan *p = &s->plan;
    s->known_bytes = 0;
    memset(s->widened, 0, p->header->values);
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
    for (uint32_t t = 0; t < p->header->steps; t++) {
        s->steps[t].rounds = 0, s->steps[t].choice = -1;
        s->steps[t].scratch_bytes = s->steps[t].env.scratch_bytes = 0;
        s->steps[t].run = pr_is_control(p, t) ? NULL : pr_ops[p->steps[t].op].run;
    }
    return infer_block(s, 0, p->header->steps, message);
}
