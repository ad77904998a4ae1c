/* The k nearest so far. */
#include <stdlib.h>

#include "knn/knn.h"

static void swap(pr_neighbor *a, pr_neighbor *b) {
    pr_neighbor t = *a;
    *a = *b, *b = t;
}

static void sink(pr_neighbor *heap, int64_t count) {
    for (int64_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && pr_nearer(heap[child], heap[child + 1])) child++;
        if (!pr_nearer(heap[i], heap[child])) return;
        swap(&heap[i], &heap[child]);
    }
}

void pr_nearest_offer(pr_nearest *nearest, pr_neighbor candidate) {
    pr_neighbor *heap = nearest->heap;
    if (nearest->count == nearest->room) {
        if (!pr_nearer(candidate, heap[0])) return;
        heap[0] = candidate;
        sink(heap, nearest->count);
        return;
    }
    int64_t i = nearest->count++;
    heap[i] = candidate;
    for (int64_t parent; i && pr_nearer(heap[parent = (i - 1) / 2], heap[i]); i = parent) swap(&heap[parent], &heap[i]);
}

void pr_nearest_sort(pr_nearest *nearest) {
    for (int64_t last = nearest->count - 1; last > 0; last--) {
        swap(&nearest->heap[0], &nearest->heap[last]);
        sink(nearest->heap, last);
    }
}

void pr_nearest_merge(pr_nearest *nearest, const pr_nearest *other) {
    for (int64_t i = 0; i < other->count; i++) pr_nearest_offer(nearest, other->heap[i]);
}
