/* A checked plan bound to shapes and to memory. */
#ifndef PR_EXEC_SESSION_H
#define PR_EXEC_SESSION_H

#include "exec/context.h"
#include "plan/plan.h"

/* Where the bytes of a group of values lie.  Values share a group when one is the other under another shape, or is
 * written over it in place. */
typedef enum pr_place { PR_PLACE_ARENA, PR_PLACE_CONSTANT, PR_PLACE_INPUT, PR_PLACE_OUTPUT } pr_place;

typedef struct pr_group {
    pr_place place;
    uint32_t number;                /* of the input, the output or the constant value */
    uint32_t first, last;           /* steps between which the bytes must stay */
    size_t bytes, offset;           /* in the arena */
} pr_group;

typedef struct pr_bound_step {
    pr_run_fn *run;                 /* NULL: nothing to do (a renamed shape) */
    pr_view *in, *out;              /* into session->operands */
    int inputs, outputs;
    pr_env env;
    size_t scratch_offset;
} pr_bound_step;

struct pr_session {
    pr_context *context;
    pr_plan plan;
    const char *weights;
    size_t memory_limit;
    pr_custom custom;
    uint32_t drawn;                 /* random operators run so far in this prediction */

    pr_view *shapes;                /* per value: what the shape rules said for the bound input shapes */
    uint32_t *group_of;             /* per value */
    uint32_t *last_use;             /* per value: last step that reads it; steps = a result; UINT32_MAX = nobody */
    pr_group *groups;
    uint32_t group_count;
    pr_bound_step *steps;
    pr_view *operands;              /* of all steps, with data pointers */
    uint32_t *operand_value;        /* which value each operand is */
    uint32_t operand_count;
    uint32_t *moving;               /* operands whose bytes are the caller's: patched before every run */
    uint32_t moving_count;

    pr_view *bound_inputs;
    bool is_bound;
    char *arena;
    size_t arena_bytes, arena_capacity, peak_live;
    int64_t *profile;
};

/* Groups, places and offsets for the bound shapes.  Scratch of step s is scratch_bytes[s]; its offset goes into steps[s]. */
pr_status pr_memory_plan(pr_session *session, const size_t *scratch_bytes, pr_message *message);

#endif
