/* The operator CLIP_NORM: by how much gradients shrink so that all of them together are no longer than allowed. */
#include <math.h>

#include "ops/check.h"
#include "ops/kernels.h"
#include "ops/training/training.h"
#include "ops/training/training_kernel.h"

enum { BLOCK = 1024 };                      /* numbers of one partial sum; the bits follow from it, not from threads */

static int64_t blocks_of(const pr_view *g) { return (pr_view_count(g) + BLOCK - 1) / BLOCK; }

pr_status pr_clip_norm_infer(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    int64_t blocks = 0;
    (void)outputs;
    PR_TRY(pr_check_inputs(env, in, inputs, PR_F32));
    for (int i = 0; i < inputs; i++)
        if (pr_view_count(&in[i]) > 0 && blocks_of(&in[i]) > blocks) blocks = blocks_of(&in[i]);
    *out = (pr_view){.dtype = PR_F32, .rank = 1, .shape = {1}};
    env->scratch_bytes = (size_t)blocks * sizeof(double);
    return PR_OK;
}

typedef struct job {
    const pr_training_kernels *kernels;
    const float *g;
    double *sums;
    int64_t n;
    float limit;
} job;

/* Squares of large numbers do not fit into a float: such a block is added up once more. */
static double plain_squares(const float *g, int64_t n, double limit) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double cut = g[i] > limit ? limit : g[i] < -limit ? -limit : (double)g[i];
        sum += cut * cut;
    }
    return sum;
}

static void squares_range(void *arg, int64_t begin, int64_t end, int worker) {
    const job *j = arg;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const float *g = j->g + i * BLOCK;
        const int64_t n = j->n - i * BLOCK < BLOCK ? j->n - i * BLOCK : BLOCK;
        const float sum = j->kernels->squares(g, n, j->limit);
        j->sums[i] = isfinite(sum) && sum > 1e-30f ? (double)sum : plain_squares(g, n, (double)j->limit);
    }
}

pr_status pr_clip_norm_run(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs) {
    const pr_clip_norm_attrs *attrs = env->attrs;
    double sum = 0;
    (void)outputs;
    for (int i = 0; i < inputs; i++) {
        job j = {env->kernels->training, in[i].data, env->scratch, pr_view_count(&in[i]), attrs->limit};
        const int64_t blocks = blocks_of(&in[i]);
        pr_for(env->pool, blocks, pr_row_grain(BLOCK), squares_range, &j);
        for (int64_t k = 0; k < blocks; k++) sum += j.sums[k];
    }
    const double scale = (double)attrs->most / (sqrt(sum) + 1e-6);
    *(float *)out->data = scale >= 1 ? 1 : (float)scale;    /* NaN stays NaN */
    return PR_OK;
}
