/* What an operator is: a shape rule, a run, and perhaps a packed form for its constants. */
#ifndef PR_OPS_OPS_H
#define PR_OPS_OPS_H

#include "base/threads.h"
#include "base/view.h"

struct pr_kernels;                       /* ops/kernels.h: the fast functions chosen for this context */

/* Everything a call of an operator may touch besides its tensors. */
typedef struct pr_env {
    const struct pr_kernels *kernels;
    pr_pool *pool;
    const char *layer;                   /* for sentences */
    const void *attrs;                   /* the operator's struct; its size was checked */
    pr_message *message;
    const pr_custom *custom;             /* what implements custom layers; NULL: nothing */
    uint32_t *drawn;                     /* random operators run so far in this prediction; NULL: none, and nobody counts */
    size_t scratch_bytes;                /* infer: set it to what run will need; it arrives as 0 */
    void *scratch;                       /* run: that many bytes, 64-byte aligned, content undefined */
    bool rows;                           /* infer: set it where run honours `row`; it arrives as false */
    int64_t row;                         /* run: elements from one row (last axis) of output 0 to the next; 0: they lie side by side */
    int64_t part;                        /* infer: output 0 is the elements of input 0 from this one on; it arrives as -1 */
} pr_env;

/* infer: the only judge of attributes, ranks, shapes and constants.  It is called before every run whose shapes are
 * new, with the data of inputs that are known by then (in[i].data NULL for the others), and must refuse all that run
 * could not survive: after PR_OK, run stays inside the views and the scratch whatever the numbers in them are.
 * An operator whose sizes depend on numbers has the flag PR_OP_SHAPE_FROM_DATA, gives -1 for a size whose numbers are
 * not there, and is asked again with all of them before it runs.  Ranks never depend on numbers.
 * Dimensions it receives are known (>= 0) unless a caller only asks for what can be known; it must pass -1 on.
 * run: computes.  Never allocates.  May return PR_BAD_VALUE for values it cannot use (an index out of range). */
typedef pr_status pr_infer_fn(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs);
typedef pr_status pr_run_fn(pr_env *env, const pr_view *in, int inputs, pr_view *out, int outputs);
/* pack: see pr_pack.  `attrs` is writable so that its layout field can be set. */
typedef pr_status pr_pack_fn(pr_env *env, void *attrs, const pr_view *in, int inputs, int which, pr_view *out);

typedef struct pr_op_info {
    const char *name;
    pr_infer_fn *infer;
    pr_run_fn *run;
    pr_pack_fn *pack;                    /* NULL: constants are read as they are */
    int min_inputs, max_inputs, outputs; /* outputs < 0: at least one, as many as the step names */
    int flags;
    size_t attr_bytes;
} pr_op_info;

enum {
#define PR_OP(name, function, min_inputs, max_inputs, outputs, flags, pack, attrs) PR_OP_##name,
#include "ops/ops.def"
#undef PR_OP
    PR_OP_COUNT
};

extern const pr_op_info pr_ops[PR_OP_COUNT];

/* A list of up to PR_MAX_RANK integers inside attributes; Python writes the count and eight words. */
typedef struct pr_dims {
    int32_t count;
    int32_t at[PR_MAX_RANK];
} pr_dims;

#endif
