/* The bytes that Python hands over: what to run, in which order, on which values.
 *
 * Little endian, no pointers, every table at an offset from the start and 8-byte aligned.  A plan does not say where
 * values lie in memory: the executor derives that from shapes and lifetimes (exec/memory.c), so one plan serves every
 * input shape and there are no addresses in it to distrust.
 *
 * Control flow is nested, without jumps.  A control step is followed by the steps of its first block, and these by
 * those of its second.  A block reads all values that are there before it; what it makes ends with it. */
#ifndef PR_PLAN_PLAN_H
#define PR_PLAN_PLAN_H

#include "base/view.h"
#include "ops/ops.h"

#define PR_PLAN_MAGIC 0x4c505250u           /* "PRPL" */
#define PR_PLAN_VERSION 3u
#define PR_PLAN_NONE 0xFFFFFFFFu            /* no value, no limit */
#define PR_PLAN_DEPTH 64                    /* blocks inside blocks, at most */

/* What stands in pr_plan_step.op of a control step: numbers that no operator has.
 * IF: reads one number.  The first block runs if it is true, else the second; then each output becomes the value that
 *     the block's list has in its place.
 * LOOP: reads the limit if it is not a constant, then what the outputs are before the first iteration.  The first block
 *     is the condition (without steps if there is none), the second is the body; both read the outputs as they are now,
 *     and after each of them the outputs become what its list says.
 * A number is true when it is farther from 0 than 1e-6. */
#define PR_PLAN_IF 0x80000000u
#define PR_PLAN_LOOP 0x80000001u

typedef enum pr_value_kind { PR_VALUE_COMPUTED = 0, PR_VALUE_INPUT = 1, PR_VALUE_CONSTANT = 2 } pr_value_kind;

typedef struct pr_plan_header {
    uint32_t magic, version, bytes, reserved;
    uint32_t values_at, values;             /* pr_plan_value */
    uint32_t steps_at, steps;               /* pr_plan_step, in running order */
    uint32_t indices_at, indices;           /* uint32_t: value numbers, used by steps and by the two lists below */
    uint32_t inputs, inputs_first;          /* the plan's inputs: a run of `indices` */
    uint32_t outputs, outputs_first;
    uint32_t attrs_at, attrs_bytes;
    uint32_t text_at, text_bytes;           /* NUL-terminated names */
} pr_plan_header;

typedef struct pr_plan_value {
    int32_t kind, dtype, rank;
    uint32_t name;                          /* offset in text */
    uint64_t offset;                        /* constants: in the weights, 64-byte aligned */
    int64_t shape[PR_MAX_RANK];             /* constants: exact; inputs: the default; computed: not used */
} pr_plan_value;

typedef struct pr_plan_step {
    uint32_t op, name;
    uint32_t in_first, in_count, out_first, out_count;
    uint32_t attrs, reserved;               /* offset in attrs, 4-byte aligned; the operator knows the size */
} pr_plan_step;

/* The attributes of a control step. */
typedef struct pr_plan_control {
    uint32_t steps[2];                      /* of each block, those of nested blocks included */
    uint32_t lists;                         /* in `indices`: out_count values for the first block, then for the second */
    uint32_t condition;                     /* LOOP: what the condition makes; PR_PLAN_NONE: no condition */
    uint32_t exit;                          /* LOOP: a value of the body that ends the loop if it is 2; or PR_PLAN_NONE */
    uint32_t limit;                         /* LOOP: iterations at most, or PR_PLAN_NONE */
    uint32_t limit_is_input;                /* LOOP: 1 if input 0 is the limit; `limit` does not count then */
} pr_plan_control;

/* A checked plan: typed views into its bytes. */
typedef struct pr_plan {
    const pr_plan_header *header;
    const pr_plan_value *values;
    const pr_plan_step *steps;
    const uint32_t *indices;
    const char *attrs, *text;
} pr_plan;

/* Refuses a damaged plan before anything runs: after PR_OK every offset and index in `plan` is good, blocks nest, every
 * value is written once and before it is read on every path, constants lie inside the weights, and operand counts fit
 * their operators. */
pr_status pr_plan_check(const void *bytes, size_t size, size_t weight_bytes, pr_plan *plan, pr_message *message);

static inline const char *pr_step_name(const pr_plan *plan, uint32_t step) { return plan->text + plan->steps[step].name; }
static inline bool pr_is_control(const pr_plan *plan, uint32_t step) { return plan->steps[step].op >= PR_PLAN_IF; }
static inline const pr_plan_control *pr_control(const pr_plan *plan, uint32_t step) {
    return (const void *)(plan->attrs + plan->steps[step].attrs);
}
/* The step behind this one and its blocks. */
static inline uint32_t pr_step_after(const pr_plan *plan, uint32_t step) {
    if (!pr_is_control(plan, step)) return step + 1;
    const pr_plan_control *c = pr_control(plan, step);
    return step + 1 + c->steps[0] + c->steps[1];
}
/* What the outputs of a control step become at the end of its first or second block. */
static inline const uint32_t *pr_control_list(const pr_plan *plan, uint32_t step, int which) {
    return plan->indices + pr_control(plan, step)->lists + (which ? plan->steps[step].out_count : 0);
}

#endif
