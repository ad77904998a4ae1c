/* Where values lie: lifetimes from the order of steps, then the lowest free offset for each.
 *
 * The lowest offset is also the one used last, so its lines are still in the cache: measured 1.13 to 1.21 times faster
 * on MobileNets than fresh memory per value.  Scratch is a value that lives for one step. */
#define _GNU_SOURCE                         /* madvise */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exec/session.h"

#define NO_GROUP UINT32_MAX
#define ALIGN PR_ARENA_ALIGN
#define HUGE_PAGE ((size_t)2 << 20)

static size_t value_bytes(const pr_session *s, uint32_t v) { return pr_is_open(&s->shapes[v]) ? 0 : pr_view_bytes(&s->shapes[v]); }

static uint32_t new_group(pr_session *s, pr_place place, uint32_t number, uint32_t step, size_t bytes) {
    s->groups[s->group_count] = (pr_group){.place = place, .number = number, .made_by = step, .made_in = s->steps[step].in_block, .release = step,
                                           .first = 2 * (uint64_t)step, .last = 2 * (uint64_t)step, .bytes = bytes,
                                           .held = PR_NO_BLOCK};
    return s->group_count++;
}

/* Values of inner blocks need not be looked at: reading the group's value there counted for the whole control step. */
static void extend(pr_session *s, uint32_t group, uint32_t value) {
    pr_group *g = &s->groups[group];
    s->group_of[value] = group;
    if (s->made_in[value] != g->made_in || s->last_use[value] <= g->last) return;
    g->last = s->last_use[value];
    g->release = s->last_place[value];
}

/* May output 0 of this step be written over input 0?  Only when nobody reads those bytes later or beside, nor in the
 * next iteration. */
static bool can_overwrite(const pr_session *s, uint32_t step) {
    const pr_plan_step *t = &s->plan.steps[step];
    const uint32_t *in = s->plan.indices + t->in_first, *out = s->plan.indices + t->out_first;
    const pr_group *group = &s->groups[s->group_of[in[0]]];
    if (s->steps[step].kind != PR_STEP_PLAIN || group->place != PR_PLACE_ARENA || group->last > 2 * (uint64_t)step) return false;
    if (group->made_in != s->steps[step].in_block || pr_is_open(&s->shapes[in[0]])) return false;
    if (!pr_same_shape(&s->shapes[in[0]], &s->shapes[out[0]]) || s->shapes[in[0]].dtype != s->shapes[out[0]].dtype) return false;
    for (uint32_t i = 1; i < t->in_count; i++)
        if (s->group_of[in[i]] == s->group_of[in[0]]) return false;
    return true;
}

/* Value v is read by `step`, or at the end of its blocks; counted for the step of v's own block around it: a loop reads
 * in every iteration, so what it reads must outlive all of it. */
static void note(pr_session *s, uint32_t v, uint32_t step, bool at_end) {
    uint32_t around = step;
    while (s->steps[around].in_block != s->made_in[v]) around = (s->steps[around].in_block - 1) / 2, at_end = true;
    uint64_t time = at_end ? 2 * (uint64_t)(pr_step_after(&s->plan, around) - 1) + 1 : 2 * (uint64_t)around;
    /* Of two at one time, the end of a block is the later one, and was noted first. */
    if (time > s->last_use[v]) s->last_use[v] = time, s->last_place[v] = around;
}

/* Value v is read at the end of a block of control step t. */
static void note_end(pr_session *s, uint32_t v, uint32_t t, int which) {
    if (s->made_in[v] != 1 + 2 * t + (uint32_t)which) {
        note(s, v, t, true);
        return;
    }
    const pr_plan_control *c = pr_control(&s->plan, t);
    s->last_use[v] = 2 * (uint64_t)(t + c->steps[0] + (which ? c->steps[1] : 0)) + 1;
    s->last_place[v] = s->plan.header->steps + 2 * t + (uint32_t)which;
}

