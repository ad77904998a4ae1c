/* Runs a plan on the machine it was cross-built for, usually an emulated one: packs the weights for that machine's
 * kernels, predicts once to warm up, then once between marks for counting.c, and once more with a mark per step.
 *
 *     runner PLAN WEIGHTS INPUT OUTPUT      files of raw bytes; a plan without packed weights, one input, one output */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "exec/context.h"
#include "plan/plan.h"

enum { MARK = 0x50520000, WHOLE = 1, STEPS = 2, LINE = 64 };

static pr_message message;

static void stop(const char *what) {
    fprintf(stderr, "%s: %s\n", what, message.text);
    exit(1);
}
static void check(pr_status status, const char *what) {
    if (status != PR_OK) stop(what);
}

/* Zeroed, aligned, and with a line behind it that kernels may read. */
static void *take(size_t bytes) {
    bytes = (bytes + 2 * LINE) / LINE * LINE;
    void *room = aligned_alloc(LINE, bytes);
    if (!room) stop("no memory");
    return memset(room, 0, bytes);
}

typedef struct bytes { char *data; size_t size; } bytes;

static bytes read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) stop(path);
    fseek(file, 0, SEEK_END);
    bytes b = {NULL, (size_t)ftell(file)};
    b.data = take(b.size);
    rewind(file);
    if (fread(b.data, 1, b.size, file) != b.size) stop(path);
    fclose(file);
    return b;
}

/* Adds to the end; the offset is a multiple of the line. */
static size_t append(bytes *b, const void *data, size_t size) {
    size_t at = (b->size + LINE - 1) / LINE * LINE;
    char *grown = take(at + size);
    memcpy(grown, b->data, b->size);
    memcpy(grown + at, data, size);
    free(b->data);
    *b = (bytes){grown, at + size};
    return at;
}

static pr_view view_of(const pr_plan_value *v, const char *weights) {
    pr_view view = {.dtype = v->dtype, .rank = v->rank};
    for (int i = 0; i < v->rank; i++) view.shape[i] = v->shape[i] < 0 ? 1 : v->shape[i];     /* open: batch, sequence */
    if (v->kind == PR_VALUE_CONSTANT) view.data = (void *)(weights + v->offset);
    return view;
}

/* Constant `which` of step t as this machine reads it: becomes a value of its own at `value`.  0: as it is. */
static int pack_one(pr_context *context, bytes *plan, bytes *weights, uint32_t t, uint32_t which, uint32_t value, size_t attrs_at) {
    const pr_plan_header *h = (const void *)plan->data;
    pr_plan_step *step = (pr_plan_step *)(void *)(plan->data + h->steps_at) + t;
    uint32_t *operand = (uint32_t *)(void *)(plan->data + h->indices_at) + step->in_first;
    pr_plan_value *values = (pr_plan_value *)(void *)(plan->data + h->values_at);
    pr_view in[16], packed = {0};
    if (values[operand[which]].kind != PR_VALUE_CONSTANT || step->in_count > 16) return 0;
    for (uint32_t i = 0; i < step->in_count; i++) in[i] = view_of(&values[operand[i]], weights->data);
    const char *name = plan->data + h->text_at + step->name;
    size_t size = (size_t)pr_op_attr_bytes((int32_t)step->op);
    char *attrs = plan->data + h->attrs_at + attrs_at;
    memcpy(attrs, plan->data + h->attrs_at + step->attrs, size);
    pr_status status = pr_pack(context, (int32_t)step->op, attrs, size, name, in, (int32_t)step->in_count, (int32_t)which, &packed, &message);
    if (status == PR_UNSUPPORTED) return 0;
    check(status, name);
    size_t floats = 1;
    for (int i = 0; i < packed.rank; i++) floats *= (size_t)packed.shape[i];
    packed.data = take(floats * sizeof(float));
    check(pr_pack(context, (int32_t)step->op, attrs, size, name, in, (int32_t)step->in_count, (int32_t)which, &packed, &message), name);
    step->attrs = (uint32_t)attrs_at;
    values[value] = values[operand[which]];
    values[value].offset = append(weights, packed.data, floats * sizeof(float));
    values[value].rank = packed.rank;
    memcpy(values[value].shape, packed.shape, sizeof packed.shape);
    operand[which] = value;
    free(packed.data);
    return 1;
}

