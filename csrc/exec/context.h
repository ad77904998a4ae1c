#ifndef PR_EXEC_CONTEXT_H
#define PR_EXEC_CONTEXT_H

#include "ops/kernels.h"
#include "ops/ops.h"

/* What all sessions share and none changes: chosen kernels and the thread pool. */
struct pr_context {
    pr_kernels kernels;
    pr_pool *pool;
    uint32_t levels;
    pr_custom custom;
    pr_pause_fn *pause;
};

#endif
