/* Sums of decision trees.  Every comparison is `value <= threshold`; whoever makes the nodes turns the others into it.
 *
 * Eight trees walk at the same time and none of them branches: a leaf is its own child, so all take as many steps as the
 * deepest of the eight.  Which leaf each tree reached is noted first and the leaves are added afterwards in the order of
 * the trees, so the sum has the same bits whatever the number of threads. */
#ifndef PR_TREES_TREES_H
#define PR_TREES_TREES_H

#include "base/status.h"
#include "base/threads.h"

/* Trees that walk together, and rows that do so before the next trees come: nodes stay in the cache. */
#define PR_TREES_GROUP 8
#define PR_TREES_ROWS 64

struct pr_trees {
    pr_context *context;
    const pr_tree_node *nodes;          /* children behind their parents */
    const int64_t *values_begin;        /* (nodes + 1) spans of `indices` and `values`; a branch has none */
    const int32_t *indices;
    const double *values;
    const int32_t *roots;               /* (trees) */
    int32_t *depths;                    /* (groups) steps to the deepest leaf of eight trees */
    int64_t node_count, tree_count, features, dimensions;
};

#endif
