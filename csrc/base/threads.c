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
#include <time.h>
#include <unistd.h>

#include "base/relax.h"

/* How a job goes: the caller writes it, opens the gate, raises `round` and wakes sleepers.  A thread that passes the
 * gate counts itself in, claims chunks until none is left, and counts itself out.  The caller works too, then closes
 * the gate and waits for those inside.  A worker that wakes too late finds the gate closed: nobody waits for it.
 *
 * Each thread has a share of neighbouring chunks, the same part of every job: what it wrote in one job is in its cache when
 * it reads there in the next.  It takes them from the front.  Who is done takes from the back of others' shares.
 *
 * Who waits first asks again and again, then lets others have the core in between, then sleeps.  When a worker lost its
 * core to another process while it held a chunk, the caller waits for a whole time slice of that process.  Where that takes
 * more than workers gain, the caller does without them for a while, longer each time it happens again.
 *
 * After a fork the child has no workers: it is recognised by its process id and works alone. */

#define PR_OPEN 0x80000000u
#define PR_WAITED 0x40000000u               /* the caller sleeps until the last one is out */
#define PR_ASKS 64                          /* relaxations between two looks at the clock: a few us */
#define PR_ASK_NS 20000                     /* of asking, then of yielding: longer than most steps between two jobs, and as long */
#define PR_YIELD_NS 100000                  /* as waking a sleeper takes on a virtual machine */
#define PR_LATE_NS 300000                   /* a worker is late when it takes that much longer than the caller's own chunks */
#define PR_REST_LEAST 4000000
#define PR_REST_MOST 128000000
#define PR_MOST_THREADS 1024

typedef struct pr_worker {
    struct pr_pool *pool;
    int index;
    pthread_t thread;
} pr_worker;

/* Chunks of one thread.  `left` is taken down first: who gets it to 0 or less finds nothing, so the ends do not cross. */
typedef struct pr_share {
    _Alignas(64) _Atomic int64_t left;
    _Atomic int64_t first, last;            /* next from the front; one behind the next from the back */
} pr_share;

struct pr_pool {
    _Alignas(64) _Atomic uint32_t round;    /* the futex word: a new value is a new job */
    _Atomic uint32_t gate;                  /* PR_OPEN and the number of workers inside */
    pr_range_fn *fn;
    void *arg;
    int64_t items, grain;
    _Alignas(64) _Atomic uint32_t asleep;
    _Atomic bool stop;
    atomic_flag busy;
    int64_t rest, rest_until, late_at;      /* ns; belong to who holds `busy` */
    pid_t process;
    int threads;
    pr_worker *workers;                     /* threads - 1 of them: index 0 is the caller */
    pr_share *shares;                       /* one per thread */
};

