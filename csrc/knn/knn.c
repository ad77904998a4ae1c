/* The public functions of the k-NN index, and the linear scan over threads. */
#include "knn/knn.h"

#include <stdlib.h>
#include <string.h>

#include "exec/context.h"

const pr_knn_row pr_knn_rows[] = {
#define PR_KNN(level) PR_ROW_##level({"knn__" #level, PR_ISA_##level, pr_knn_distances__##level},)
#include "knn/knn.def"
#undef PR_KNN
};
const int pr_knn_row_count = sizeof pr_knn_rows / sizeof *pr_knn_rows;

#define MOST_ELEMENTS ((int64_t)1 << 40)
/* Floats below which a scan is not worth waking other threads. */
#define WORTH ((int64_t)1 << 18)

static pr_knn_distances_fn *select_distances(uint32_t levels) {
    pr_knn_distances_fn *best = pr_knn_rows[0].distances;       /* ref is always there */
    for (int i = 1; i < pr_knn_row_count; i++)
        if (pr_knn_rows[i].level & levels) best = pr_knn_rows[i].distances;
    return best;
}

static pr_status check_finite(const char *what, const float *rows, int64_t count, int64_t dimensions,
                              pr_message *message) {
    for (int64_t i = 0; i < count * dimensions; i++)
        if (!isfinite(rows[i]))
            return pr_fail(message, PR_BAD_VALUE, "%s %lld of the nearest neighbours: number %lld is %g, expected finite ones",
                           what, (long long)(i / dimensions), (long long)(i % dimensions), (double)rows[i]);
    return PR_OK;
}

pr_status pr_knn_open(pr_context *context, const float *samples, int64_t count, int64_t dimensions, int64_t leaf_size,
                      pr_knn **index, pr_message *message) {
    if (dimensions < 1 || dimensions > INT32_MAX || count < 0 || count > MOST_ELEMENTS / dimensions || leaf_size < 0)
        return pr_fail(message, PR_BAD_SHAPE, "%lld samples of %lld numbers in leaves of %lld cannot be searched",
                       (long long)count, (long long)dimensions, (long long)leaf_size);
    PR_TRY(check_finite("sample", samples, count, dimensions, message));
    pr_knn *made = calloc(1, sizeof *made);
    if (!made) return pr_fail(message, PR_NO_MEMORY, "no memory for a k-NN index");
    *made = (pr_knn){.context = context, .distances = select_distances(context->levels), .samples = samples,
                     .count = count, .dimensions = dimensions, .is_tree = leaf_size > 0};
    pr_status status = made->is_tree ? pr_knn_tree_build(made, leaf_size, message) : PR_OK;
    if (status != PR_OK) pr_knn_close(made);
    else *index = made;
    return status;
}

void pr_knn_close(pr_knn *index) {
    if (!index) return;
    pr_knn_tree_free(&index->tree);
    free(index);
}

typedef struct scan {
    const pr_knn *index;
    const float *query;
    pr_nearest *of_worker;
} scan;

static void scan_range(void *arg, int64_t begin, int64_t end, int worker) {
    const scan *s = arg;
    pr_knn_scan(s->index, s->index->samples, NULL, begin, end, s->query, &s->of_worker[worker]);
}

/* Each worker keeps its own nearest; which samples it saw does not matter, for the order of neighbours is total. */
static void search_linear(const pr_knn *index, const float *query, pr_nearest *of_worker, int workers) {
    scan s = {index, query, of_worker};
    int64_t grain = WORTH / index->dimensions;
    grain = grain < PR_KNN_BLOCK ? PR_KNN_BLOCK : grain;
    pr_for(index->context->pool, index->count, grain, scan_range, &s);
    for (int i = 1; i < workers; i++)
        for (int64_t n = 0; n < of_worker[i].count; n++) pr_nearest_offer(&of_worker[0], of_worker[i].heap[n]);
}

/* What a search needs besides the index, in one piece of memory. */
typedef struct search_room {
    pr_nearest *of_worker;
    pr_neighbor *heaps;
    double *offsets;
    int workers;
} search_room;

static pr_status make_room(const pr_knn *index, int64_t k, search_room *room, pr_message *message) {
    room->workers = index->is_tree ? 1 : pr_pool_threads(index->context->pool);
    const size_t workers = (size_t)room->workers;
    room->of_worker = calloc(workers, sizeof *room->of_worker);
    room->heaps = malloc(workers * (size_t)k * sizeof *room->heaps);
    room->offsets = calloc(index->is_tree ? (size_t)index->dimensions : 1, sizeof *room->offsets);
    if (room->of_worker && room->heaps && room->offsets) return PR_OK;
    return pr_fail(message, PR_NO_MEMORY, "no memory for a search of the %lld nearest samples", (long long)k);
}

static void search_one(const pr_knn *index, const float *query, int64_t k, search_room *room) {
    for (int i = 0; i < room->workers; i++) room->of_worker[i] = (pr_nearest){room->heaps + i * k, 0, k};
    if (index->is_tree) pr_knn_tree_search(index, query, room->offsets, &room->of_worker[0]);
    else search_linear(index, query, room->of_worker, room->workers);
    pr_nearest_sort(&room->of_worker[0]);
}

pr_status pr_knn_search(const pr_knn *index, const float *queries, int64_t count, int64_t k, float *distances,
                        int64_t *neighbors, pr_message *message) {
    if (count < 0 || count > MOST_ELEMENTS / index->dimensions || k < 0 || k > index->count)
        return pr_fail(message, PR_BAD_SHAPE, "%lld queries for the %lld nearest of %lld samples", (long long)count,
                       (long long)k, (long long)index->count);
    PR_TRY(check_finite("query", queries, count, index->dimensions, message));
    if (k == 0 || count == 0) return PR_OK;
    search_room room = {0};
    pr_status status = make_room(index, k, &room, message);
    for (int64_t q = 0; status == PR_OK && q < count; q++) {
        search_one(index, queries + q * index->dimensions, k, &room);
        for (int64_t i = 0; i < k; i++) {
            distances[q * k + i] = room.heaps[i].distance;
            neighbors[q * k + i] = room.heaps[i].sample;
        }
    }
    free(room.of_worker);
    free(room.heaps);
    free(room.offsets);
    return status;
}
