/* The public functions of the k-NN index: checks, and which way to search. */
#include "knn/knn.h"

#include <stdlib.h>
#include <string.h>

#include "exec/context.h"

const pr_knn_row pr_knn_rows[] = {
#define PR_KNN(level) \
    PR_ROW_##level({"knn__" #level, PR_ISA_##level, &pr_knn_width__##level, pr_knn_distances__##level, \
                    pr_knn_code_distances__##level, pr_knn_expand__##level, pr_knn_filter__##level},)
#include "knn/knn.def"
#undef PR_KNN
};
const int pr_knn_row_count = sizeof pr_knn_rows / sizeof *pr_knn_rows;

#define MOST_ELEMENTS ((int64_t)1 << 40)
#define MOST_PARTS (1 << 20)
#define TREE_CHUNK 8                        /* queries that a thread takes at a time */

static const pr_knn_row *select_kernels(uint32_t levels) {
    const pr_knn_row *best = &pr_knn_rows[0];                   /* ref is always there */
    for (int i = 1; i < pr_knn_row_count; i++)
        if (pr_knn_rows[i].level & levels) best = &pr_knn_rows[i];
    return best;
}

/* Without a branch per number, so that it becomes vector instructions. */
static int all_finite(const float *numbers, int64_t count) {
    int bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

static pr_status check_finite(const char *what, const float *rows, int64_t count, int64_t dimensions, int64_t first,
                              pr_message *message) {
    for (int64_t i = 0; i < count; i++) {
        if (all_finite(rows + i * dimensions, dimensions)) continue;
        for (int64_t j = 0; j < dimensions; j++)
            if (!isfinite(rows[i * dimensions + j]))
                return pr_fail(message, PR_BAD_VALUE, "%s %lld of the nearest neighbours: number %lld is %g, expected finite ones",
                               what, (long long)(first + i), (long long)j, (double)rows[i * dimensions + j]);
    }
    return PR_OK;
}

static pr_status check_part(const pr_knn_part *part, int64_t dimensions, pr_message *message) {
    const pr_knn_samples *s = &part->samples;
    if (s->floats) PR_TRY(check_finite("sample", s->floats, s->count, dimensions, part->first, message));
    if (s->codes) PR_TRY(check_finite("the scale of sample", s->scales, s->count, 1, part->first, message));
    return PR_OK;
}

static pr_status check_sizes(const pr_knn_samples *samples, int32_t parts, int64_t dimensions, int64_t leaf_size,
                             int64_t *count, pr_message *message) {
    int64_t total = 0, fits = dimensions >= 1 && dimensions <= INT32_MAX && leaf_size >= 0 && parts >= 0 && parts <= MOST_PARTS;
    for (int32_t p = 0; fits && p < parts; p++) {
        const pr_knn_samples *s = &samples[p];
        fits = s->count >= 0 && s->count <= MOST_ELEMENTS / dimensions - total && (s->floats || s->codes || !s->count) &&
               (!s->codes || s->scales) && (!s->codes || !s->floats || s->errors);
        total += fits ? s->count : 0;
    }
    *count = total;
    if (fits) return PR_OK;
    return pr_fail(message, PR_BAD_SHAPE, "%lld samples of %lld numbers in leaves of %lld cannot be searched",
                   (long long)total, (long long)dimensions, (long long)leaf_size);
}

pr_status pr_knn_open(pr_context *context, const pr_knn_samples *samples, int32_t parts, int64_t dimensions, int64_t leaf_size,
                      pr_knn **index, pr_message *message) {
    int64_t count = 0;
    PR_TRY(check_sizes(samples, parts, dimensions, leaf_size, &count, message));
    pr_knn *made = calloc(1, sizeof *made);
    pr_knn_part *pieces = calloc((size_t)parts + 1, sizeof *pieces);
    if (!made || !pieces) {
        free(made);
        free(pieces);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a k-NN index");
    }
    *made = (pr_knn){.context = context, .kernels = select_kernels(context->levels), .parts = pieces, .part_count = parts,
                     .count = count, .dimensions = dimensions, .has_tree = leaf_size > 0};
    pr_status status = PR_OK;
    for (int64_t p = 0, first = 0; p < parts; first += samples[p].count, p++) {
        pieces[p] = (pr_knn_part){samples[p], first};
        if (!samples[p].floats) made->has_tree = 0;
    }
    for (int32_t p = 0; p < parts && status == PR_OK; p++)
        if (!samples[p].checked || made->has_tree) status = check_part(&pieces[p], dimensions, message);
    if (status == PR_OK && made->has_tree) status = pr_knn_tree_build(made, leaf_size, message);
    if (status != PR_OK) pr_knn_close(made);
    else *index = made;
    return status;
}

void pr_knn_close(pr_knn *index) {
    if (!index) return;
    pr_knn_tree_free(index->tree);
    free(index->parts);
    free(index);
}

/* A search of some queries: their nearest, and room for those of other workers. */
typedef struct search {
    const pr_knn *index;
    const float *queries;
    pr_nearest *nearest;                    /* per query */
    pr_nearest *of_worker;                  /* of a scan */
    double *offsets;                        /* of a tree, `dimensions` per worker */
} search;

static void scan_range(void *arg, int64_t begin, int64_t end, int worker) {
    const search *s = arg;
    pr_knn_scan(s->index, begin, end, s->queries, &s->of_worker[worker]);
}

/* Each worker keeps its own nearest; which samples it saw does not matter, for the order of neighbours is total. */
static void scan_one(const search *s, int64_t query, int64_t k, pr_neighbor *heaps) {
    const pr_knn *index = s->index;
    const int workers = pr_pool_threads(index->context->pool);
    search one = *s;
    one.queries += query * index->dimensions;
    s->of_worker[0] = s->nearest[query];
    for (int i = 1; i < workers; i++) s->of_worker[i] = (pr_nearest){heaps + (i - 1) * k, 0, k};
    const int64_t grain = PR_KNN_WORTH / index->dimensions;
    pr_for(index->context->pool, index->count, grain < PR_KNN_BLOCK ? PR_KNN_BLOCK : grain, scan_range, &one);
    for (int i = 1; i < workers; i++) pr_nearest_merge(&s->of_worker[0], &s->of_worker[i]);
    s->nearest[query] = s->of_worker[0];
}

static void walk_range(void *arg, int64_t begin, int64_t end, int worker) {
    const search *s = arg;
    const int64_t n = s->index->dimensions;
    for (int64_t q = begin; q < end; q++)
        pr_knn_tree_search(s->index, s->queries + q * n, s->offsets + worker * n, &s->nearest[q]);
}

/* Fills s->nearest for `count` queries, at most pr_knn_batch_most of them. */
static pr_status search_some(search *s, int64_t count, int64_t k, pr_message *message) {
    const pr_knn *index = s->index;
    const size_t workers = (size_t)pr_pool_threads(index->context->pool);
    pr_status status = PR_OK;
    if (index->has_tree && pr_knn_tree_pays(index, count >= PR_KNN_BATCH_FROM)) {
        s->offsets = calloc(workers * (size_t)index->dimensions, sizeof *s->offsets);
        if (!s->offsets) return pr_fail(message, PR_NO_MEMORY, "no memory for a search of a kd-tree");
        pr_for(index->context->pool, count, TREE_CHUNK, walk_range, s);
        free(s->offsets);
        return PR_OK;
    }
    if (count >= PR_KNN_BATCH_FROM) return pr_knn_batch(index, s->queries, count, k, s->nearest, message);
    pr_neighbor *heaps = malloc(workers * (size_t)k * sizeof *heaps);
    s->of_worker = malloc(workers * sizeof *s->of_worker);
    if (!heaps || !s->of_worker)
        status = pr_fail(message, PR_NO_MEMORY, "no memory for a search of the %lld nearest samples", (long long)k);
    for (int64_t q = 0; status == PR_OK && q < count; q++) scan_one(s, q, k, heaps);
    free(heaps);
    free(s->of_worker);
    return status;
}

/* A sample whose distance is no number is nobody's neighbour: then some are missing. */
static pr_status give(pr_nearest *nearest, int64_t count, int64_t k, float *distances, int64_t *neighbors, pr_message *message) {
    for (int64_t q = 0; q < count; q++) {
        if (nearest[q].count < k)
            return pr_fail(message, PR_BAD_VALUE, "stored samples of the nearest neighbours have numbers that are not finite");
        pr_nearest_sort(&nearest[q]);
        for (int64_t i = 0; i < k; i++) {
            distances[q * k + i] = nearest[q].heap[i].distance;
            neighbors[q * k + i] = nearest[q].heap[i].sample;
        }
    }
    return PR_OK;
}

pr_status pr_knn_search(const pr_knn *index, const float *queries, int64_t count, int64_t k, float *distances,
                        int64_t *neighbors, pr_message *message) {
    if (count < 0 || count > MOST_ELEMENTS / index->dimensions || k < 0 || k > index->count)
        return pr_fail(message, PR_BAD_SHAPE, "%lld queries for the %lld nearest of %lld samples", (long long)count,
                       (long long)k, (long long)index->count);
    PR_TRY(check_finite("query", queries, count, index->dimensions, 0, message));
    if (k == 0 || count == 0) return PR_OK;
    const int64_t most = pr_knn_batch_most(index, k), some = count < most ? count : most;
    pr_nearest *nearest = malloc((size_t)some * sizeof *nearest);
    pr_neighbor *heaps = malloc((size_t)(some * k) * sizeof *heaps);
    pr_status status = PR_OK;
    if (!nearest || !heaps)
        status = pr_fail(message, PR_NO_MEMORY, "no memory for a search of the %lld nearest samples", (long long)k);
    for (int64_t q = 0; status == PR_OK && q < count; q += some) {
        const int64_t now = count - q < some ? count - q : some;
        for (int64_t i = 0; i < now; i++) nearest[i] = (pr_nearest){heaps + i * k, 0, k};
        search s = {.index = index, .queries = queries + q * index->dimensions, .nearest = nearest};
        status = search_some(&s, now, k, message);
        if (status == PR_OK) status = give(nearest, now, k, distances + q * k, neighbors + q * k, message);
    }
    free(nearest);
    free(heaps);
    return status;
}
