/* A single kd-tree: built by halving along the widest dimension, searched exactly. */
#include <stdlib.h>
#include <string.h>

#include "knn/knn.h"

#define TRIES 8                             /* searches before the tree is judged */

typedef struct build {
    const float *samples;
    int64_t dimensions;
    pr_knn_tree *tree;
    float *low, *high;                      /* dimensions each */
    uint64_t random;
} build;

static float at(const build *b, int64_t place, int64_t axis) {
    return b->samples[b->tree->order[place] * b->dimensions + axis];
}

static int32_t widest(build *b, int64_t begin, int64_t end) {
    int32_t best = 0;
    for (int64_t place = begin; place < end; place++) {
        const float *row = b->samples + b->tree->order[place] * b->dimensions;
        if (place == begin) {
            memcpy(b->low, row, (size_t)b->dimensions * sizeof *row);
            memcpy(b->high, row, (size_t)b->dimensions * sizeof *row);
        }
        for (int64_t j = 0; j < b->dimensions; j++) {
            b->low[j] = row[j] < b->low[j] ? row[j] : b->low[j];
            b->high[j] = row[j] > b->high[j] ? row[j] : b->high[j];
        }
    }
    for (int32_t j = 1; j < b->dimensions; j++)
        if (b->high[j] - b->low[j] > b->high[best] - b->low[best]) best = j;
    return best;
}

/* Reorders begin..end-1 so that nothing before `middle` is larger than it along the axis, and nothing after smaller.
 * Pivots are random and equal keys are shared between the sides, so no file makes this slow. */
static void halve(build *b, int64_t begin, int64_t end, int64_t middle, int32_t axis) {
    int64_t *order = b->tree->order;
    for (int64_t first = begin, last = end - 1; first < last;) {
        b->random = b->random * 6364136223846793005u + 1442695040888963407u;
        float pivot = at(b, first + (int64_t)((b->random >> 33) % (uint64_t)(last - first + 1)), axis);
        int64_t i = first, j = last;
        while (i <= j) {
            while (at(b, i, axis) < pivot) i++;
            while (at(b, j, axis) > pivot) j--;
            if (i > j) break;
            int64_t t = order[i];
            order[i++] = order[j], order[j--] = t;
        }
        if (middle <= j) last = j;
        else if (middle >= i) first = i;
        else return;
    }
}

static void divide(build *b, int64_t node, int level, int64_t begin, int64_t end) {
    if (level == b->tree->depth) return;
    int64_t middle = begin + (end - begin) / 2;
    int32_t axis = widest(b, begin, end);
    halve(b, begin, end, middle, axis);
    b->tree->axis[node] = axis;
    b->tree->split[node] = at(b, middle, axis);
    divide(b, 2 * node + 1, level + 1, begin, middle);
    divide(b, 2 * node + 2, level + 1, middle, end);
}

/* Nodes of one level differ by one sample at most, so those above the leaves hold at least one: leaf_size is not 0. */
static int tree_depth(int64_t count, int64_t leaf_size) {
    int depth = 0;
    for (; count > leaf_size; count -= count / 2) depth++;
    return depth;
}

