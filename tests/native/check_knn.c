/* knn: distances of every row of knn.def, and whole searches by scan and by tree, against sorting all distances. */
#include "check.h"
#include "exec/context.h"
#include "knn/knn.h"

static void expected_distances(const float *samples, int64_t count, int64_t n, const float *query, float *distances) {
    for (int64_t i = 0; i < count; i++) {
        distances[i] = 0;
        for (int64_t j = 0; j < n; j++) {
            float difference = samples[i * n + j] - query[j];
            distances[i] += difference * difference;
        }
    }
}

static void check_rows(const pr_knn_row *row) {
    for (int round = 0; round < options.rounds; round++) {
        int64_t n = round < 70 ? round + 1 : random_int(1, 300), count = random_int(0, 9);
        float *samples = guarded_integers(count * n), *query = guarded_integers(n);
        float *got = guarded(count), *expected = guarded(count);
        char name[80];
        snprintf(name, sizeof name, "%s, %d samples of %d", row->name, (int)count, (int)n);
        expected_distances(samples, count, n, query, expected);
        row->distances(samples, count, n, query, got);
        same_rows(name, got, expected, 1, count, count, count);
        release_all();
    }
}

/* The answer by repeated choice of the nearest that is left. */
static void check_answer(const char *name, const float *distances, int64_t count, int64_t k, const float *got,
                         const int64_t *neighbors) {
    char *used = guarded_bytes((size_t)count + 1);
    memset(used, 0, (size_t)count);
    for (int64_t place = 0; place < k; place++) {
        int64_t best = -1;
        for (int64_t i = 0; i < count; i++)
            if (!used[i] && (best < 0 || distances[i] < distances[best])) best = i;
        check_count();
        if (neighbors[place] != best || got[place] != distances[best]) {
            check_fail("%s: neighbour %d is sample %d at %g, expected %d at %g", name, (int)place, (int)neighbors[place],
                       (double)got[place], (int)best, (double)distances[best]);
            return;
        }
        used[best] = 1;
    }
}

static void check_search(pr_context *context, int64_t count, int64_t n, int64_t leaf_size, int64_t k) {
    float *samples = guarded_integers(count * n), *query = guarded_integers(n), *all = guarded(count), *got = guarded(k);
    int64_t *neighbors = guarded_bytes((size_t)k * sizeof *neighbors);
    char name[120];
    snprintf(name, sizeof name, "knn of %d samples of %d, leaf %d, k %d, %d threads", (int)count, (int)n, (int)leaf_size,
             (int)k, (int)pr_context_threads(context));
    expected_distances(samples, count, n, query, all);
    pr_knn *index = NULL;
    pr_message message = {""};
    if (pr_knn_open(context, samples, count, n, leaf_size, &index, &message) != PR_OK ||
        pr_knn_search(index, query, 1, k, got, neighbors, &message) != PR_OK)
        check_fail("%s: %s", name, message.text);
    else check_answer(name, all, count, k, got, neighbors);
    pr_knn_close(index);
    release_all();
}

void check_knn(void) {
    for (int i = 0; i < pr_knn_row_count; i++)
        if (pr_knn_rows[i].level & options.levels) check_rows(&pr_knn_rows[i]);
    for (int threads = 1; threads <= 3; threads++) {
        pr_context *context = NULL;
        pr_message message = {""};
        if (pr_context_open(options.levels, threads, &context, &message) != PR_OK) {
            check_fail("knn: %s", message.text);
            return;
        }
        for (int round = 0; round < options.rounds; round++) {
            int64_t count = random_int(1, round % 2 ? 40 : 600), n = random_int(1, round % 4 ? 4 : 40);
            check_search(context, count, n, random_int(0, 9), random_int(1, count < 20 ? (int)count : 20));
        }
        for (int leaf_size = 0; leaf_size < 2; leaf_size++) check_search(context, 20000, 33, leaf_size * 30, 7);
        pr_context_close(context);
    }
}

typedef struct timed { pr_knn *index; float *query, distances[8]; int64_t neighbors[8]; } timed;
static void search(void *arg) {
    timed *t = arg;
    pr_knn_search(t->index, t->query, 1, 8, t->distances, t->neighbors, NULL);
}

void bench_knn(void) {
    static const int shapes[][3] = {{100, 128, 0}, {1000, 128, 0}, {10000, 128, 0}, {100000, 3, 0}, {100000, 3, 30}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int count = shapes[s][0], n = shapes[s][1];
        pr_context *context = NULL;
        timed t = {.query = guarded_integers(n + 16)};     /* a masked load that crosses into a guard is slow */
        if (pr_context_open(options.levels, 1, &context, NULL) != PR_OK ||
            pr_knn_open(context, guarded_integers((int64_t)count * n), count, n, shapes[s][2], &t.index, NULL) != PR_OK)
            return;
        char name[60];
        snprintf(name, sizeof name, "%d of %d%s", count, n, shapes[s][2] ? ", tree" : "");
        bench_line("knn", name, 3.0 * count * n, best_time(search, &t, 0.1));
        pr_knn_close(t.index);
        pr_context_close(context);
        release_all();
    }
}
