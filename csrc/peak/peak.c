/* The public functions: all threads of a context at once. */
#include "peak/peak.h"

#include "exec/context.h"
#include "ops/kernels.h"

/* Floats of a work item: small enough to share out, large enough that claiming it costs nothing. */
#define PR_ITEM ((int64_t)1 << 16)
/* Every thread writes its result into a line of cache of its own. */
#define PR_APART 16
enum { PR_MOST_SINKS = 1024 };

typedef struct pr_peak_job {
    const pr_peak_kernels *kernels;
    const float *data;
    int64_t count, rounds;
    float sinks[PR_MOST_SINKS * PR_APART];
} pr_peak_job;

static void multiply_range(void *arg, int64_t begin, int64_t end, int worker) {
    pr_peak_job *job = arg;
    for (int64_t i = begin; i < end; i++)
        job->kernels->multiply(job->rounds, &job->sinks[worker % PR_MOST_SINKS * PR_APART]);
}

static void read_range(void *arg, int64_t begin, int64_t end, int worker) {
    pr_peak_job *job = arg;
    const int64_t from = begin * PR_ITEM, to = end * PR_ITEM < job->count ? end * PR_ITEM : job->count;
    job->kernels->read(job->data + from, to - from, &job->sinks[worker % PR_MOST_SINKS * PR_APART]);
}

double pr_peak_multiply(pr_context *context, int64_t rounds) {
    pr_peak_job job = {.kernels = context->kernels.peak, .rounds = rounds};
    const int64_t items = 16 * (int64_t)pr_pool_threads(context->pool);
    pr_for(context->pool, items, 1, multiply_range, &job);
    return (double)items * (double)rounds * job.kernels->operations;
}

void pr_peak_read(pr_context *context, const float *data, int64_t count) {
    pr_peak_job job = {.kernels = context->kernels.peak, .data = data, .count = count};
    pr_for(context->pool, (count + PR_ITEM - 1) / PR_ITEM, 1, read_range, &job);
}
