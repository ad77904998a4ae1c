#define _GNU_SOURCE                         /* MAP_ANONYMOUS */
#include "check.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define GUARD 0x7fd5a5a5u                   /* a quiet NaN that no computation makes */
#define MOST_BUFFERS 64

static struct { void *at; size_t bytes; } buffers[MOST_BUFFERS];
static int buffer_count;
static uint64_t state = 0x9e3779b97f4a7c15u;
int64_t comparisons, failures;

int64_t check_count(void) { return ++comparisons; }

int check_fail(const char *format, ...) {
    if (++failures <= 20) {
        va_list args;
        va_start(args, format);
        fputs("  WRONG: ", stdout);
        vprintf(format, args);
        putchar('\n');
        va_end(args);
    }
    return 0;
}

int random_int(int lowest, int highest) {   /* xorshift64*, always the same sequence */
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return lowest + (int)((state * 0x2545f4914f6cdd1du >> 33) % (uint64_t)(highest - lowest + 1));
}
float random_small(void) { return (float)random_int(-4, 4); }

void *guarded_bytes(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page + page;
    char *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || buffer_count == MOST_BUFFERS || mprotect(at + whole - page, page, PROT_NONE)) {
        puts("no memory for a test buffer");
        exit(2);
    }
    buffers[buffer_count].at = at;
    buffers[buffer_count++].bytes = whole;
    return at + whole - page - bytes;
}

float *guarded(int64_t count) {
    float *at = guarded_bytes((size_t)count * sizeof(float));
    uint32_t guard = GUARD;
    for (int64_t i = 0; i < count; i++) memcpy(at + i, &guard, sizeof guard);
    return at;
}

float *guarded_integers(int64_t count) {
    float *at = guarded_bytes((size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) at[i] = random_small();
    return at;
}

void release_all(void) {
    while (buffer_count) {
        buffer_count--;
        munmap(buffers[buffer_count].at, buffers[buffer_count].bytes);
    }
}

int is_guard(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits == GUARD;
}

int same_rows(const char *what, const float *got, const float *expected, int64_t rows, int64_t width, int64_t stride,
              int64_t total) {
    check_count();
    for (int64_t i = 0; i < total; i++) {
        int64_t row = i / stride, column = i % stride;
        if (row < rows && column < width) {
            if (!(got[i] == expected[row * width + column]))
                return check_fail("%s: row %lld column %lld is %g, must be %g", what, (long long)row, (long long)column,
                                  (double)got[i], (double)expected[row * width + column]);
        } else if (!is_guard(got[i])) {
            return check_fail("%s: wrote outside, row %lld column %lld", what, (long long)row, (long long)column);
        }
    }
    return 1;
}

int near_floats(const char *what, const float *got, const float *expected, int64_t count, float error) {
    check_count();
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(got[i] - expected[i]) <= error))
            return check_fail("%s: number %lld is %g, must be %g to %g", what, (long long)i, (double)got[i], (double)expected[i],
                              (double)error);
    return 1;
}

/* What an operator that can write its rows apart writes then: the same rows, and nothing between them. */
int same_apart(pr_run_fn *run, pr_env *env, const pr_view *in, int inputs, const pr_view *out) {
    const int64_t count = pr_view_count(out), width = count ? out->shape[out->rank - 1] : 0, rows = width ? count / width : 0;
    pr_view apart = *out;
    if (!env->rows || !rows || out->dtype != PR_F32) return 1;
    env->row = width + random_int(1, 20);
    apart.data = guarded((rows - 1) * env->row + width);
    pr_status status = run(env, in, inputs, &apart, 1);
    for (int64_t i = 0; i < rows && status == PR_OK; i++) {
        const float *got = (const float *)apart.data + i * env->row, *want = (const float *)out->data + i * width;
        for (int64_t j = 0; j < width; j++)
            if (!(got[j] == want[j]) && !(got[j] != got[j] && want[j] != want[j] && !is_guard(got[j])))
                return check_fail("%s: row %lld column %lld differs with rows apart", env->layer, (long long)i, (long long)j);
        for (int64_t j = width; i + 1 < rows && j < env->row; j++)
            if (!is_guard(got[j])) return check_fail("%s: wrote between its rows", env->layer);
    }
    env->row = 0;
    return status == PR_OK || check_fail("%s: fails with rows apart", env->layer);
}

pr_status run_operator(pr_infer_fn *infer, pr_run_fn *run, const pr_kernels *kernels, int threads, const void *attrs,
                       const pr_view *in, int inputs, pr_view *out, pr_message *message) {
    pr_env env = {.kernels = kernels, .pool = pools[threads], .layer = "check", .attrs = attrs, .message = message};
    pr_view inferred = {0};
    pr_status status = infer(&env, in, inputs, &inferred, 1);
    if (status != PR_OK) return status;
    const int is_own = !out->data;
    inferred.data = out->data ? out->data : guarded(pr_view_count(&inferred));
    *out = inferred;
    if (env.scratch_bytes) {
        size_t bytes = (env.scratch_bytes + 63) / 64 * 64;
        env.scratch = guarded_bytes(bytes);
        for (size_t i = 0; i < bytes / sizeof(float); i++) ((float *)env.scratch)[i] = NAN;
    }
    status = run(&env, in, inputs, out, 1);
    if (status == PR_OK && is_own) same_apart(run, &env, in, inputs, out);
    return status;
}

pr_view floats(float *data, int rank, ...) {
    pr_view view = {.data = data, .dtype = PR_F32, .rank = rank};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++) view.shape[i] = va_arg(args, int);
    va_end(args);
    return view;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double best_time(void (*call)(void *), void *arg, double seconds) {
    double best = 1e30, end = now() + seconds;
    call(arg);
    do {
        double start = now();
        call(arg);
        double took = now() - start;
        if (took < best) best = took;
    } while (now() < end);
    return best;
}

void bench_line(const char *kernel, const char *shape, double flop, double seconds) {
    printf("  %-24s %-34s %9.1f us %8.1f GFLOP/s", kernel, shape, seconds * 1e6, flop / seconds * 1e-9);
    if (options.peak > 0) printf(" %5.1f %% of peak", flop / seconds * 1e-7 / options.peak);
    putchar('\n');
}