static void find_last_uses(pr_session *s) {
    const pr_plan *p = &s->plan;
    memset(s->last_use, 0, p->header->values * sizeof *s->last_use);
    for (uint32_t t = 0; t < p->header->steps; t++) {
        const pr_plan_step *step = &p->steps[t];
        for (uint32_t i = 0; i < step->in_count; i++) {
            uint32_t v = p->indices[step->in_first + i];
            if (p->values[v].kind == PR_VALUE_COMPUTED) note(s, v, t, false);
        }
        if (!pr_is_control(p, t)) continue;
        const pr_plan_control *c = pr_control(p, t);
        for (uint32_t i = 0; i < step->out_count; i++) {
            note(s, p->indices[step->out_first + i], t, true);
            for (int which = 0; which < 2; which++) {
                uint32_t v = pr_control_list(p, t, which)[i];
                if (p->values[v].kind == PR_VALUE_COMPUTED) note_end(s, v, t, which);
            }
        }
        const uint32_t extra[2] = {step->op == PR_PLAN_LOOP ? c->condition : PR_PLAN_NONE,
                                   step->op == PR_PLAN_LOOP ? c->exit : PR_PLAN_NONE};
        for (int which = 0; which < 2; which++)
            if (extra[which] != PR_PLAN_NONE && p->values[extra[which]].kind == PR_VALUE_COMPUTED) note_end(s, extra[which], t, which);
    }
    for (uint32_t i = 0; i < p->header->outputs; i++) {
        uint32_t v = p->indices[p->header->outputs_first + i];
        s->last_use[v] = 2 * (uint64_t)p->header->steps + 1;
        s->last_place[v] = PR_PLAN_NONE;
    }
}

/* The group of the value that v is a part of in the end, made with the first part. */
static uint32_t joined_group(pr_session *s, uint32_t step, uint32_t v) {
    while (s->slot[v] != PR_PLAN_NONE) v = s->slot[v];
    if (s->group_of[v] == NO_GROUP) extend(s, new_group(s, PR_PLACE_ARENA, 0, step, value_bytes(s, v)), v);
    return s->group_of[v];
}

static void place_output(pr_session *s, uint32_t t, uint32_t o) {
    const pr_plan_step *step = &s->plan.steps[t];
    const uint32_t *in = s->plan.indices + step->in_first, v = s->plan.indices[step->out_first + o];
    const bool control = pr_is_control(&s->plan, t), open = pr_is_open(&s->shapes[v]);
    const int flags = control ? 0 : pr_ops[step->op].flags;
    uint32_t group;
    if (s->shapes[v].data) group = new_group(s, PR_PLACE_CONSTANT, v, t, 0);
    else if (o == 0 && pr_is_part(s, t)) {
        group = s->group_of[in[0]];
        s->offset[v] = s->offset[in[0]] + (size_t)s->steps[t].part * pr_dtype_bytes(s->shapes[v].dtype);
        s->steps[t].kind = PR_STEP_SKIP;
    } else if (s->slot[v] != PR_PLAN_NONE || s->group_of[v] != NO_GROUP) group = joined_group(s, t, v);
    else if (o == 0 && ((flags & PR_OP_ALIAS) || ((flags & PR_OP_IN_PLACE) && can_overwrite(s, t)))) {
        group = s->group_of[in[0]];
        s->offset[v] = s->offset[in[0]];
    } else group = new_group(s, open ? PR_PLACE_POOL : PR_PLACE_ARENA, 0, t, value_bytes(s, v));
    if (control) s->groups[group].member = o;
    extend(s, group, v);
}

/* A step whose operands lie in blocks that are taken while running looks where they are every time. */
static void open_moving_steps(pr_session *s, uint32_t t) {
    const pr_plan_step *step = &s->plan.steps[t];
    pr_bound_step *b = &s->steps[t];
    bool pool = false;
    if (pr_is_control(&s->plan, t) || (b->kind == PR_STEP_SKIP && !(pr_ops[step->op].flags & PR_OP_ALIAS))) return;
    for (uint32_t i = 0; i < step->in_count; i++)
        pool |= s->groups[s->group_of[s->plan.indices[step->in_first + i]]].place == PR_PLACE_POOL;
    if (!pool || s->shapes[s->plan.indices[step->out_first]].data) return;
    b->kind = PR_STEP_OPEN;
    b->scratch_bytes = 0;
}

