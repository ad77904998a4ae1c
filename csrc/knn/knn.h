/* Exact k nearest neighbours by squared Euclidean distance: shared by the scan, the batch and the kd-tree.
 *
 * A sample has one distance to a query, whatever asks for it: `distances` of the level (or `code_distances` where only
 * codes are stored) adds up the squares in an order that depends on the number of dimensions only.  Everything else here
 * only finds samples whose distance need not be computed: a lower bound, with all rounding that led to it, is above the
 * farthest of the nearest so far.  Equal distances rank by the order of the samples.  So scan, batch and tree give the same
 * answer to the last bit, whatever the number of threads. */
#ifndef PR_KNN_KNN_H
#define PR_KNN_KNN_H

#include <math.h>
#include <stdatomic.h>

#include "base/isa.h"
#include "base/status.h"
#include "base/threads.h"

/* distances[i] = sum over j of (samples[i * dimensions + j] - query[j])^2 */
typedef void pr_knn_distances_fn(const float *samples, int64_t count, int64_t dimensions, const float *query,
                                 float *distances);
/* The same of samples codes[i * dimensions + j] * scales[i]. */
typedef void pr_knn_code_distances_fn(const int8_t *codes, const float *scales, int64_t count, int64_t dimensions,
                                      const float *query, float *distances);
/* rows[i * dimensions + j] = codes[i * dimensions + j] * scales[i] */
typedef void pr_knn_expand_fn(const int8_t *codes, const float *scales, int64_t count, int64_t dimensions, float *rows);
/* above[i * width + p] = norms[i] - 2 <row i, query p> - bounds[p] for the `width` queries of a panel: query p has its
 * number j at panel[j * width + p].  found: rows in which one of them is not above 0, perhaps with some of their neighbours;
 * the result counts them. */
typedef int64_t pr_knn_filter_fn(const float *rows, int64_t count, int64_t dimensions, const float *panel, const float *norms,
                                 const float *bounds, float *above, int32_t *found);

#define PR_KNN(level) \
    PR_ROW_##level(pr_knn_distances_fn pr_knn_distances__##level; \
                   pr_knn_code_distances_fn pr_knn_code_distances__##level; \
                   pr_knn_expand_fn pr_knn_expand__##level; \
                   pr_knn_filter_fn pr_knn_filter__##level; \
                   extern const int pr_knn_width__##level;)
#include "knn/knn.def"
#undef PR_KNN

typedef struct pr_knn_row {
    const char *name;
    uint32_t level;
    const int *width;                       /* queries in a panel */
    pr_knn_distances_fn *distances;
    pr_knn_code_distances_fn *code_distances;
    pr_knn_expand_fn *expand;
    pr_knn_filter_fn *filter;
} pr_knn_row;

extern const pr_knn_row pr_knn_rows[];
extern const int pr_knn_row_count;
#define PR_KNN_MOST_WIDTH 64

typedef struct pr_neighbor {
    float distance;
    int64_t sample;
} pr_neighbor;

/* The nearest so far: a heap with the farthest at the top, of at most `room` entries. */
typedef struct pr_nearest {
    pr_neighbor *heap;
    int64_t count, room;
} pr_nearest;

/* Equal distances: the earlier sample is nearer. */
static inline int pr_nearer(pr_neighbor a, pr_neighbor b) {
    return a.distance < b.distance || (a.distance == b.distance && a.sample < b.sample);
}
/* No sample farther than this can still enter. */
static inline float pr_nearest_limit(const pr_nearest *nearest) {
    return nearest->count < nearest->room ? INFINITY : nearest->heap[0].distance;
}
void pr_nearest_offer(pr_nearest *nearest, pr_neighbor candidate);
/* Offers all that `other` has. */
void pr_nearest_merge(pr_nearest *nearest, const pr_nearest *other);
/* Turns the heap into a list, nearest first. */
void pr_nearest_sort(pr_nearest *nearest);

/* Distances of this many samples are computed at a time: they stay in the first-level cache. */
#define PR_KNN_BLOCK 64
/* Floats below which a range of samples is not worth waking other threads. */
#define PR_KNN_WORTH ((int64_t)1 << 18)

/* A kd-tree in which every leaf lies equally deep: node i has the children 2i + 1 and 2i + 2, and the samples of a node
 * are halved between them.  order: the samples' numbers in leaf order; ordered: the samples themselves in that order.
 * visited, searches: how many samples searches have looked at, which says whether the tree is worth it. */
typedef struct pr_knn_tree {
    int depth;
    int64_t *order;
    float *ordered;
    float *split;
    int32_t *axis;
    _Atomic int64_t visited, searches;
} pr_knn_tree;

/* A piece of the samples, and the number of its first one. */
typedef struct pr_knn_part {
    pr_knn_samples samples;
    int64_t first;
} pr_knn_part;

struct pr_knn {
    pr_context *context;
    const pr_knn_row *kernels;
    pr_knn_part *parts;
    int32_t part_count;
    int64_t count, dimensions;
    int has_tree;
    pr_knn_tree *tree;
};

/* What a computed distance of floats says about the true one: true * shrink - grain <= computed.  Each of the additions and
 * three operations before it rounds by at most 2^-24 of its result, or by FLT_MIN where small numbers are flushed to zero;
 * twice that leaves room for the rounding of what is derived from it. */
static inline double pr_knn_shrink(int64_t dimensions) { return 1 - ((double)dimensions + 8) * 0x1p-23; }
static inline double pr_knn_grain(int64_t dimensions) { return ((double)dimensions + 8) * 0x1p-125; }
/* A true squared distance above this is, computed, above `limit`. */
static inline double pr_knn_true_limit(float limit, int64_t dimensions) {
    return ((double)limit + pr_knn_grain(dimensions)) / pr_knn_shrink(dimensions);
}

/* Offers the samples begin..end-1 of all parts. */
void pr_knn_scan(const pr_knn *index, int64_t begin, int64_t end, const float *query, pr_nearest *nearest);
/* Offers rows of floats whose numbers are order[i]. */
void pr_knn_scan_ordered(const pr_knn *index, const float *rows, const int64_t *order, int64_t count, const float *query,
                         pr_nearest *nearest);
/* The distance of one sample of a part. */
float pr_knn_distance(const pr_knn *index, const pr_knn_part *part, int64_t row, const float *query);

/* Searches for `count` queries together; nearest: one per query, empty.  Memory for it is taken and given back. */
pr_status pr_knn_batch(const pr_knn *index, const float *queries, int64_t count, int64_t k, pr_nearest *nearest,
                       pr_message *message);
/* Queries that one pass over the samples serves. */
int64_t pr_knn_batch_most(const pr_knn *index, int64_t k);
/* From so many queries on, a batch is faster than scans. */
#define PR_KNN_BATCH_FROM 4

pr_status pr_knn_tree_build(pr_knn *index, int64_t leaf_size, pr_message *message);
void pr_knn_tree_free(pr_knn_tree *tree);
/* offsets: dimensions zeros; zeros again afterwards. */
void pr_knn_tree_search(const pr_knn *index, const float *query, double *offsets, pr_nearest *nearest);
/* Whether the searches up to now say that the tree is faster than a scan; together: for many queries at once. */
int pr_knn_tree_pays(const pr_knn *index, int together);

#endif
