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

/* Codes of small whole numbers, with scales of 1 and 2, and the samples that they stand for. */
static int8_t *guarded_codes(int64_t count, int64_t n, float *scales, float *samples) {
    int8_t *codes = guarded_bytes((size_t)(count * n));
    for (int64_t i = 0; i < count; i++) {
        scales[i] = (float)random_int(1, 2);
        for (int64_t j = 0; j < n; j++) {
            codes[i * n + j] = (int8_t)random_int(-3, 3);
            samples[i * n + j] = scales[i] * (float)codes[i * n + j];
        }
    }
    return codes;
}

static void check_rows(const pr_knn_row *row) {
    for (int round = 0; round < options.rounds; round++) {
        int64_t n = round < 70 ? round + 1 : random_int(1, 300), count = random_int(0, 9);
        float *samples = guarded_integers(count * n), *query = guarded_integers(n), *scales = guarded(count);
        float *got = guarded(count), *expected = guarded(count), *rows = guarded(count * n);
        char name[80];
        snprintf(name, sizeof name, "%s, %d samples of %d", row->name, (int)count, (int)n);
        expected_distances(samples, count, n, query, expected);
        row->distances(samples, count, n, query, got);
        same_rows(name, got, expected, 1, count, count, count);
        int8_t *codes = guarded_codes(count, n, scales, samples);
        snprintf(name, sizeof name, "%s, codes of %d samples of %d", row->name, (int)count, (int)n);
        expected_distances(samples, count, n, query, expected);
        row->code_distances(codes, scales, count, n, query, got);
        same_rows(name, got, expected, 1, count, count, count);
        row->expand(codes, scales, count, n, rows);
        same_rows(name, rows, samples, count, n, n, count * n);
        release_all();
    }
}

/* What a panel's filter computes, and that it finds every row with something not above 0. */
static void check_filter(const pr_knn_row *row) {
    const int64_t width = *row->width;
    for (int round = 0; round < options.rounds; round++) {
        int64_t n = round % 9 ? random_int(1, 40) : random_int(250, 600), count = random_int(1, 30);
        float *rows = guarded_integers(count * n), *panel = guarded_integers(width * n), *norms = guarded_integers(count);
        float *bounds = guarded_integers(width), *got = guarded(count * width), *expected = guarded(count * width);
        int32_t *found = guarded_bytes((size_t)count * sizeof *found);
        char name[80], seen[64] = {0};
        snprintf(name, sizeof name, "%s, filter of %d rows of %d", row->name, (int)count, (int)n);
        for (int64_t i = 0; i < count * width; i++) {
            float sum = 0;
            for (int64_t j = 0; j < n; j++) sum += rows[i / width * n + j] * panel[j * width + i % width];
            expected[i] = norms[i / width] - 2 * sum - bounds[i % width];
        }
        const int64_t hits = row->filter(rows, count, n, panel, norms, bounds, got, found);
        same_rows(name, got, expected, count, width, width, count * width);
        for (int64_t h = 0; h < hits; h++) seen[found[h]] = 1;
        for (int64_t i = 0; i < count * width; i++)
            if (expected[i] <= 0 && !seen[i / width]) check_fail("%s: row %d is not found", name, (int)(i / width));
        release_all();
    }
}

/* The answer by repeated choice of the nearest that is left. */
static void check_answer(const char *name, char *used, const float *distances, int64_t count, int64_t k, const float *got,
                         const int64_t *neighbors) {
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

typedef struct shape { int64_t count, n, leaf_size, k, queries; int with_codes; } shape;

static void check_search(pr_context *context, shape s) {
    const int64_t n = s.n, k = s.k, half = s.count / 2;
    float *samples = guarded_integers(s.count * n), *queries = guarded_integers(s.queries * n), *all = guarded(s.count);
    float *got = guarded(s.queries * k), *scales = guarded(s.count), *errors = guarded_integers(s.count);
    int64_t *neighbors = guarded_bytes((size_t)(s.queries * k) * sizeof *neighbors);
    int8_t *codes = guarded_codes(s.count, n, scales, samples);
    for (int64_t i = 0; i < s.count; i++) errors[i] = fabsf(errors[i]);
    char name[140], *used = guarded_bytes((size_t)s.count);
    snprintf(name, sizeof name, "knn of %d samples of %d, leaf %d, k %d, %d queries, codes %d, %d threads", (int)s.count, (int)n,
             (int)s.leaf_size, (int)k, (int)s.queries, s.with_codes, (int)pr_context_threads(context));
    pr_knn *index = NULL;
    pr_message message = {""};
    pr_knn_samples parts[] = {{.count = half, .floats = samples}, {.count = s.count - half, .floats = samples + half * n}};
    if (s.with_codes) parts[1].codes = codes + half * n, parts[1].scales = scales + half;
    if (s.with_codes == 1) parts[1].floats = NULL;
    else parts[1].errors = errors + half;
    if (pr_knn_open(context, parts, 2, n, s.leaf_size, &index, &message) != PR_OK ||
        pr_knn_search(index, queries, s.queries, k, got, neighbors, &message) != PR_OK)
        check_fail("%s: %s", name, message.text);
    for (int64_t q = 0; index && q < s.queries; q++) {
        expected_distances(samples, s.count, n, queries + q * n, all);
        check_answer(name, used, all, s.count, k, got + q * k, neighbors + q * k);
    }
    pr_knn_close(index);
    release_all();
}

void check_knn(void) {
    for (int i = 0; i < pr_knn_row_count; i++)
        if (pr_knn_rows[i].level & options.levels) {
            check_rows(&pr_knn_rows[i]);
            check_filter(&pr_knn_rows[i]);
        }
    for (int threads = 1; threads <= 3; threads++) {
        pr_context *context = NULL;
        pr_message message = {""};
        if (pr_context_open(options.levels, threads, &context, &message) != PR_OK) {
            check_fail("knn: %s", message.text);
            return;
        }
        for (int round = 0; round < options.rounds; round++) {
            int64_t count = random_int(1, round % 2 ? 40 : 600), n = random_int(1, round % 4 ? 4 : 40);
            int64_t k = random_int(1, count < 20 ? (int)count : 20), queries = round % 3 ? random_int(1, 70) : 1;
            check_search(context, (shape){count, n, random_int(0, 9), k, queries, random_int(0, 2)});
        }
        for (int leaf_size = 0; leaf_size < 2; leaf_size++)
            for (int with_codes = 0; with_codes < 3; with_codes++)
                for (int queries = 1; queries < 20; queries += 17)
                    check_search(context, (shape){9000, 33, leaf_size * 30, 7, queries, with_codes});
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
            pr_knn_open(context, &(pr_knn_samples){.count = count, .floats = guarded_integers((int64_t)count * n)}, 1, n,
                        shapes[s][2], &t.index, NULL) != PR_OK)
            return;
        char name[60];
        snprintf(name, sizeof name, "%d of %d%s", count, n, shapes[s][2] ? ", tree" : "");
        bench_line("knn", name, 3.0 * count * n, best_time(search, &t, 0.1));
        pr_knn_close(t.index);
        pr_context_close(context);
        release_all();
    }
}
