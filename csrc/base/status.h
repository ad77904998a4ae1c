/* Codes and sentences.  A library on a board neither exits nor prints: it returns a code and leaves a sentence. */
#ifndef PR_BASE_STATUS_H
#define PR_BASE_STATUS_H

#include "include/pyruntime.h"

#if defined(__GNUC__)
#define PR_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define PR_PRINTF(a, b)
#endif

/* Writes the sentence and returns the code.  message may be NULL. */
pr_status pr_fail(pr_message *message, pr_status status, const char *format, ...) PR_PRINTF(3, 4);

#define PR_TRY(call) do { pr_status pr_try_ = (call); if (pr_try_ != PR_OK) return pr_try_; } while (0)

#endif
