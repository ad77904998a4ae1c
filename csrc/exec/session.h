/* A checked plan bound to shapes and to memory. */
#ifndef PR_EXEC_SESSION_H
#define PR_EXEC_SESSION_H

#include "exec/blocks.h"
#include "exec/context.h"
#include "plan/plan.h"

/* Far above any machine; sums of values that are each below it cannot overflow. */
#define PR_MOST_MEMORY ((size_t)1 << 47)
/* Iterations of all loops in one run.  Far above any network, and some seconds of empty ones. */
#define PR_MOST_ITERATIONS ((uint64_t)1 << 24)

/* Where the bytes of a group of values lie.  Values share a group when one is the other under another shape, or is
 * written over it in place.  POOL: bytes whose number is only known while running, in a block that is taken then. */
typedef enum pr_place { PR_PLACE_ARENA, PR_PLACE_CONSTANT, PR_PLACE_INPUT, PR_PLACE_OUTPUT, PR_PLACE_POOL } pr_place;

/* Times are twice the number of a step; the end of a block is the odd time behind its last step. */
typedef struct pr_group {
    pr_place place;
    uint32_t number;                /* of the input, the output, or the value whose constant bytes these are */
    uint32_t member;                /* of a control step's outputs: which one */
    uint32_t made_by, made_in;      /* step, and the block of steps that it is in */
    uint64_t first, last;           /* times between which the bytes must stay */
    uint32_t release;               /* POOL: where the block is given back, see pr_session.released */
    uint32_t held;                  /* POOL: the block, while running; PR_NO_BLOCK: none */
    size_t bytes, offset;           /* in the arena */
} pr_group;

typedef enum pr_step_kind {
    PR_STEP_SKIP,                   /* known since binding, empty, or a renamed shape */
    PR_STEP_PLAIN,                  /* all sizes and places are known */
    PR_STEP_OPEN,                   /* the shape rule is asked again, with numbers, right before it runs */
    PR_STEP_IF,
    PR_STEP_LOOP
} pr_step_kind;

typedef struct pr_bound_step {
    pr_step_kind kind;
    pr_run_fn *run;
    pr_view *in, *out;              /* into session->operands */
    int inputs, outputs;
    pr_env env;
    size_t scratch_bytes, scratch_offset;
    bool rows;                      /* see pr_env */
    int64_t part;                   /* PLAIN: see pr_env */
    uint32_t in_block;              /* 0: the plan's; 1 + 2 * step + which: a block of a control step */
    int rounds;                     /* LOOP: how often its shapes did not settle */
    int choice;                     /* IF: the block that runs when binding decided; -1: a number decides */
} pr_bound_step;

/* An output of a control step on its way to its next value. */
typedef struct pr_staged { pr_view view; uint32_t held; } pr_staged;

struct pr_session {
    pr_context *context;
    pr_plan plan;
    const char *weights;
    size_t memory_limit;
    pr_custom custom;
    uint32_t drawn;                 /* random operators run so far in this prediction */

    pr_view *shapes;                /* per value: its shape, as known so far, and its bytes where they are known */
    uint32_t *made_in;              /* per value: the block of steps it belongs to */
    uint8_t *widened;               /* per value: dimensions (bits) that differ between iterations */
    bool *open;                     /* per value: whether binding left a size unknown */
    uint32_t *group_of;             /* per value */
    uint32_t *maker, *uses;         /* per value: step, and how often it is read; 2 and more where not only by steps */
    uint32_t *slot;                 /* per value: the joined value that it is written into, or PR_PLAN_NONE */
    size_t *offset;                 /* per value: bytes from the place of its group */
    int64_t *row;                   /* per value: elements from row to row in its slot; 0: side by side */
    uint64_t *last_use;             /* per value: time of the last read; 0: nobody */
    uint32_t *last_place;           /* per value: the step of its own block, or the end of it, where that is */
    pr_group *groups;
    uint32_t group_count;
    pr_bound_step *steps;
    pr_view *operands;              /* of all steps, with data pointers */
    uint32_t *operand_value;        /* which value each operand is */
    uint32_t operand_count;
    uint32_t *moving;               /* operands whose bytes are the caller's: patched before every run */
    uint32_t moving_count;
    uint32_t *moving_values, moving_value_count;
    size_t *stage;                  /* of control steps, see pr_stages */
    pr_staged *staged;
    /* POOL groups by where they end: behind step t at place t, at the end of block `which` of step t at place
     * steps + 2 * t + which.  Those of place i are released[release_at[i]] to released[release_at[i + 1] - 1]. */
    uint32_t *released, *release_at;
    bool *open_results, has_pool;

    pr_view *bound_inputs;
    bool is_bound;
    char *known;                    /* bytes of values that binding computed */
    size_t known_bytes;
    char *arena;
    size_t arena_bytes, arena_capacity, peak_live, result_bytes;
    pr_blocks blocks;
    uint64_t iterations, most_iterations;
    int64_t paused;                 /* tenth of a second in which `pause` was asked last; 0: not in this prediction */
    int64_t *profile;
};

#define PR_NO_STAGE SIZE_MAX
#define PR_ARENA_ALIGN 64u
static inline size_t pr_rounded(size_t bytes) { return (bytes + PR_ARENA_ALIGN - 1) / PR_ARENA_ALIGN * PR_ARENA_ALIGN; }

/* Whether some dimension is not known. */
static inline bool pr_is_open(const pr_view *v) {
    for (int i = 0; i < v->rank; i++)
        if (v->shape[i] < 0) return true;
    return false;
}
static inline size_t pr_view_bytes(const pr_view *v) { return (size_t)pr_view_count(v) * pr_dtype_bytes(v->dtype); }
/* For each output of control step t at the end of one of its blocks: bytes into the scratch, or PR_NO_STAGE. */
static inline size_t *pr_stages(const pr_session *s, uint32_t t, int which) {
    return s->stage + 2 * (s->steps[t].out - s->operands) + (which ? s->steps[t].outputs : 0);
}
/* Core ML's condition: farther from 0 than 1e-6. */
static inline bool pr_is_true(float x) { return x > 1e-6f || x < -1e-6f; }

/* Shapes and known numbers of all values for these inputs, and what kind of step each is (exec/shapes.c). */
pr_status pr_infer_all(pr_session *session, const pr_view *in, pr_message *message);
/* Which results of steps are written into a joined value (exec/parts.c). */
void pr_find_slots(pr_session *session);
/* Whether the result of this step need not be copied out of its first operand. */
bool pr_is_part(const pr_session *session, uint32_t step);
/* Groups, places and offsets for the bound shapes (exec/memory.c). */
pr_status pr_memory_plan(pr_session *session, pr_message *message);
/* Other offsets in the arena, when its bytes are clearly fewer then (exec/pack.c). */
void pr_pack_arena(pr_session *session);

#endif
