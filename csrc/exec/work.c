/* How much each step of a bound session computes and moves. */
#include "ops/work.h"

#include "exec/session.h"

static double bytes_of(const pr_view *v) {
    const int64_t count = pr_view_count(v);
    return count < 0 ? 0 : (double)count * (double)pr_dtype_bytes(v->dtype);
}

void pr_session_work(const pr_session *s, double *operations, double *bytes) {
    for (uint32_t t = 0; t < s->plan.header->steps; t++) {
        const pr_bound_step *step = &s->steps[t];
        operations[t] = bytes[t] = 0;
        if (step->kind != PR_STEP_PLAIN) continue;
        for (int i = 0; i < step->inputs; i++) bytes[t] += bytes_of(&step->in[i]);
        for (int i = 0; i < step->outputs; i++) bytes[t] += bytes_of(&step->out[i]);
        operations[t] = pr_op_work(s->plan.steps[t].op, step->env.attrs, step->in, step->out, step->outputs);
    }
}
