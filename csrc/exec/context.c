#include "exec/context.h"

#include <stdlib.h>

#include "base/cpu.h"

pr_status pr_context_open(uint32_t levels, int32_t threads, pr_context **context, pr_message *message) {
    int cores = pr_usable_cores();
    if (threads <= 0) threads = cores;
    if (threads > 256) return pr_fail(message, PR_UNSUPPORTED, "%d threads asked for; at most 256 make sense", threads);
    pr_context *c = calloc(1, sizeof *c);
    if (!c) return pr_fail(message, PR_NO_MEMORY, "no memory for a context");
    c->levels = pr_cpu_levels() & (levels | 1u);          /* bit 0 is the reference: always there */
    pr_kernels_select(&c->kernels, c->levels);
    pr_status status = pr_pool_open(threads, &c->pool, message);
    if (status != PR_OK) {
        free(c);
        return status;
    }
    *context = c;
    return PR_OK;
}

void pr_context_close(pr_context *context) {
    if (!context) return;
    pr_pool_close(context->pool);
    free(context);
}

int32_t pr_context_threads(const pr_context *context) { return pr_pool_threads(context->pool); }
uint32_t pr_context_levels(const pr_context *context) { return context->levels; }
void pr_context_custom(pr_context *context, pr_custom custom) { context->custom = custom; }
void pr_context_pause(pr_context *context, pr_pause_fn *pause) { context->pause = pause; }
