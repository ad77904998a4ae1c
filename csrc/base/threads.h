/* A persistent pool: the caller works too, idle workers sleep, the answer never depends on the number of threads. */
#ifndef PR_BASE_THREADS_H
#define PR_BASE_THREADS_H

#include "base/status.h"

typedef struct pr_pool pr_pool;

/* Works on items begin..end-1.  Called from several threads at once with disjoint ranges; `worker` is below
 * pr_pool_threads and belongs to one thread at a time: an index for scratch. */
typedef void pr_range_fn(void *arg, int64_t begin, int64_t end, int worker);

pr_status pr_pool_open(int threads, pr_pool **pool, pr_message *message);
void pr_pool_close(pr_pool *pool);
int pr_pool_threads(const pr_pool *pool);
/* Cores this process may use (affinity, cpuset), at least 1. */
int pr_usable_cores(void);

/* fn over 0..items-1 in chunks of about `grain` items (at least 1), claimed one by one: each thread goes up its own share, then
 * takes from the ends of others'.  Returns when all is done.  When another caller holds the pool, or there is one chunk only, all
 * runs on this thread. */
void pr_for(pr_pool *pool, int64_t items, int64_t grain, pr_range_fn *fn, void *arg);

#endif
