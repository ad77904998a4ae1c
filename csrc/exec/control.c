/* Branches and loops.  The blocks of a control step run by recursion: the plan bounds how deep. */
#include <string.h>
#include <time.h>

#include "exec/run.h"

/* The bytes of `from` for output `to`, whose sizes are open: shared where they stay as they are, else copied. */
static pr_status stage_open(pr_session *s, uint32_t t, uint32_t from, pr_staged *staged, pr_message *message) {
    const pr_group *g = &s->groups[s->group_of[from]];
    *staged = (pr_staged){s->shapes[from], PR_NO_BLOCK};
    if (g->place == PR_PLACE_CONSTANT || g->place == PR_PLACE_INPUT) return PR_OK;
    if (g->place == PR_PLACE_POOL) {
        if (g->held != PR_NO_BLOCK) pr_block_share(&s->blocks, staged->held = g->held);
        return PR_OK;
    }
    size_t bytes = pr_view_bytes(&staged->view);
    PR_TRY(pr_take(s, bytes, s->steps[t].env.layer, &staged->held, message));
    staged->view.data = s->blocks.all[staged->held].data;
    memcpy(staged->view.data, s->shapes[from].data, bytes);
    return PR_OK;
}

static void take_over(pr_session *s, uint32_t to, const pr_staged *staged) {
    pr_group *g = &s->groups[s->group_of[to]];
    if (g->held != PR_NO_BLOCK) pr_block_drop(&s->blocks, g->held);
    g->held = staged->held;
    s->shapes[to] = staged->view;
}

/* Every output of step t becomes what the list has in its place, all at once.  stages: NULL if no output is in the list. */
static pr_status assign(pr_session *s, uint32_t t, const uint32_t *list, const size_t *stages, pr_message *message) {
    const pr_plan_step *step = &s->plan.steps[t];
    const uint32_t *out = s->plan.indices + step->out_first;
    const int64_t start = s->profile ? pr_now() : 0;
    char *scratch = s->steps[t].env.scratch;
    pr_arena_open(s);
    for (uint32_t i = 0; i < step->out_count; i++) {
        const pr_group *g = &s->groups[s->group_of[out[i]]];
        const pr_view *from = &s->shapes[list[i]];
        if (g->place == PR_PLACE_CONSTANT || list[i] == out[i]) continue;
        if (g->place == PR_PLACE_POOL) PR_TRY(stage_open(s, t, list[i], &s->staged[i], message));
        else if (!pr_same_shape(from, &s->shapes[out[i]]) || from->dtype != s->shapes[out[i]].dtype)
            return pr_fail(message, PR_BAD_SHAPE, "%s: a value has another shape than its shape rule promised",
                           s->steps[t].env.layer);
        else if (stages && stages[i] != PR_NO_STAGE) memcpy(scratch + stages[i], from->data, pr_view_bytes(from));
    }
    for (uint32_t i = 0; i < step->out_count; i++) {
        const pr_group *g = &s->groups[s->group_of[out[i]]];
        const pr_view *to = &s->shapes[out[i]];
        if (g->place == PR_PLACE_CONSTANT || list[i] == out[i]) continue;
        if (g->place == PR_PLACE_POOL) take_over(s, out[i], &s->staged[i]);
        else {
            const void *from = stages && stages[i] != PR_NO_STAGE ? scratch + stages[i] : s->shapes[list[i]].data;
            if (from != to->data && pr_view_bytes(to)) memcpy(to->data, from, pr_view_bytes(to));
        }
    }
    if (s->profile) s->profile[t] += pr_now() - start;
    return PR_OK;
}

static pr_status read_number(const pr_session *s, uint32_t t, uint32_t v, float *number, pr_message *message) {
    const pr_view *view = &s->shapes[v];
    if (view->dtype != PR_F32 || pr_view_count(view) != 1)
        return pr_fail(message, PR_BAD_SHAPE, "%s: its condition or limit must be one number, it has %lld elements",
                       s->steps[t].env.layer, (long long)pr_view_count(view));
    pr_arena_open(s);
    memcpy(number, view->data, sizeof *number);
    return PR_OK;
}

/* One block of step t and what the outputs become at its end; `extra` is one more number read there. */
static pr_status run_inner(pr_session *s, uint32_t t, int which, uint32_t extra, float *number, pr_message *message) {
    const pr_plan_control *c = pr_control(&s->plan, t);
    const uint32_t first = t + 1 + (which ? c->steps[0] : 0);
    PR_TRY(pr_run_block(s, first, first + c->steps[which], message));
    if (extra != PR_PLAN_NONE) PR_TRY(read_number(s, t, extra, number, message));
    PR_TRY(assign(s, t, pr_control_list(&s->plan, t, which), pr_stages(s, t, which), message));
    pr_release(s, s->plan.header->steps + 2 * t + (uint32_t)which);
    return PR_OK;
}

pr_status pr_run_if(pr_session *s, uint32_t t, pr_message *message) {
    int which = s->steps[t].choice;
    if (which < 0) {
        float number;
        PR_TRY(read_number(s, t, s->plan.indices[s->plan.steps[t].in_first], &number, message));
        which = !pr_is_true(number);
    }
    PR_TRY(run_inner(s, t, which, PR_PLAN_NONE, NULL, message));
    pr_release(s, t);
    return PR_OK;
}

/* A limit that is computed: its fraction does not count, and neither NaN nor a negative one lets an iteration run. */
static uint32_t limit_of(float number) {
    if (!(number >= 1)) return 0;
    return number < 4294967040.0f ? (uint32_t)number : PR_PLAN_NONE;
}

/* Loops are the only steps that may run for ever, so whoever waits for them can end them. */
static pr_status pause(pr_session *s, pr_message *message) {
    struct timespec time;
    if (!s->context->pause) return PR_OK;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    const int64_t now = (int64_t)time.tv_sec * 10 + time.tv_nsec / 100000000;
    if (now == s->paused) return PR_OK;
    const bool is_first = s->paused == 0;
    s->paused = now;
    return is_first ? PR_OK : s->context->pause(message);
}

pr_status pr_run_loop(pr_session *s, uint32_t t, pr_message *message) {
    const pr_plan_control *c = pr_control(&s->plan, t);
    const uint32_t *in = s->plan.indices + s->plan.steps[t].in_first + c->limit_is_input;
    uint32_t limit = c->limit;
    float number, condition = 1, exit = 0;
    if (c->limit_is_input) {
        PR_TRY(read_number(s, t, in[-1], &number, message));
        limit = limit_of(number);
    }
    PR_TRY(assign(s, t, in, NULL, message));
    if (c->condition != PR_PLAN_NONE) PR_TRY(run_inner(s, t, 0, c->condition, &condition, message));
    for (uint32_t i = 0; (limit == PR_PLAN_NONE || i < limit) && pr_is_true(condition); i++) {
        if (++s->iterations > s->most_iterations)
            return pr_fail(message, PR_BAD_VALUE, "%s: more than %llu iterations of loops in one prediction: its condition stays true",
                           s->steps[t].env.layer, (unsigned long long)s->most_iterations);
        PR_TRY(pause(s, message));
        PR_TRY(run_inner(s, t, 1, c->exit, &exit, message));
        if (exit > 1.5f) break;
        if (c->condition != PR_PLAN_NONE) PR_TRY(run_inner(s, t, 0, c->condition, &condition, message));
    }
    pr_release(s, t);
    return PR_OK;
}
