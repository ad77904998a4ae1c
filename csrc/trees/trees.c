/* The public functions of tree ensembles: check once, walk, add. */
#include "trees/trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/context.h"

#define MOST_NODES ((int64_t)INT32_MAX - 1)
#define MOST_CELLS ((int64_t)1 << 40)
/* Rows times trees for which one thread needs some 20 microseconds. */
#define WORTH ((int64_t)2048)

static int64_t groups_of(int64_t trees) { return (trees + PR_TREES_GROUP - 1) / PR_TREES_GROUP; }

static int is_leaf(const pr_tree_node *nodes, int64_t i) { return nodes[i].left == i && nodes[i].right == i; }

/* After this, walks end and stay inside nodes, rows and results. */
static pr_status check_nodes(const pr_trees *t, pr_message *message) {
    for (int64_t i = 0; i < t->node_count; i++) {
        const pr_tree_node *n = &t->nodes[i];
        const int behind = n->left > i && n->right > i && n->left < t->node_count && n->right < t->node_count;
        if (n->feature < 0 || n->feature >= t->features || !(behind || is_leaf(t->nodes, i)))
            return pr_fail(message, PR_BAD_VALUE, "node %lld of the trees: feature %d of %lld, children %d and %d of %lld nodes",
                           (long long)i, n->feature, (long long)t->features, n->left, n->right, (long long)t->node_count);
        if (t->values_begin[i] > t->values_begin[i + 1])
            return pr_fail(message, PR_BAD_VALUE, "node %lld of the trees: its values end before they begin", (long long)i);
    }
    for (int64_t v = 0; v < t->values_begin[t->node_count]; v++)
        if (t->indices[v] < 0 || t->indices[v] >= t->dimensions)
            return pr_fail(message, PR_BAD_VALUE, "value %lld of the trees is for output %d of %lld", (long long)v,
                           t->indices[v], (long long)t->dimensions);
    for (int64_t r = 0; r < t->tree_count; r++)
        if (t->roots[r] < 0 || t->roots[r] >= t->node_count)
            return pr_fail(message, PR_BAD_VALUE, "tree %lld begins at node %d of %lld", (long long)r, t->roots[r],
                           (long long)t->node_count);
    return PR_OK;
}

/* Children lie behind their parents, so one pass from the end knows the depth of every node. */
static pr_status find_depths(pr_trees *t, pr_message *message) {
    int32_t *below = malloc((size_t)t->node_count * sizeof *below);
    t->depths = calloc((size_t)groups_of(t->tree_count), sizeof *t->depths);
    if (!below || !t->depths) {
        free(below);
        return pr_fail(message, PR_NO_MEMORY, "no memory for the depths of %lld trees", (long long)t->tree_count);
    }
    for (int64_t i = t->node_count - 1; i >= 0; i--) {
        const pr_tree_node *n = &t->nodes[i];
        if (is_leaf(t->nodes, i)) below[i] = 0;
        else below[i] = 1 + (below[n->left] > below[n->right] ? below[n->left] : below[n->right]);
    }
    for (int64_t r = 0; r < t->tree_count; r++) {
        int32_t *deepest = &t->depths[r / PR_TREES_GROUP];
        if (below[t->roots[r]] > *deepest) *deepest = below[t->roots[r]];
    }
    free(below);
    return PR_OK;
}

pr_status pr_trees_open(pr_context *context, const pr_tree_node *nodes, int64_t node_count, const int64_t *values_begin,
                        const int32_t *indices, const double *values, const int32_t *roots, int64_t tree_count,
                        int64_t features, int64_t dimensions, pr_trees **trees, pr_message *message) {
    if (node_count < 1 || node_count > MOST_NODES || tree_count < 1 || tree_count > node_count || features < 1
        || features > INT32_MAX || dimensions < 1 || dimensions > INT32_MAX || values_begin[0] != 0)
        return pr_fail(message, PR_BAD_SHAPE, "%lld trees of %lld nodes over %lld features for %lld outputs cannot be evaluated",
                       (long long)tree_count, (long long)node_count, (long long)features, (long long)dimensions);
    pr_trees *made = calloc(1, sizeof *made);
    if (!made) return pr_fail(message, PR_NO_MEMORY, "no memory for a tree ensemble");
    *made = (pr_trees){.context = context, .nodes = nodes, .values_begin = values_begin, .indices = indices,
                       .values = values, .roots = roots, .node_count = node_count, .tree_count = tree_count,
                       .features = features, .dimensions = dimensions};
    pr_status status = check_nodes(made, message);
    if (status == PR_OK) status = find_depths(made, message);
    if (status != PR_OK) pr_trees_close(made);
    else *trees = made;
    return status;
}

