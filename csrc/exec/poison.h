/* Under the address sanitizer a step sees only its own operands and scratch: the rest of the arena is closed to it.
 * One block of memory would otherwise hide every overrun from one value into the next. */
#ifndef PR_EXEC_POISON_H
#define PR_EXEC_POISON_H

#include "exec/session.h"

#if defined(__SANITIZE_ADDRESS__)
#define PR_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PR_POISON 1
#endif
#endif

#ifdef PR_POISON
#include <sanitizer/asan_interface.h>

static inline void pr_arena_open(const pr_session *s) { __asan_unpoison_memory_region(s->arena, s->arena_capacity); }

static inline void pr_open_views(const pr_view *views, int count) {
    for (int i = 0; i < count; i++)
        __asan_unpoison_memory_region(views[i].data, (size_t)pr_view_count(&views[i]) * pr_dtype_bytes(views[i].dtype));
}

static inline void pr_arena_open_for(const pr_session *s, const pr_bound_step *step) {
    __asan_poison_memory_region(s->arena, s->arena_capacity);
    pr_open_views(step->in, step->inputs);
    pr_open_views(step->out, step->outputs);
    if (step->env.row) {                    /* what lies between its rows belongs to others, but is not closed */
        const int64_t last = step->out->shape[step->out->rank - 1], rows = last ? pr_view_count(step->out) / last : 0;
        if (rows) __asan_unpoison_memory_region(step->out->data, (size_t)((rows - 1) * step->env.row + last) * pr_dtype_bytes(step->out->dtype));
    }
    if (step->env.scratch) __asan_unpoison_memory_region(step->env.scratch, step->env.scratch_bytes);
}

/* Of a block, only the bytes that were asked for. */
static inline void pr_block_open(const pr_block *block, size_t bytes) {
    __asan_poison_memory_region(block->data, block->bytes);
    __asan_unpoison_memory_region(block->data, bytes);
}
#else
static inline void pr_block_open(const pr_block *block, size_t bytes) { (void)block, (void)bytes; }
static inline void pr_arena_open(const pr_session *s) { (void)s; }
static inline void pr_arena_open_for(const pr_session *s, const pr_bound_step *step) { (void)s, (void)step; }
#endif

#endif
