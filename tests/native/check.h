/* Tools of the checker.  Inputs are small integers, so that every sum is exact in any order and results compare with ==.
 * Memory that a kernel must not use holds a NaN of a known pattern: read, it spoils the result; written, it is noticed.
 * Every buffer ends at a page that may not be touched at all. */
#ifndef PR_TESTS_CHECK_H
#define PR_TESTS_CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/isa.h"
#include "base/threads.h"
#include "ops/kernels.h"
#include "ops/ops.h"

typedef struct check_options {
    uint32_t levels;                /* what this CPU runs (or a build can imitate) */
    int rounds;                     /* random shapes per check: more finds more, emulators want fewer */
    double peak;                    /* GFLOP/s of one core, for --bench */
} check_options;

extern check_options options;
extern pr_pool *pools[4];           /* [n] has n threads; [0] is NULL */

/* One row of checks.def: name, check, bench. */
typedef struct check {
    const char *name;
    void (*run)(void);
    void (*bench)(void);
} check;

/* Counts a failure and prints the first few.  Returns false, for conditions. */
int check_fail(const char *format, ...) PR_PRINTF(1, 2);
int64_t check_count(void);          /* one more comparison done: prints nothing, shows in the summary */

int random_int(int lowest, int highest);
float random_small(void);           /* a whole number, -4 .. 4 */
float *guarded(int64_t floats);     /* all guard; freed by release_all */
void *guarded_bytes(size_t bytes);
float *guarded_integers(int64_t floats);
void release_all(void);
int is_guard(float x);

/* Rows of `width` floats, `stride` apart: equal to `expected` (dense) inside, guard between and after.  total: floats
 * of the buffer. */
int same_rows(const char *what, const float *got, const float *expected, int64_t rows, int64_t width, int64_t stride,
              int64_t total);

/* `count` floats within `error` of `expected`; a guard among them is a failure. */
int near_floats(const char *what, const float *got, const float *expected, int64_t count, float error);

/* `out` again with its rows apart, where the operator offers that: the same numbers, and nothing between them. */
int same_apart(pr_run_fn *run, pr_env *env, const pr_view *in, int inputs, const pr_view *out);
/* Runs infer, then run with the exact scratch it asked for; where `out` has no memory, also as above.  `threads` 1 .. 3. */
pr_status run_operator(pr_infer_fn *infer, pr_run_fn *run, const pr_kernels *kernels, int threads, const void *attrs,
                       const pr_view *in, int inputs, pr_view *out, pr_message *message);
pr_view floats(float *data, int rank, ...);

/* Best seconds of one call, over `seconds` of calls. */
double best_time(void (*call)(void *), void *arg, double seconds);
void bench_line(const char *kernel, const char *shape, double flop, double seconds);

#endif
