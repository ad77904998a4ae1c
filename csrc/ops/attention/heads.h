/* Operands of ATTENTION as heads of rows: what attention.c checks and attention_rows.c computes with. */
#ifndef PR_OPS_ATTENTION_HEADS_H
#define PR_OPS_ATTENTION_HEADS_H

#include "ops/attention/attention.h"
#include "ops/kernels.h"

/* Row i of head h of entry b: data + b*batch + h*head + i*row, `width` floats side by side. */
typedef struct pr_heads {
    const float *data;
    int64_t batches, heads, rows, width;
    ptrdiff_t batch, head, row;
} pr_heads;

/* One call.  keys: rows of the past and of k together.  packed: floats of one head's keys and of its values. */
typedef struct pr_attention {
    const pr_kernels *kernels;
    const pr_attention_attrs *attrs;
    pr_heads q, k, v, past_k, past_v;
    const float *mask;
    ptrdiff_t mask_step[4];                 /* of entry, head, query, key; 0: broadcast */
    float *y;
    ptrdiff_t y_batch, y_head, y_row;
    int64_t batches, queries, keys;
    int64_t part, parts;                    /* queries of a work item, which are whole tiles; items of a head */
    int64_t tile;                           /* queries whose scores are in memory at a time; 0: too few for packing */
    int64_t packed_keys, packed_values, scratch_floats;
    float *scratch;
} pr_attention;

/* Fills in what follows from sizes: tile, parts and scratch of one thread. */
void pr_attention_cut(pr_attention *a);
/* Work items: parts of heads of entries. */
void pr_attention_items(void *arg, int64_t begin, int64_t end, int worker);

#endif
