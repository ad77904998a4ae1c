/* Many queries together, as a matrix product: |x - q|^2 = |x|^2 - 2 <x, q> + |q|^2.  The sum says only which samples are too
 * far; the distance of the others is computed as everywhere.
 *
 * With u = 2^-24, sums of n products carry a relative error of n u of the sum of their magnitudes, and 2 |x q| <= x^2 + q^2.
 * So the right side, computed, is off by at most 2 n u (|x|^2 + |q|^2), and (n + 16) 2^-23 of both norms covers that and the
 * operations around it. */
#include <stdlib.h>

#include "exec/context.h"
#include "knn/knn.h"

#define MOST_QUERIES 256
#define HEAPS_BYTES ((int64_t)64 << 20)     /* of all workers: a huge k makes batches smaller */
#define BLOCK_FLOATS (48 * 1024)            /* rows of a block stay in the second-level cache */
#define BLOCK_MOST 512
#define BLOCK_LEAST 24

typedef struct worker {
    pr_nearest *nearest;                    /* one per query */
    float *bounds;                          /* (panels, width): see bound_of */
    float *above, *norms, *rows;
    int32_t *found;
} worker;

typedef struct batch {
    const pr_knn *index;
    const float *queries;
    const float *zeros, *panels;
    const float *query_norms;
    int64_t count, panel_count, block;
    double keep;                            /* share of a norm that is certain */
    worker *workers;
} batch;

static int64_t workers_of(const pr_knn *index) { return pr_pool_threads(index->context->pool); }

int64_t pr_knn_batch_most(const pr_knn *index, int64_t k) {
    const int64_t most = HEAPS_BYTES / (int64_t)sizeof(pr_neighbor) / workers_of(index) / k;
    return most < 1 ? 1 : most > MOST_QUERIES ? MOST_QUERIES : most;
}

/* A sample is too far when |x|^2 keep - 2 <x, q> is above this. */
static float bound_of(const batch *b, int64_t query, float limit) {
    const double norm = (double)b->query_norms[query], n = (double)b->index->dimensions;
    if (!isfinite(norm) || !isfinite(limit)) return INFINITY;
    const double bound = pr_knn_true_limit(limit, b->index->dimensions) - norm * b->keep + (n + 16) * 0x1p-124;
    return nextafterf((float)bound, INFINITY);
}

static void refresh(const batch *b, worker *w, int64_t query) {
    w->bounds[query] = bound_of(b, query, pr_nearest_limit(&w->nearest[query]));
}

/* Rows of a block as floats, and their norms as far as they are certain; an overflowing one rules nothing out. */
static const float *block_rows(const batch *b, const worker *w, const pr_knn_part *part, int64_t at, int64_t count) {
    const pr_knn *index = b->index;
    const float *rows = w->rows;
    if (part->samples.floats) rows = part->samples.floats + at * index->dimensions;
    else
        index->kernels->expand(part->samples.codes + at * index->dimensions, part->samples.scales + at, count,
                               index->dimensions, w->rows);
    index->kernels->distances(rows, count, index->dimensions, b->zeros, w->norms);
    for (int64_t i = 0; i < count; i++)
        w->norms[i] = isfinite(w->norms[i]) ? (float)((double)w->norms[i] * b->keep) : -INFINITY;
    return rows;
}

static void verify(const batch *b, worker *w, const pr_knn_part *part, int64_t row, int64_t query) {
    pr_nearest *nearest = &w->nearest[query];
    const float distance = pr_knn_distance(b->index, part, row, b->queries + query * b->index->dimensions);
    if (!(distance <= pr_nearest_limit(nearest))) return;
    pr_nearest_offer(nearest, (pr_neighbor){distance, part->first + row});
    refresh(b, w, query);
}

static void search_block(const batch *b, worker *w, const pr_knn_part *part, int64_t at, int64_t count) {
    const int64_t width = *b->index->kernels->width, n = b->index->dimensions;
    const float *rows = block_rows(b, w, part, at, count);
    for (int64_t p = 0; p < b->panel_count; p++) {
        const int64_t first = p * width, lanes = b->count - first < width ? b->count - first : width;
        const int64_t hits = b->index->kernels->filter(rows, count, n, b->panels + p * width * n, w->norms, w->bounds + first,
                                                       w->above, w->found);
        for (int64_t h = 0; h < hits; h++)
            for (int64_t lane = 0; lane < lanes; lane++)
                if (!(w->above[w->found[h] * width + lane] > 0)) verify(b, w, part, at + w->found[h], first + lane);
    }
}