/* Room for a value and a copy of the attributes per constant operand, then each of them packed. */
static void pack(pr_context *context, bytes *plan, bytes *weights) {
    pr_plan_header h = *(const pr_plan_header *)(const void *)plan->data;
    uint32_t more = 0, most = 0;
    const pr_plan_step *steps = (const void *)(plan->data + h.steps_at);
    for (uint32_t t = 0; t < h.steps; t++) {
        if (steps[t].op >= PR_PLAN_IF) stop("plans with branches or loops are not counted");
        uint32_t size = (uint32_t)(pr_op_attr_bytes((int32_t)steps[t].op) + 7) / 8 * 8;
        more += steps[t].in_count;
        most = size > most ? size : most;
    }
    char *room = take((h.values + more) * sizeof(pr_plan_value) + h.attrs_bytes + more * most);
    memcpy(room, plan->data + h.values_at, h.values * sizeof(pr_plan_value));
    uint32_t values_at = (uint32_t)append(plan, room, (h.values + more) * sizeof(pr_plan_value));
    memcpy(room, plan->data + h.attrs_at, h.attrs_bytes);
    uint32_t before = (h.attrs_bytes + 7) / 8 * 8, attrs_at = (uint32_t)append(plan, room, before + more * most);
    free(room);
    pr_plan_header *now = (void *)plan->data;
    now->values_at = values_at, now->attrs_at = attrs_at, now->attrs_bytes = before + more * most;
    uint32_t used = 0;
    for (uint32_t t = 0; t < h.steps; t++) {
        uint32_t operands = ((const pr_plan_step *)(const void *)(plan->data + h.steps_at))[t].in_count;
        for (uint32_t i = 0; i < operands; i++)
            used += (uint32_t)pack_one(context, plan, weights, t, i, h.values + used, before + used * most);
    }
    now->values = h.values + used;
    now->bytes = (uint32_t)plan->size;
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "runner PLAN WEIGHTS INPUT OUTPUT\n"), 2;
    bytes plan = read_file(argv[1]), weights = read_file(argv[2]), input = read_file(argv[3]);
    pr_context *context;
    pr_session *session;
    check(pr_context_open(~0u, 1, &context, &message), "context");
    pack(context, &plan, &weights);
    check(pr_session_open(context, plan.data, plan.size, weights.data, weights.size, SIZE_MAX / 2, &session, &message), "plan");

    const pr_plan_header *h = (const void *)plan.data;
    const uint32_t *indices = (const void *)(plan.data + h->indices_at);
    const pr_plan_value *values = (const void *)(plan.data + h->values_at);
    pr_view in = view_of(&values[indices[h->inputs_first]], NULL), out = {0};
    if (h->inputs != 1 || h->outputs != 1 || pr_view_count(&in) * (int64_t)pr_dtype_bytes(in.dtype) != (int64_t)input.size)
        stop("one input of the plan's size and one output are needed");
    in.data = input.data;
    check(pr_session_bind(session, &in, 1, &out, 1, &message), "bind");
    size_t size = (size_t)pr_view_count(&out) * pr_dtype_bytes(out.dtype);
    out.data = take(size);
    int64_t *profile = take((size_t)pr_session_steps(session) * sizeof *profile);

    check(pr_session_run(session, &in, 1, &out, 1, &message), "run");
    getpriority(PRIO_PROCESS, MARK | WHOLE);
    check(pr_session_run(session, &in, 1, &out, 1, &message), "run");
    getpriority(PRIO_PROCESS, MARK);
    pr_session_profile(session, profile);
    getpriority(PRIO_PROCESS, MARK | STEPS);
    check(pr_session_run(session, &in, 1, &out, 1, &message), "run");
    getpriority(PRIO_PROCESS, MARK);

    FILE *file = fopen(argv[4], "wb");
    if (!file || fwrite(out.data, 1, size, file) != size || fclose(file)) stop(argv[4]);
    for (uint32_t t = 0; t < h->steps; t++) {
        const pr_plan_step *step = (const pr_plan_step *)(const void *)(plan.data + h->steps_at) + t;
        printf("%s %s\n", pr_op_name((int32_t)step->op), plan.data + h->text_at + step->name);
    }
    return 0;
}