pr_status pr_knn_tree_build(pr_knn *index, int64_t leaf_size, pr_message *message) {
    pr_knn_tree *tree = index->tree = calloc(1, sizeof *tree);
    if (!tree) return pr_fail(message, PR_NO_MEMORY, "no memory for a kd-tree");
    const size_t count = (size_t)index->count, row = (size_t)index->dimensions * sizeof(float);
    tree->depth = tree_depth(index->count, leaf_size);
    const size_t inner = ((size_t)1 << tree->depth) - 1;
    tree->order = malloc((count + 1) * sizeof *tree->order);
    tree->ordered = malloc(count * row + 1);
    tree->split = malloc((inner + 1) * sizeof *tree->split);
    tree->axis = malloc((inner + 1) * sizeof *tree->axis);
    float *bounds = malloc(2 * row), *gathered = index->part_count == 1 ? NULL : malloc(count * row + 1);
    const float *rows = index->part_count == 1 ? index->parts[0].samples.floats : gathered;
    if (!tree->order || !tree->ordered || !tree->split || !tree->axis || !bounds || !rows) {
        free(bounds);
        free(gathered);
        return pr_fail(message, PR_NO_MEMORY, "no memory for a kd-tree of %lld samples with %lld numbers each",
                       (long long)index->count, (long long)index->dimensions);
    }
    build b = {rows, index->dimensions, tree, bounds, bounds + index->dimensions, (uintptr_t)bounds};
    for (int32_t p = 0; gathered && p < index->part_count; p++)
        memcpy(gathered + index->parts[p].first * index->dimensions, index->parts[p].samples.floats,
               (size_t)index->parts[p].samples.count * row);
    for (size_t i = 0; i < count; i++) tree->order[i] = (int64_t)i;
    divide(&b, 0, 0, 0, index->count);
    for (size_t i = 0; i < count; i++)
        memcpy((char *)tree->ordered + i * row, (const char *)rows + (size_t)tree->order[i] * row, row);
    free(bounds);
    free(gathered);
    return PR_OK;
}

void pr_knn_tree_free(pr_knn_tree *tree) {
    if (!tree) return;
    free(tree->order);
    free(tree->ordered);
    free(tree->split);
    free(tree->axis);
    free(tree);
}

typedef struct walk {
    const pr_knn *index;
    const float *query;
    double *offsets;                        /* distance of the query to the node's cell, per dimension */
    pr_nearest *nearest;
    double shrink, grain;                   /* see may_hold */
    int64_t *visited;
} walk;

/* Whether a cell at squared distance `bound` may hold a sample whose distance, computed in floats with all their
 * rounding, is at most the limit.  A computed distance is at least bound * shrink - grain. */
static int may_hold(const walk *w, double bound) {
    return !(bound * w->shrink - w->grain > (double)pr_nearest_limit(w->nearest));
}

static void visit(const walk *w, int64_t node, int level, int64_t begin, int64_t end, double bound) {
    pr_knn_tree *tree = w->index->tree;
    if (level == tree->depth) {
        pr_knn_scan_ordered(w->index, tree->ordered + begin * w->index->dimensions, tree->order + begin, end - begin, w->query,
                            w->nearest);
        w->visited[0] += end - begin;
        return;
    }
    const int64_t middle = begin + (end - begin) / 2;
    const int32_t axis = tree->axis[node];
    const double away = (double)w->query[axis] - (double)tree->split[node], before = w->offsets[axis];
    const double far_bound = bound - before * before + away * away;
    const int left_first = away < 0;
    for (int side = 0; side < 2; side++) {
        const int left = left_first == (side == 0);
        if (side == 1) {
            if (!may_hold(w, far_bound)) return;
            w->offsets[axis] = away;
        }
        if (left) visit(w, 2 * node + 1, level + 1, begin, middle, side ? far_bound : bound);
        else visit(w, 2 * node + 2, level + 1, middle, end, side ? far_bound : bound);
    }
    w->offsets[axis] = before;
}

void pr_knn_tree_search(const pr_knn *index, const float *query, double *offsets, pr_nearest *nearest) {
    int64_t visited = 0;
    walk w = {index, query, offsets, nearest, pr_knn_shrink(index->dimensions), pr_knn_grain(index->dimensions), &visited};
    visit(&w, 0, 0, 0, index->count, 0);
    atomic_fetch_add_explicit(&index->tree->visited, visited, memory_order_relaxed);
    atomic_fetch_add_explicit(&index->tree->searches, 1, memory_order_relaxed);
}

/* Looking at a sample through the tree takes about as long as three in a scan, and as ten in a batch. */
int pr_knn_tree_pays(const pr_knn *index, int together) {
    const int64_t searches = atomic_load_explicit(&index->tree->searches, memory_order_relaxed);
    const int64_t visited = atomic_load_explicit(&index->tree->visited, memory_order_relaxed);
    return searches < TRIES || (double)visited * (together ? 10 : 3) < (double)searches * (double)index->count;
}