void pr_trees_close(pr_trees *trees) {
    if (!trees) return;
    free(trees->depths);
    free(trees);
}

typedef struct walk {
    const pr_trees *trees;
    const double *rows;                 /* (count, features) */
    int64_t count;
    int32_t *leaves;                    /* (count, trees) */
    double *results;                    /* (count, dimensions) */
} walk;

static inline int32_t step(const pr_tree_node *nodes, int32_t at, const double *row) {
    const pr_tree_node *n = &nodes[at];
    const double x = row[n->feature];
    return ((x <= n->threshold) | ((x != x) & (n->missing_left != 0))) ? n->left : n->right;
}

static void walk_group(const pr_trees *t, int64_t group, const double *row, int32_t *leaves) {
    const int64_t first = group * PR_TREES_GROUP;
    const int count = (int)(t->tree_count - first < PR_TREES_GROUP ? t->tree_count - first : PR_TREES_GROUP);
    int32_t at[PR_TREES_GROUP];
    for (int k = 0; k < PR_TREES_GROUP; k++) at[k] = t->roots[first + (k < count ? k : 0)];
    for (int32_t d = 0; d < t->depths[group]; d++)
        for (int k = 0; k < PR_TREES_GROUP; k++) at[k] = step(t->nodes, at[k], row);
    memcpy(leaves + first, at, (size_t)count * sizeof *at);
}

/* Items are pairs (block of rows, group of trees), groups of one block one after the other. */
static void walk_range(void *arg, int64_t begin, int64_t end, int worker) {
    const walk *w = arg;
    const pr_trees *t = w->trees;
    const int64_t groups = groups_of(t->tree_count);
    (void)worker;
    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item / groups * PR_TREES_ROWS;
        const int64_t last = first + PR_TREES_ROWS < w->count ? first + PR_TREES_ROWS : w->count;
        for (int64_t row = first; row < last; row++)
            walk_group(t, item % groups, w->rows + row * t->features, w->leaves + row * t->tree_count);
    }
}

static void add_range(void *arg, int64_t begin, int64_t end, int worker) {
    const walk *w = arg;
    const pr_trees *t = w->trees;
    (void)worker;
    for (int64_t row = begin; row < end; row++) {
        double *result = w->results + row * t->dimensions;
        for (int64_t tree = 0; tree < t->tree_count; tree++) {
            const int32_t leaf = w->leaves[row * t->tree_count + tree];
            for (int64_t v = t->values_begin[leaf]; v < t->values_begin[leaf + 1]; v++) result[t->indices[v]] += t->values[v];
        }
    }
}

pr_status pr_trees_sum(const pr_trees *trees, const double *rows, int64_t count, double *results, pr_message *message) {
    if (count < 0 || count > MOST_CELLS / trees->tree_count || count > MOST_CELLS / trees->features)
        return pr_fail(message, PR_BAD_SHAPE, "%lld rows for %lld trees", (long long)count, (long long)trees->tree_count);
    if (count == 0) return PR_OK;
    walk w = {trees, rows, count, malloc((size_t)(count * trees->tree_count) * sizeof(int32_t)), results};
    if (!w.leaves)
        return pr_fail(message, PR_NO_MEMORY, "no memory for %lld rows of %lld trees", (long long)count,
                       (long long)trees->tree_count);
    const int64_t groups = groups_of(trees->tree_count), blocks = (count + PR_TREES_ROWS - 1) / PR_TREES_ROWS;
    const int64_t rows_in_block = count < PR_TREES_ROWS ? count : PR_TREES_ROWS;
    pr_pool *pool = trees->context->pool;
    pr_for(pool, groups * blocks, 1 + WORTH / (rows_in_block * PR_TREES_GROUP), walk_range, &w);
    pr_for(pool, count, 1 + 4 * WORTH / trees->tree_count, add_range, &w);
    free(w.leaves);
    return PR_OK;
}
