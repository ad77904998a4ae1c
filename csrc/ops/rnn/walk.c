#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "base/relax.h"
#include "ops/kernels.h"
#include "ops/rnn/units.h"

/* The steps run inside one job of the pool, because waking threads for each would cost more than it.  A member of the team
 * has its own range of panels, so that they stay in its core's cache.  Who is done with it takes what others have not begun:
 * a member that comes late, or never, or loses its core, holds up nobody for longer than the panels it has begun. */

enum { MOST_MEMBERS = 64, PIECES = 4 };     /* pieces of a member's range, each claimed at once */
enum { MEMBER_WORK = 1 << 15 };             /* multiply-adds in a half that are worth a member */
enum { SPINS = 200 };                       /* some microseconds; then the core may be needed by who is waited for */

typedef struct member {
    alignas(64) _Atomic uint64_t claimed;   /* the half that its range is in (upper 32 bits), and pieces of it claimed */
} member;
typedef struct team {
    const pr_walk *walk;
    const pr_units_kernels *kernels;
    int64_t members;
    alignas(64) _Atomic int64_t done;       /* panels of all halves so far */
    member member[MOST_MEMBERS];
} team;

static void run_panel(const pr_walk *walk, const pr_units_kernels *kernels, int half, pr_units job, int64_t panel) {
    job.r += panel * walk->panels[half].floats;
    job.unit = panel * walk->panels[half].units;
    kernels->run[walk->kind[half]](&job);
}

static void walk_alone(const pr_walk *walk, const pr_units_kernels *kernels) {
    for (int64_t step = 0; step < walk->steps; step++)
        for (int half = 0; half < walk->halves; half++) {
            const pr_units job = walk->make(walk->arg, step, half);
            const int64_t count = walk->panels[half].count;
            for (int64_t i = 0; i < count; i++) run_panel(walk, kernels, half, job, step % 2 ? count - 1 - i : i);
        }
}

/* The next piece of a range in half number `turn`; -1: none is left. */
static int64_t claim(member *m, uint64_t turn, uint64_t pieces) {
    uint64_t now = atomic_load_explicit(&m->claimed, memory_order_relaxed);
    for (;;) {
        const uint64_t at = now >> 32, piece = at < turn ? 0 : now & UINT32_MAX;
        if (at > turn || piece >= pieces) return -1;
        if (atomic_compare_exchange_weak_explicit(&m->claimed, &now, turn << 32 | (piece + 1), memory_order_relaxed,
                                                  memory_order_relaxed))
            return (int64_t)piece;
    }
}

/* Panels of member `which` that this thread has run. */
static int64_t take(team *t, int64_t which, uint64_t turn, int half, const pr_units *job, bool back) {
    const int64_t count = t->walk->panels[half].count;
    const int64_t first = which * count / t->members, panels = (which + 1) * count / t->members - first;
    const int64_t pieces = panels < PIECES ? panels : PIECES;
    int64_t piece, run = 0;
    while ((piece = claim(&t->member[which], turn, (uint64_t)pieces)) >= 0) {
        const int64_t end = (piece + 1) * panels / pieces;
        for (int64_t i = piece * panels / pieces; i < end; i++, run++)
            run_panel(t->walk, t->kernels, half, *job, first + (back ? panels - 1 - i : i));
    }
    return run;
}

static void walk_together(void *arg, int64_t begin, int64_t end, int worker) {
    team *t = arg;
    const pr_walk *walk = t->walk;
    int64_t wanted = 0;
    (void)begin, (void)end;
    for (int64_t step = 0; step < walk->steps; step++)
        for (int half = 0; half < walk->halves; half++) {
            const pr_units job = walk->make(walk->arg, step, half);
            const uint64_t turn = (uint64_t)(step * walk->halves + half);
            int64_t run = 0;
            for (int64_t i = 0; i < t->members; i++) run += take(t, (worker + i) % t->members, turn, half, &job, step % 2);
            if (run) atomic_fetch_add_explicit(&t->done, run, memory_order_release);
            wanted += walk->panels[half].count;
            for (int spins = 0; atomic_load_explicit(&t->done, memory_order_acquire) < wanted; spins += spins < SPINS) {
                if (spins < SPINS) pr_relax();
                else sched_yield();
            }
        }
}

void pr_walk_steps(const pr_env *env, const pr_walk *walk) {
    const pr_panels *p = &walk->panels[walk->halves - 1];           /* a GRU's second half is the smaller one */
    const int64_t work = p->floats * p->count * walk->rows / MEMBER_WORK, threads = pr_pool_threads(env->pool);
    int64_t members = threads < work ? threads : work;
    if (members > p->count) members = p->count;
    if (members > MOST_MEMBERS) members = MOST_MEMBERS;
    if (members < 2) {
        walk_alone(walk, env->kernels->units);
        return;
    }
    team t = {.walk = walk, .kernels = env->kernels->units, .members = members};
    pr_for(env->pool, members, 1, walk_together, &t);
}
