/* The bytes that Python hands over: what to run, in which order, on which values.
 *
 * Little endian, no pointers, every table at an offset from the start and 8-byte aligned.  A plan does not say where
 * values lie in memory: the executor derives that from shapes and lifetimes (exec/memory.c), so one plan serves every
 * input shape and there are no addresses in it to distrust. */
#ifndef PR_PLAN_PLAN_H
#define PR_PLAN_PLAN_H

#include "base/view.h"
#include "ops/ops.h"

#define PR_PLAN_MAGIC 0x4c505250u           /* "PRPL" */
#define PR_PLAN_VERSION 1u

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

/* A checked plan: typed views into its bytes. */
typedef struct pr_plan {
    const pr_plan_header *header;
    const pr_plan_value *values;
    const pr_plan_step *steps;
    const uint32_t *indices;
    const char *attrs, *text;
} pr_plan;

/* Refuses a damaged plan before anything runs: after PR_OK every offset and index in `plan` is good, every value is
 * written once and before it is read, constants lie inside the weights, and operand counts fit their operators. */
pr_status pr_plan_check(const void *bytes, size_t size, size_t weight_bytes, pr_plan *plan, pr_message *message);

static inline const char *pr_step_name(const pr_plan *plan, uint32_t step) { return plan->text + plan->steps[step].name; }

#endif
