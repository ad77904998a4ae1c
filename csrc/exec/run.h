/* The parts of a run: plain steps (run.c), steps with open sizes (open.c), control steps (control.c). */
#ifndef PR_EXEC_RUN_H
#define PR_EXEC_RUN_H

#include <time.h>

#include "exec/poison.h"

static inline int64_t pr_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline bool pr_result_is_open(const pr_session *s, int32_t output) { return s->open_results[output]; }

pr_status pr_run_block(pr_session *session, uint32_t first, uint32_t end, pr_message *message);
pr_status pr_run_open(pr_session *session, uint32_t step, pr_message *message);
pr_status pr_run_if(pr_session *session, uint32_t step, pr_message *message);
pr_status pr_run_loop(pr_session *session, uint32_t step, pr_message *message);

/* A block for `bytes` of a value that `layer` makes, within the session's limit. */
pr_status pr_take(pr_session *session, size_t bytes, const char *layer, uint32_t *block, pr_message *message);
/* The POOL groups whose values end at this place (pr_session.release_at). */
void pr_release(pr_session *session, uint32_t place);
/* Before a run: what the last one left. */
void pr_forget_blocks(pr_session *session);

#endif