/* Rows begin..end-1 of all parts.  The first block is small: as long as heaps are not full, nothing is ruled out. */
static void search_range(void *arg, int64_t begin, int64_t end, int number) {
    const batch *b = arg;
    worker *w = &b->workers[number];
    for (int32_t p = 0; p < b->index->part_count; p++) {
        const pr_knn_part *part = &b->index->parts[p];
        int64_t at = begin > part->first ? begin - part->first : 0;
        const int64_t to = end - part->first < part->samples.count ? end - part->first : part->samples.count;
        for (int64_t n; at < to; at += n) {
            n = w->nearest[0].count < w->nearest[0].room ? BLOCK_LEAST : b->block;
            n = to - at < n ? to - at : n;
            search_block(b, w, part, at, n);
        }
    }
}

/* The next bytes of a room; NULL while they are only counted. */
static void *piece(char *room, size_t *used, size_t bytes) {
    void *start = room ? room + *used : NULL;
    *used += (bytes + 63) / 64 * 64;
    return start;
}

/* Gives each worker its arrays of `room`, or counts the bytes when room is NULL.  Worker 0 fills the caller's heaps. */
static size_t lay_out(batch *b, char *room, int64_t k, pr_nearest *nearest) {
    const int64_t n = b->index->dimensions, width = *b->index->kernels->width, slots = b->panel_count * width;
    int has_codes = 0;
    for (int32_t p = 0; p < b->index->part_count; p++) has_codes |= !b->index->parts[p].samples.floats;
    size_t used = 0;
    for (int64_t i = 0; i < workers_of(b->index); i++) {
        worker w = {
            .nearest = i ? piece(room, &used, (size_t)b->count * sizeof(pr_nearest)) : nearest,
            .bounds = piece(room, &used, (size_t)slots * sizeof(float)),
            .above = piece(room, &used, (size_t)(b->block * width) * sizeof(float)),
            .norms = piece(room, &used, (size_t)b->block * sizeof(float)),
            .found = piece(room, &used, (size_t)b->block * sizeof(int32_t)),
            .rows = piece(room, &used, has_codes ? (size_t)(b->block * n) * sizeof(float) : 0),
        };
        pr_neighbor *heaps = i ? piece(room, &used, (size_t)(b->count * k) * sizeof *heaps) : NULL;
        if (!room) continue;
        for (int64_t q = 0; i && q < b->count; q++) w.nearest[q] = (pr_nearest){heaps + q * k, 0, k};
        for (int64_t q = 0; q < slots; q++) w.bounds[q] = q < b->count ? INFINITY : -INFINITY;
        b->workers[i] = w;
    }
    return used;
}

/* Queries side by side, a panel after the other; the last one is filled up with zeros. */
static void pack(const batch *b, float *panels) {
    const int64_t n = b->index->dimensions, width = *b->index->kernels->width;
    for (int64_t q = 0; q < b->panel_count * width; q++) {
        float *to = panels + q / width * width * n + q % width;
        for (int64_t j = 0; j < n; j++) to[j * width] = q < b->count ? b->queries[q * n + j] : 0;
    }
}

pr_status pr_knn_batch(const pr_knn *index, const float *queries, int64_t count, int64_t k, pr_nearest *nearest,
                       pr_message *message) {
    const int64_t n = index->dimensions, width = *index->kernels->width, workers = workers_of(index);
    const int64_t panels = (count + width - 1) / width, block = BLOCK_FLOATS / n;
    batch b = {.index = index, .queries = queries, .count = count, .panel_count = panels,
               .block = block < BLOCK_LEAST ? BLOCK_LEAST : block > BLOCK_MOST ? BLOCK_MOST : block,
               .keep = 1 - ((double)n + 16) * 0x1p-23};
    const size_t packed = (size_t)(panels * width * n);
    float *floats = malloc((packed + (size_t)n + (size_t)count) * sizeof *floats);
    b.workers = malloc((size_t)workers * sizeof *b.workers);
    char *room = aligned_alloc(64, lay_out(&b, NULL, k, nearest));
    pr_status status = PR_OK;
    if (!floats || !b.workers || !room)
        status = pr_fail(message, PR_NO_MEMORY, "no memory for %lld queries of nearest neighbours", (long long)count);
    else {
        pack(&b, floats);
        float *zeros = floats + packed, *norms = zeros + n;
        for (int64_t j = 0; j < n; j++) zeros[j] = 0;
        index->kernels->distances(queries, count, n, zeros, norms);
        b.panels = floats, b.zeros = zeros, b.query_norms = norms;
        lay_out(&b, room, k, nearest);
        const int64_t grain = PR_KNN_WORTH / n / panels;
        pr_for(index->context->pool, index->count, grain < b.block ? b.block : grain, search_range, &b);
        for (int64_t i = 1; i < workers; i++)
            for (int64_t q = 0; q < count; q++) pr_nearest_merge(&nearest[q], &b.workers[i].nearest[q]);
    }
    free(floats);
    free(b.workers);
    free(room);
    return status;
}
