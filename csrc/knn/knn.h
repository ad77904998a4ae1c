/* Exact k nearest neighbours by squared Euclidean distance: shared by the linear scan and the kd-tree.
 *
 * Both compute the distance of a sample with the same function and rank equal distances by the order of the samples,
 * so they give the same answer to the last bit, whatever the number of threads. */
#ifndef PR_KNN_KNN_H
#define PR_KNN_KNN_H

#include <math.h>

#include "base/isa.h"
#include "base/status.h"
#include "base/threads.h"

/* distances[i] = sum over j of (samples[i * dimensions + j] - query[j])^2 */
typedef void pr_knn_distances_fn(const float *samples, int64_t count, int64_t dimensions, const float *query,
                                 float *distances);

#define PR_KNN(level) PR_ROW_##level(pr_knn_distances_fn pr_knn_distances__##level;)
#include "knn/knn.def"
#undef PR_KNN

typedef struct pr_knn_row {
    const char *name;
    uint32_t level;
    pr_knn_distances_fn *distances;
} pr_knn_row;

extern const pr_knn_row pr_knn_rows[];
extern const int pr_knn_row_count;

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
/* Turns the heap into a list, nearest first. */
void pr_nearest_sort(pr_nearest *nearest);

/* Distances of this many samples are computed at a time: they stay in the first-level cache. */
#define PR_KNN_BLOCK 64

/* A kd-tree in which every leaf lies equally deep: node i has the children 2i + 1 and 2i + 2, and the samples of a node
 * are halved between them.  order: the samples' numbers in leaf order; ordered: the samples themselves in that order. */
typedef struct pr_knn_tree {
    int depth;
    int64_t *order;
    float *ordered;
    float *split;
    int32_t *axis;
} pr_knn_tree;

struct pr_knn {
    pr_context *context;
    pr_knn_distances_fn *distances;
    const float *samples;                   /* (count, dimensions), the caller's */
    int64_t count, dimensions;
    int is_tree;
    pr_knn_tree tree;
};

pr_status pr_knn_tree_build(pr_knn *index, int64_t leaf_size, pr_message *message);
void pr_knn_tree_free(pr_knn_tree *tree);
/* offsets: dimensions zeros; zeros again afterwards. */
void pr_knn_tree_search(const pr_knn *index, const float *query, double *offsets, pr_nearest *nearest);
/* Offers the samples begin..end-1 of `rows`; their numbers are order[begin..], or their positions when order is NULL. */
void pr_knn_scan(const pr_knn *index, const float *rows, const int64_t *order, int64_t begin, int64_t end,
                 const float *query, pr_nearest *nearest);

#endif