static void pr_futex(_Atomic uint32_t *word, int operation, uint32_t value) {
    syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static int64_t pr_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Relaxes a little; false when whoever began to wait at `since` should rather sleep.  since 0: now. */
static bool pr_ask_again(int64_t *since, int *asks) {
    pr_relax();
    if (++*asks % PR_ASKS) return true;
    const int64_t now = pr_clock();
    if (!*since) *since = now;
    if (now - *since > PR_ASK_NS) sched_yield();
    return now - *since <= PR_YIELD_NS;
}

static void pr_chunk(const pr_pool *pool, int64_t chunk, int index) {
    int64_t begin = chunk * pool->grain, rest = pool->items - begin;
    pool->fn(pool->arg, begin, begin + (rest < pool->grain ? rest : pool->grain), index);
}

/* How many chunks that were. */
static int64_t pr_claim(pr_pool *pool, int index) {
    int64_t chunks = 0;
    pr_share *own = &pool->shares[index];
    for (; atomic_fetch_sub_explicit(&own->left, 1, memory_order_relaxed) > 0; chunks++)
        pr_chunk(pool, atomic_fetch_add_explicit(&own->first, 1, memory_order_relaxed), index);
    for (int i = 1; i < pool->threads; i++) {
        pr_share *other = &pool->shares[(index + i) % pool->threads];
        for (; atomic_fetch_sub_explicit(&other->left, 1, memory_order_relaxed) > 0; chunks++)
            pr_chunk(pool, atomic_fetch_sub_explicit(&other->last, 1, memory_order_relaxed) - 1, index);
    }
    return chunks;
}

/* The first threads get a share each, the caller before all. */
static void pr_share_out(pr_pool *pool, int64_t chunks) {
    const int64_t shares = chunks < pool->threads ? chunks : pool->threads;
    for (int64_t i = 0; i < pool->threads; i++) {
        pr_share *share = &pool->shares[i];
        const int64_t first = i < shares ? chunks * i / shares : chunks, last = i < shares ? chunks * (i + 1) / shares : chunks;
        atomic_store_explicit(&share->left, last - first, memory_order_relaxed);
        atomic_store_explicit(&share->first, first, memory_order_relaxed);
        atomic_store_explicit(&share->last, last, memory_order_relaxed);
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
    int64_t since = 0;
    int asks = 0;
    do {
        if ((now = atomic_load_explicit(&pool->round, memory_order_acquire)) != seen) return now;
    } while (pr_ask_again(&since, &asks));
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
        if (atomic_fetch_sub_explicit(&pool->gate, 1, memory_order_release) == (PR_WAITED | 1)) pr_futex(&pool->gate, FUTEX_WAKE, 1);
    }
}

/* The gate is closed: returns when nobody is inside. */
static void pr_await_workers(pr_pool *pool) {
    uint32_t gate;
    int64_t since = 0;
    int asks = 0;
    while ((gate = atomic_load_explicit(&pool->gate, memory_order_acquire)) & ~PR_WAITED) {
        if (pr_ask_again(&since, &asks)) continue;
        if ((gate & PR_WAITED) || atomic_compare_exchange_strong(&pool->gate, &gate, gate | PR_WAITED))
            pr_futex(&pool->gate, FUTEX_WAIT, gate | PR_WAITED);
    }
}

/* The caller did `chunks` from `start` to `end`, and then waited: whether it does without workers from now on. */
static void pr_judge(pr_pool *pool, int64_t start, int64_t end, int64_t chunks) {
    const int64_t now = pr_clock(), waited = now - end, well = end - pool->late_at;
    if (waited < PR_LATE_NS + 2 * (end - start) / (chunks ? chunks : 1)) return;
    if (waited < well / 2) pool->rest = 0;              /* what workers did since the last time is worth more */
    else {
        pool->rest = pool->rest == 0 ? PR_REST_LEAST : pool->rest < PR_REST_MOST ? 2 * pool->rest : PR_REST_MOST;
        pool->rest_until = now + pool->rest;
    }
    pool->late_at = now + pool->rest;
}

void pr_for(pr_pool *pool, int64_t items, int64_t grain, pr_range_fn *fn, void *arg) {
    if (items <= 0) return;
    if (grain < 1) grain = 1;
    if (!pool || pool->threads == 1 || items <= grain || getpid() != pool->process ||
        atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
        fn(arg, 0, items, 0);
        return;
    }
    const int64_t start = pr_clock();
    if (start < pool->rest_until) {
        atomic_flag_clear_explicit(&pool->busy, memory_order_release);
        fn(arg, 0, items, 0);
        return;
    }
    pool->fn = fn;
    pool->arg = arg;
    pool->items = items;
    pool->grain = grain;
    const int64_t all = (items - 1) / grain + 1;
    pr_share_out(pool, all);
    atomic_store(&pool->gate, PR_OPEN);
    atomic_fetch_add(&pool->round, 1);
    if (atomic_load(&pool->asleep)) pr_futex(&pool->round, FUTEX_WAKE, all < pool->threads ? (uint32_t)all - 1 : (uint32_t)pool->threads);
    const int64_t chunks = pr_claim(pool, 0);
    if (atomic_fetch_and(&pool->gate, ~PR_OPEN) != PR_OPEN) {
        const int64_t end = pr_clock();
        pr_await_workers(pool);
        pr_judge(pool, start, end, chunks);
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
    free(pool->shares);
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
    pr_share *shares = aligned_alloc(64, (size_t)threads * sizeof *shares);
    if (!pool || !workers || !shares) {
        free(pool);
        free(workers);
        free(shares);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a pool of %d threads", threads);
    }
    memset(pool, 0, sizeof *pool);
    atomic_flag_clear(&pool->busy);
    pool->process = getpid();
    pool->threads = threads;
    pool->workers = workers;
    pool->shares = shares;
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
