#include "ops/binary/binary.h"

#include <math.h>

#include "ops/broadcast.h"
#include "ops/check.h"
#include "ops/kernels.h"

/* The remainder with the sign of y, as numpy.mod. */
static float modulo(float x, float y) {
    const float r = fmodf(x, y);
    if (r == 0) return copysignf(0, y);
    return (r < 0) != (y < 0) ? r + y : r;
}

/* As numpy.floor_divide: from the remainder, because x / y may round up to the next whole number. */
static float floor_divide(float x, float y) {
    if (y == 0) return x / y;
    const float r = fmodf(x, y);
    float quotient = (x - r) / y;
    if (r != 0 && (r < 0) != (y < 0)) quotient -= 1;
    if (quotient == 0) return copysignf(0, x / y);
    const float whole = floorf(quotient);
    return quotient - whole > 0.5f ? whole + 1 : whole;
}

#define PR_BINARY(name, formula) \
    static void binary_##name(const pr_binary_rows *job) { \
        for (int64_t row = 0; row < job->rows; row++) \
            for (int64_t i = 0; i < job->n; i++) { \
                const float x = job->x[row * job->x_row + i * job->x_step]; \
                const float y = job->y[row * job->y_row + i * job->y_step]; \
                job->z[row * job->n + i] = pr_activate(formula, &job->activation); \
            } \
    }
#include "ops/binary/binary.def"
#undef PR_BINARY

const pr_binary_kernels pr_binary__ref = {{
#define PR_BINARY(name, ...) [PR_BINARY_##name] = binary_##name,
#include "ops/binary/binary.def"
#undef PR_BINARY
}};

pr_status pr_binary_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_binary_attrs *attrs = env->attrs;
    (void)outputs;
    PR_TRY(pr_check_kind(env, "the function", attrs->kind, PR_BINARY_COUNT));
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    return pr_broadcast_shape(env, in, inputs, out);
}

typedef struct binary_job {
    pr_binary_fn *fn;
    pr_binary_rows all;                     /* x, y, z at their start */
} binary_job;

static void binary_block(void *arg, const pr_broadcast_block *block) {
    const binary_job *job = arg;
    pr_binary_rows part = job->all;
    part.x += block->from[0], part.y += block->from[1], part.z += block->to;
    part.rows = block->rows, part.n = block->n;
    part.x_row = block->row[0], part.y_row = block->row[1];
    part.x_step = block->step[0], part.y_step = block->step[1];
    job->fn(&part);
}

pr_status pr_binary_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_binary_attrs *attrs = env->attrs;
    binary_job job = {env->kernels->binary->by_kind[attrs->kind],
                      {.x = in[0].data, .y = in[1].data, .z = out->data, .activation = attrs->activation}};
    (void)outputs;
    if (pr_view_count(out) == 0) return PR_OK;
    const pr_broadcast walk = pr_broadcast_of(in, inputs, out);
    pr_broadcast_for(env->pool, &walk, binary_block, &job);
    return PR_OK;
}
