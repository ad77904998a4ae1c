#include "base/threads.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/relax.h"

/* How a job goes: the caller writes it, opens the gate, raises `round` and wakes sleepers.  A thread that passes the
 * gate counts itself in, claims chunks until none is left, and counts itself out.  The caller works too, then closes
 * the gate and waits for those inside.  A worker that wakes too late finds the gate closed: nobody waits for it.
 *
 * After a fork the child has no workers: it is recognised by its process id and works alone. */

#define PR_OPEN 0x80000000u
#define PR_SPINS 200                        /* about 8 us of `pause` on x86 before a worker sleeps */
#define PR_MOST_THREADS 1024

typedef struct pr_worker {
    struct pr_pool *pool;
    int index;
    pthread_t thread;
} pr_worker;

struct pr_pool {
    _Alignas(64) _Atomic uint32_t round;    /* the futex word: a new value is a new job */
    _Atomic uint32_t gate;                  /* PR_OPEN and the number of workers inside */
    pr_range_fn *fn;
    void *arg;
    int64_t items, grain;
    _Alignas(64) _Atomic int64_t next;      /* first item that nobody has claimed */
    _Alignas(64) _Atomic uint32_t asleep;
    _Atomic bool stop;
    atomic_flag busy;
    pid_t process;
    int threads;
    pr_worker *workers;                     /* threads - 1 of them: index 0 is the caller */
};

static void pr_futex(_Atomic uint32_t *word, int operation, uint32_t value) {
    syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void pr_claim(pr_pool *pool, int index) {
    for (;;) {
        int64_t begin = atomic_fetch_add_explicit(&pool->next, pool->grain, memory_order_relaxed);
        if (begin >= pool->items) return;
        int64_t end = pool->items - begin < pool->grain ? pool->items : begin + pool->grain;
        pool->fn(pool->arg, begin, end, index);
    }
}

static bool pr_enter(pr_pool *pool) {
    uint32_t gate = atomic_load(&pool->gate);
    while (gate & PR_OPEN)
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1)) return true;
    return false;
}

/* Returns when `round` differs from `seen`. */
static uint32_t pr_await(pr_pool *pool, uint32_t seen) {
    uint32_t now;
    for (int i = 0; i < PR_SPINS; i++) {
        if ((now = atomic_load_explicit(&pool->round, memory_order_acquire)) != seen) return now;
        pr_relax();
    }
    atomic_fetch_add(&pool->asleep, 1);     /* either the caller sees us asleep, or we see its round */
    while ((now = atomic_load(&pool->round)) == seen) pr_futex(&pool->round, FUTEX_WAIT, seen);
    atomic_fetch_sub(&pool->asleep, 1);
    return now;
}

static void *pr_work(void *arg) {
    pr_worker *worker = arg;
    pr_pool *pool = worker->pool;
    for (uint32_t seen = 0;;) {
        seen = pr_await(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        if (!pr_enter(pool)) continue;
        pr_claim(pool, worker->index);
        atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release);
    }
}

void pr_for(pr_pool *pool, int64_t items, int64_t grain, pr_range_fn *fn, void *arg) {
    if (items <= 0) return;
    if (grain < 1) grain = 1;
    if (!pool || pool->threads == 1 || items <= grain || getpid() != pool->process ||
        atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
        fn(arg, 0, items, 0);
        return;
    }
    pool->fn = fn;
    pool->arg = arg;
    pool->items = items;
    pool->grain = grain;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store(&pool->gate, PR_OPEN);
    atomic_fetch_add(&pool->round, 1);
    if (atomic_load(&pool->asleep)) {
        int64_t chunks = (items - 1) / grain;           /* besides the caller's first */
        pr_futex(&pool->round, FUTEX_WAKE, chunks < pool->threads ? (uint32_t)chunks : (uint32_t)pool->threads);
    }
    pr_claim(pool, 0);
    atomic_fetch_and(&pool->gate, ~PR_OPEN);
    /* A worker may have lost its core to somebody else: yield, so that it gets one back. */
    for (int i = 0; atomic_load_explicit(&pool->gate, memory_order_acquire); i++) {
        if (i < PR_SPINS) pr_relax();
        else sched_yield();
    }
    atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

/* Ends the first `count` workers and frees the pool. */
static void pr_pool_end(pr_pool *pool, int count) {
    if (getpid() == pool->process) {
        atomic_store(&pool->stop, true);
        atomic_fetch_add(&pool->round, 1);
        pr_futex(&pool->round, FUTEX_WAKE, PR_MOST_THREADS);
        for (int i = 0; i < count; i++) pthread_join(pool->workers[i].thread, NULL);
    }
    free(pool->workers);
    free(pool);
}

static int pr_start_workers(pr_pool *pool) {
    sigset_t all, before;
    sigfillset(&all);                       /* signals belong to the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = 0, error = 0;
    while (started < pool->threads - 1 && !error) {
        pr_worker *worker = &pool->workers[started];
        worker->pool = pool;
        worker->index = started + 1;
        error = pthread_create(&worker->thread, NULL, pr_work, worker);
        if (!error) started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

pr_status pr_pool_open(int threads, pr_pool **out, pr_message *message) {
    *out = NULL;
    if (threads < 1 || threads > PR_MOST_THREADS)
        return pr_fail(message, PR_SYSTEM, "%d threads asked for, 1 to %d are possible", threads, PR_MOST_THREADS);
    pr_pool *pool = aligned_alloc(64, (sizeof *pool + 63) / 64 * 64);
    pr_worker *workers = calloc((size_t)threads, sizeof *workers);
    if (!pool || !workers) {
        free(pool);
        free(workers);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a pool of %d threads", threads);
    }
    memset(pool, 0, sizeof *pool);
    atomic_flag_clear(&pool->busy);
    pool->process = getpid();
    pool->threads = threads;
    pool->workers = workers;
    int started = pr_start_workers(pool);
    if (started != threads - 1) {
        pr_pool_end(pool, started);
        return pr_fail(message, PR_SYSTEM, "the system started %d of %d threads; ask for fewer", started + 1, threads);
    }
    *out = pool;
    return PR_OK;
}

void pr_pool_close(pr_pool *pool) {
    if (pool) pr_pool_end(pool, pool->threads - 1);
}

int pr_pool_threads(const pr_pool *pool) { return pool ? pool->threads : 1; }