static void make_groups(pr_session *s) {
    const pr_plan *p = &s->plan;
    s->group_count = 0;
    for (uint32_t v = 0; v < p->header->values; v++) s->group_of[v] = NO_GROUP, s->offset[v] = 0;
    pr_find_slots(s);
    for (uint32_t v = 0; v < p->header->values; v++)
        if (p->values[v].kind == PR_VALUE_CONSTANT) s->group_of[v] = new_group(s, PR_PLACE_CONSTANT, v, 0, 0);
    for (uint32_t i = 0; i < p->header->inputs; i++)
        s->group_of[p->indices[p->header->inputs_first + i]] = new_group(s, PR_PLACE_INPUT, i, 0, 0);
    for (uint32_t t = 0; t < p->header->steps; t++) {
        open_moving_steps(s, t);
        for (uint32_t o = 0; o < p->steps[t].out_count; o++) place_output(s, t, o);
    }
    /* A result is computed straight into the caller's memory; a second result in the same bytes, or one that is a part of
     * something larger, is copied at the end. */
    for (uint32_t i = 0; i < p->header->outputs; i++) {
        uint32_t v = p->indices[p->header->outputs_first + i];
        pr_group *g = &s->groups[s->group_of[v]];
        if (g->place == PR_PLACE_ARENA && !pr_is_open(&s->shapes[v]) && value_bytes(s, v) == g->bytes && !s->offset[v]) g->place = PR_PLACE_OUTPUT, g->number = i;
    }
}

/* At the end of an iteration, an output that becomes what another output was waits in scratch until all were read. */
static void stage_lists(pr_session *s) {
    const pr_plan *p = &s->plan;
    for (uint32_t t = 0; t < p->header->steps; t++) {
        if (!pr_is_control(p, t)) continue;
        for (int which = 0; which < 2; which++) {
            const uint32_t *list = pr_control_list(p, t, which);
            size_t at = 0;
            for (uint32_t i = 0; i < p->steps[t].out_count; i++) {
                const pr_group *from = &s->groups[s->group_of[list[i]]];
                size_t *stage = &pr_stages(s, t, which)[i];
                bool other = from->first == 2 * (uint64_t)t && from->place != PR_PLACE_CONSTANT && from->place != PR_PLACE_INPUT &&
                             from->member != i && from->made_in == s->steps[t].in_block;
                *stage = PR_NO_STAGE;
                if (p->steps[t].op != PR_PLAN_LOOP || !other || from->place == PR_PLACE_POOL) continue;
                *stage = at;
                at += pr_rounded(value_bytes(s, list[i]));
            }
            if (at > s->steps[t].scratch_bytes) s->steps[t].scratch_bytes = at;
        }
    }
}

/* POOL groups sorted by the place where they end. */
static void list_releases(pr_session *s) {
    const uint32_t places = 3 * s->plan.header->steps;
    uint32_t *at = s->release_at;
    memset(at, 0, ((size_t)places + 2) * sizeof *at);
    for (uint32_t g = 0; g < s->group_count; g++)
        if (s->groups[g].place == PR_PLACE_POOL && s->groups[g].release < places) at[s->groups[g].release + 2]++;
    for (uint32_t i = 0; i <= places; i++) at[i + 1] += at[i];
    for (uint32_t g = 0; g < s->group_count; g++)
        if (s->groups[g].place == PR_PLACE_POOL && s->groups[g].release < places) s->released[at[s->groups[g].release + 1]++] = g;
}

/* Pieces in running order.  exec/pack.c tries other orders where this one leaves gaps. */
typedef struct live { size_t offset, bytes; uint64_t last; } live;

/* Inserts into the list, which is sorted by offset, at the lowest gap that is wide enough. */
static size_t place(live *list, size_t *count, size_t bytes, uint64_t last) {
    size_t at = 0, i = 0;
    while (i < *count && list[i].offset < at + bytes) at = list[i].offset + list[i].bytes, i++;
    for (size_t k = *count; k > i; k--) list[k] = list[k - 1];
    list[i] = (live){at, bytes, last};
    (*count)++;
    return at;
}

static void drop_dead(live *list, size_t *count, uint64_t time) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (list[i].last >= time) list[kept++] = list[i];
    *count = kept;
}

