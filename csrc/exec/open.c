/* Steps with sizes that hang on numbers: the shape rule is asked with all of them, then results get memory. */
#include "exec/run.h"

pr_status pr_take(pr_session *s, size_t bytes, const char *layer, uint32_t *block, pr_message *message) {
    const size_t beside = s->arena_bytes + s->result_bytes;     /* binding saw to it that this is below the limit */
    PR_TRY(pr_block_take(&s->blocks, bytes, s->memory_limit - beside, beside, layer, block, message));
    pr_block_open(&s->blocks.all[*block], bytes);
    return PR_OK;
}

void pr_release(pr_session *s, uint32_t place) {
    for (uint32_t i = s->release_at[place]; i < s->release_at[place + 1]; i++) {
        pr_group *g = &s->groups[s->released[i]];
        if (g->held == PR_NO_BLOCK) continue;
        pr_block_drop(&s->blocks, g->held);
        g->held = PR_NO_BLOCK;
    }
}

void pr_forget_blocks(pr_session *s) {
    if (!s->has_pool) return;
    for (uint32_t g = 0; g < s->group_count; g++) s->groups[g].held = PR_NO_BLOCK;
    pr_blocks_reset(&s->blocks);
}

/* Result i of an open step: where its bytes go, now that its shape is known. */
static pr_status place_result(pr_session *s, uint32_t t, int i, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const uint32_t v = s->plan.indices[step->out_first + (uint32_t)i];
    pr_bound_step *b = &s->steps[t];
    pr_view *out = &b->out[i], *value = &s->shapes[v];
    pr_group *g = &s->groups[s->group_of[v]];
    const int64_t count = pr_view_count(out);
    if (count < 0) return pr_fail(message, PR_BAD_SHAPE, "%s: the size of its result is absurd", b->env.layer);
    if (i == 0 && (pr_ops[step->op].flags & PR_OP_ALIAS)) {
        if (count > pr_view_count(b->in) || out->dtype != b->in->dtype)
            return pr_fail(message, PR_BAD_SHAPE, "%s: its result is larger than what it renames", b->env.layer);
        out->data = b->in->data;
    } else if (g->place == PR_PLACE_POOL && g->made_by == t) {
        if (g->held != PR_NO_BLOCK) pr_block_drop(&s->blocks, g->held);
        g->held = PR_NO_BLOCK;
        PR_TRY(pr_take(s, (size_t)count * pr_dtype_bytes(out->dtype), b->env.layer, &g->held, message));
        out->data = s->blocks.all[g->held].data;
        *value = *out;
        return PR_OK;
    } else out->data = value->data;
    if (!s->open[v] && (!pr_same_shape(out, value) || out->dtype != value->dtype))
        return pr_fail(message, PR_BAD_SHAPE, "%s: its result has another shape than its shape rule promised", b->env.layer);
    *value = *out;
    return PR_OK;
}

pr_status pr_run_open(pr_session *s, uint32_t t, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const pr_op_info *op = &pr_ops[step->op];
    const uint32_t *in = s->plan.indices + step->in_first;
    pr_bound_step *b = &s->steps[t];
    uint32_t scratch = PR_NO_BLOCK;
    bool empty = true;
    const int64_t start = s->profile ? pr_now() : 0;
    for (int i = 0; i < b->inputs; i++) b->in[i] = s->shapes[in[i]];
    b->env.message = message, b->env.scratch = NULL, b->env.scratch_bytes = 0;
    pr_arena_open(s);
    PR_TRY(op->infer(&b->env, b->in, b->inputs, b->out, b->outputs));
    for (int i = 0; i < b->outputs; i++) {
        PR_TRY(place_result(s, t, i, message));
        if (pr_view_count(&b->out[i]) > 0) empty = false;
    }
    if (!empty && !(op->flags & PR_OP_ALIAS)) {
        if (b->env.scratch_bytes) {
            PR_TRY(pr_take(s, b->env.scratch_bytes, b->env.layer, &scratch, message));
            b->env.scratch = s->blocks.all[scratch].data;
        }
        pr_arena_open_for(s, b);
        pr_status status = b->run(&b->env, b->in, b->inputs, b->out, b->outputs);
        if (scratch != PR_NO_BLOCK) pr_block_drop(&s->blocks, scratch);
        PR_TRY(status);
    }
    pr_release(s, t);
    if (s->profile) s->profile[t] += pr_now() - start;
    return PR_OK;
}
