/* Sizes of views.  Element counts are checked for overflow where they are first computed (pr_view_count). */
#ifndef PR_BASE_VIEW_H
#define PR_BASE_VIEW_H

#include <stdbool.h>

#include "base/status.h"

#define PR_MAX_ELEMENTS ((int64_t)1 << 40)      /* far above any board's memory, far below overflow of bytes */

static inline size_t pr_dtype_bytes(int32_t dtype) { return dtype == PR_U8 ? 1 : 4; }

/* Product of the dimensions from..to-1; -1 when one is unknown, negative or the product is absurd. */
static inline int64_t pr_view_span(const pr_view *v, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++) {
        if (v->shape[i] < 0 || (v->shape[i] > 0 && n > PR_MAX_ELEMENTS / v->shape[i])) return -1;
        n *= v->shape[i];
    }
    return n;
}
static inline int64_t pr_view_count(const pr_view *v) { return pr_view_span(v, 0, v->rank); }

static inline bool pr_same_shape(const pr_view *a, const pr_view *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] != b->shape[i]) return false;
    return true;
}

#endif
