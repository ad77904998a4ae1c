#include "ops/conv/depthwise.h"

const pr_depthwise_kernel pr_depthwise_kernels[] = {
#define PR_DEPTHWISE(type, level, lanes) \
    PR_ROW_##level({"depthwise_" #type "__" #level, PR_ISA_##level, lanes, pr_depthwise_##type##__##level},)
#include "ops/conv/depthwise.def"
#undef PR_DEPTHWISE
};
const int pr_depthwise_kernel_count = sizeof pr_depthwise_kernels / sizeof *pr_depthwise_kernels;

const pr_depthwise_kernel *pr_depthwise_select(uint32_t levels) {
    const pr_depthwise_kernel *best = &pr_depthwise_kernels[0];
    for (int i = 1; i < pr_depthwise_kernel_count; i++)
        if (pr_depthwise_kernels[i].level & levels) best = &pr_depthwise_kernels[i];
    return best;
}

/* Channels of one work item: enough for whole cache lines, few enough to give small images to several threads. */
#define PR_DW_CHANNELS 128
/* Multiply-adds below which another thread does not pay. */
#define PR_DW_WORTH (16 << 10)

typedef struct pr_dw_job {
    const pr_depthwise_kernel *kernel;
    const pr_depthwise_args *d;
    int64_t parts;                          /* of the channels */
} pr_dw_job;

static void pr_dw_items(void *arg, int64_t begin, int64_t end, int worker) {
    const pr_dw_job *job = arg;
    const pr_depthwise_args *d = job->d;
    (void)worker;
    for (int64_t t = begin; t < end; t++) {
        int64_t row = t / job->parts * PR_DW_ITEM, rows = d->h.out - row, from = t % job->parts * PR_DW_CHANNELS, to = from + PR_DW_CHANNELS;
        if (t % job->parts == job->parts - 1) to = d->channels;
        job->kernel->rows(d, row, (int)(rows < PR_DW_ITEM ? rows : PR_DW_ITEM), from, to);
    }
}

void pr_depthwise(const pr_depthwise_kernel *kernel, pr_pool *pool, const pr_depthwise_args *d) {
    pr_dw_job job = {kernel, d, 1};
    int64_t strips = (d->h.out + PR_DW_ITEM - 1) / PR_DW_ITEM;
    if (pool && strips < 4 * pr_pool_threads(pool) && d->channels >= 2 * PR_DW_CHANNELS)
        job.parts = d->channels / PR_DW_CHANNELS;
    int64_t work = PR_DW_ITEM * d->v.out * d->channels * d->h.kernel * d->v.kernel / job.parts;
    pr_for(pool, strips * job.parts, work > 0 ? PR_DW_WORTH / work + 1 : 1, pr_dw_items, &job);
}
