/* softmax(scale * Q K' + mask) V for many heads, without the scores in memory.  Core ML has no such layer: it is what converters
 * write with BatchedMatMulLayerParams and SoftmaxNDLayerParams (passes/attention.py recognises it). */
#ifndef PR_OPS_ATTENTION_H
#define PR_OPS_ATTENTION_H

#include "ops/ops.h"

/* add: scores + mask.  keep: scores where the mask is not 0, else `fill`.  drop: `fill` where it is not 0. */
enum { PR_MASK_NONE = 0, PR_MASK_ADD = 1, PR_MASK_KEEP = 2, PR_MASK_DROP = 3, PR_MASK_COUNT };

/* q (B, H, T, D)   k (B, H, S, D)   v (B, H, S, E)   mask?   past k (B', H, P, D)?   past v (B', H, P, E)?
 *   ->  y (B, H, T, E) = softmax(scale * q k', masked) v
 * All of rank 4, or all of rank 3 without B.  An operand that is `inside` is (B, T, H, D), as the product before it leaves it.
 * q, k and v may be larger values with more heads: theirs begin at `q_head`, `k_head` and `v_head`, and there are `heads`.
 * past: rows that stand before those of k and v, from entries `past_k_batch` and `past_v_batch` of B' on.
 * mask: broadcasts to (B, H, T, P + S).  No keys at all: zeros. */
typedef struct pr_attention_attrs {
    int32_t heads;
    float scale;
    int32_t q_inside, k_inside, v_inside, past_inside, y_inside;
    int32_t q_head, k_head, v_head;
    int32_t mask;
    float fill;
    int32_t has_past, past_k_batch, past_v_batch;
} pr_attention_attrs;

/* What a level gives to one row of scores, in place.  n >= 1. */
typedef struct pr_attention_kernels {
    /* s = scale * s, masked; the mask's numbers lie `step` (0 or 1) apart. */
    void (*masked)(float *s, int64_t n, float scale, const float *mask, ptrdiff_t step, int kind, float fill);
    /* s = exp(scale * s - the largest of them), for scale > 0.  Returns their sum. */
    float (*exps)(float *s, int64_t n, float scale);
    /* y = y * by */
    void (*scaled)(float *y, int64_t n, float by);
} pr_attention_kernels;

#endif