/* Groups were made in running order, so one walk over steps and groups together suffices. */
static void assign_offsets(pr_session *s, live *list) {
    size_t count = 0, top = 0, peak = 0;
    uint32_t g = 0;
    for (uint32_t t = 0; t < s->plan.header->steps; t++) {
        drop_dead(list, &count, 2 * (uint64_t)t);
        for (; g < s->group_count && s->groups[g].first <= 2 * (uint64_t)t; g++) {
            pr_group *group = &s->groups[g];
            if (group->place != PR_PLACE_ARENA || group->bytes == 0) continue;
            const size_t bytes = pr_rounded(group->bytes);
            group->offset = place(list, &count, bytes, group->last);
            if (group->offset + bytes > top) top = group->offset + bytes;
        }
        size_t scratch = pr_rounded(s->steps[t].scratch_bytes);
        if (scratch) {      /* of a loop: as long as it */
            s->steps[t].scratch_offset = place(list, &count, scratch, 2 * (uint64_t)pr_step_after(&s->plan, t) - 1);
            if (s->steps[t].scratch_offset + scratch > top) top = s->steps[t].scratch_offset + scratch;
        }
        size_t alive = 0;
        for (size_t i = 0; i < count; i++) alive += list[i].bytes;
        if (alive > peak) peak = alive;
        if (alive > s->memory_limit) break;     /* no plan can do with less: will be refused */
    }
    s->arena_bytes = top > peak ? top : peak;
    s->peak_live = peak;
}

/* Results count too: the caller takes memory for them because this plan says so. */
static pr_status check_limit(pr_session *s, pr_message *message) {
    size_t need = s->arena_bytes;
    for (uint32_t i = 0; i < s->plan.header->outputs && need <= s->memory_limit; i++)
        need += pr_rounded(value_bytes(s, s->plan.indices[s->plan.header->outputs_first + i]));
    s->result_bytes = need - s->arena_bytes;
    if (need <= s->memory_limit) return PR_OK;
    return pr_fail(message, PR_NO_MEMORY, "this model needs at least %zu KiB for its values at these input shapes, the limit is "
                   "%zu KiB: raise memory_limit or give smaller inputs", (need + 1023) >> 10, s->memory_limit >> 10);
}

/* A large arena lies in huge pages where the system has them: a first run then waits for a few page faults, not thousands. */
static char *take_arena(size_t bytes) {
    if (bytes < HUGE_PAGE) return aligned_alloc(ALIGN, bytes);
    const size_t rest = bytes % HUGE_PAGE;
    if (rest > HUGE_PAGE / 2) bytes += HUGE_PAGE - rest;
    void *arena;
    if (posix_memalign(&arena, HUGE_PAGE, bytes)) return NULL;      /* unlike aligned_alloc, of any size */
#ifdef MADV_HUGEPAGE
    if (arena) madvise(arena, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);        /* a wish: it may fail */
#endif
    return arena;
}

pr_status pr_memory_plan(pr_session *s, pr_message *message) {
    find_last_uses(s);
    make_groups(s);
    stage_lists(s);
    list_releases(s);
    live *list = malloc((s->group_count + (size_t)s->plan.header->steps + 1) * sizeof *list);
    if (!list) return pr_fail(message, PR_NO_MEMORY, "no memory to plan memory");
    assign_offsets(s, list);
    free(list);
    if (s->peak_live <= s->memory_limit) pr_pack_arena(s);
    PR_TRY(check_limit(s, message));
    pr_blocks_reset(&s->blocks);
    if (s->blocks.bytes > s->memory_limit - s->arena_bytes - s->result_bytes) pr_blocks_trim(&s->blocks);
    if (s->arena_bytes > s->arena_capacity || !s->arena) {
        free(s->arena);
        s->arena = NULL, s->arena_capacity = 0;
        size_t bytes = pr_rounded(s->arena_bytes) + ALIGN;      /* kernels may read, never write, one line past a value */
        s->arena = take_arena(bytes);
        if (!s->arena) return pr_fail(message, PR_NO_MEMORY, "the system refused %zu MiB for values", bytes >> 20);
        s->arena_capacity = s->arena_bytes;
    }
    return PR_OK;
}
