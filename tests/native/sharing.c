/* Sessions of one context in several threads at once, for the thread sanitizer: sharing [RUNS].
 * Every thread has a session of its own; they share kernels, plan, weights and the pool, which serves one at a time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/attrs.h"
#include "plan/plan.h"

enum { THREADS = 4, ELEMENTS = 64, ROWS = 600, STEPS = 4, VALUES = STEPS + 2 };

/* x -> tanh -> softmax -> affine -> mean over rows, with one constant for both operands of the affine. */
typedef struct small_plan {
    pr_plan_header header;
    pr_plan_value values[VALUES];
    pr_plan_step steps[STEPS];
    uint32_t indices[12];
    struct {
        pr_unary_attrs unary;
        pr_softmax_attrs softmax;
        pr_affine_attrs affine;
        pr_reduce_attrs reduce;
    } attrs;
    char text[8];
} small_plan;

#define AT(member) ((uint32_t)offsetof(small_plan, member))
#define ATTR(member) (AT(attrs.member) - AT(attrs))

static _Alignas(64) small_plan plan = {
    .header = {.magic = PR_PLAN_MAGIC, .version = PR_PLAN_VERSION, .bytes = sizeof(small_plan),
               .values_at = AT(values), .values = VALUES, .steps_at = AT(steps), .steps = STEPS,
               .indices_at = AT(indices), .indices = 12, .inputs = 1, .inputs_first = 0, .outputs = 1, .outputs_first = 9,
               .attrs_at = AT(attrs), .attrs_bytes = sizeof plan.attrs, .text_at = AT(text), .text_bytes = sizeof plan.text},
    .values = {{.kind = PR_VALUE_INPUT, .rank = 2, .shape = {ROWS, ELEMENTS}},
               {.kind = PR_VALUE_CONSTANT, .rank = 1, .shape = {ELEMENTS}}},
    .steps = {{.op = PR_OP_UNARY, .in_first = 0, .in_count = 1, .out_first = 1, .out_count = 1, .attrs = ATTR(unary)},
              {.op = PR_OP_SOFTMAX, .in_first = 1, .in_count = 1, .out_first = 2, .out_count = 1, .attrs = ATTR(softmax)},
              {.op = PR_OP_AFFINE, .in_first = 3, .in_count = 3, .out_first = 6, .out_count = 1, .attrs = ATTR(affine)},
              {.op = PR_OP_REDUCE, .in_first = 7, .in_count = 1, .out_first = 8, .out_count = 1, .attrs = ATTR(reduce)}},
    .indices = {0, 2, 3, 3, 1, 1, 4, 4, 5, 5},
    .attrs = {.unary = {.kind = PR_UNARY_TANH}, .softmax = {1}, .affine = {{0.5f, -1, 1}},
              .reduce = {.kind = PR_REDUCE_MEAN, .axes = {1, {1}}}},
    .text = "layer"};

static _Alignas(64) float weights[ELEMENTS];
static float input[ROWS * ELEMENTS], wanted[ROWS];
static pr_context *context;
static int runs = 200;

static void stop_on(pr_status status, const pr_message *message) {
    if (status == PR_OK) return;
    printf("%s\n", message->text);
    exit(2);
}

static void predict(pr_session *session, float *result) {
    pr_message message;
    pr_view in = {input, PR_F32, 2, {ROWS, ELEMENTS}}, out;
    stop_on(pr_session_bind(session, &in, 1, &out, 1, &message), &message);
    out.data = result;
    stop_on(pr_session_run(session, &in, 1, &out, 1, &message), &message);
}

static pr_session *open_session(void) {
    pr_message message;
    pr_session *session = NULL;
    stop_on(pr_session_open(context, &plan, sizeof plan, weights, sizeof weights, 1 << 24, &session, &message), &message);
    return session;
}

static void *work(void *arg) {
    (void)arg;
    pr_session *session = open_session();
    float result[ROWS];
    for (int i = 0; i < runs; i++) {
        predict(session, result);
        if (memcmp(result, wanted, sizeof result)) return "a thread's answer differs";
    }
    pr_session_close(session);
    return NULL;
}

int main(int argc, char **argv) {
    pr_message message;
    pthread_t threads[THREADS];
    if (argc > 1) runs = atoi(argv[1]);
    for (int i = 0; i < ELEMENTS; i++) weights[i] = (float)(i % 7) - 3;
    for (int i = 0; i < ROWS * ELEMENTS; i++) input[i] = (float)(i % 101) / 25 - 2;
    for (int round = 0; round < 5; round++) {
        stop_on(pr_context_open(~0u, 1 + round, &context, &message), &message);
        pr_session *session = open_session();
        predict(session, wanted);
        pr_session_close(session);
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&threads[i], NULL, work, NULL)) return puts("no thread"), 2;
        for (int i = 0; i < THREADS; i++) {
            void *wrong = NULL;
            pthread_join(threads[i], &wrong);
            if (wrong) return puts(wrong), 1;
        }
        pr_context_close(context);
    }
    printf("all right: %d predictions\n", 5 * THREADS * runs);
    return 0;
}
