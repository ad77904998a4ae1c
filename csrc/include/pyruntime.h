/* pyruntime: runs compiled Core ML plans on the CPU.  The only public header of the C library.
 *
 * Order of use: open a context (threads, kernels), open a session (a checked plan with its weights), run it.
 * Every function that can fail returns a code and leaves one sentence in the `message` it was given.
 * Nothing here prints, exits, or keeps global state. */
#ifndef PYRUNTIME_H
#define PYRUNTIME_H

#include <stddef.h>
#include <stdint.h>

#define PR_MAX_RANK 8
#define PR_MESSAGE_BYTES 512

typedef enum pr_status {
    PR_OK = 0,
    PR_BAD_PLAN = 1,        /* the plan's bytes are damaged or of another version */
    PR_BAD_SHAPE = 2,       /* shapes, ranks or types do not fit */
    PR_BAD_VALUE = 3,       /* a value met at run time is not legal, such as an index out of range */
    PR_NO_MEMORY = 4,       /* the system or the caller's limit refused memory */
    PR_UNSUPPORTED = 5,     /* legal, but nothing here runs it */
    PR_SYSTEM = 6,          /* the operating system refused a thread or a resource */
    PR_CUSTOM = 7           /* what the user brought for a custom layer failed */
} pr_status;

typedef enum pr_dtype { PR_F32 = 0, PR_U8 = 1, PR_S32 = 2 } pr_dtype;

/* A dense row-major tensor.  A dimension of -1 is not known yet; data is NULL where only the shape matters. */
typedef struct pr_view {
    void *data;
    int32_t dtype;
    int32_t rank;
    int64_t shape[PR_MAX_RANK];
} pr_view;

typedef struct pr_context pr_context;
typedef struct pr_session pr_session;
typedef struct pr_knn pr_knn;
typedef struct pr_trees pr_trees;
typedef struct pr_message { char text[PR_MESSAGE_BYTES]; } pr_message;

/* What implements custom layers: one function for all of them.  PR_CUSTOM_SHAPES: fill rank and shape of `out`, -1 for
 * sizes that depend on unknown ones.  PR_CUSTOM_EVALUATE: fill the data of `out`.  number: which custom layer of the network.
 * It runs on the thread that called; it returns PR_OK, or another code with its sentence in `message`. */
typedef enum pr_custom_task { PR_CUSTOM_SHAPES = 0, PR_CUSTOM_EVALUATE = 1 } pr_custom_task;
typedef pr_status pr_custom_fn(void *user, pr_custom_task task, int32_t number, const char *layer, const pr_view *in,
                               int32_t inputs, pr_view *out, int32_t outputs, pr_message *message);
typedef struct pr_custom { pr_custom_fn *call; void *user; } pr_custom;

/* levels: bits of base/isa.def that may be used, ~0 for all that the CPU has; threads: 0 for one per usable core. */
pr_status pr_context_open(uint32_t levels, int32_t threads, pr_context **context, pr_message *message);
void pr_context_close(pr_context *context);
int32_t pr_context_threads(const pr_context *context);
uint32_t pr_context_levels(const pr_context *context);
/* For pr_infer and pr_run_once; call it before anybody else uses the context. */
void pr_context_custom(pr_context *context, pr_custom custom);
/* Asked about ten times a second while a loop runs; what it returns, if not PR_OK, ends the run.  NULL: nobody is asked.
 * Set it before sessions run. */
typedef pr_status pr_pause_fn(pr_message *message);
void pr_context_pause(pr_context *context, pr_pause_fn *pause);

/* Instruction-set levels of this build, in order: name, or NULL past the end; and the bits of the running CPU. */
const char *pr_level_name(int32_t index);
uint32_t pr_cpu_levels(void);

/* What is true of an operator whatever its attributes are. */
enum {
    PR_OP_ALIAS = 1,                /* output 0 has the bytes of input 0 under another shape; run does nothing */
    PR_OP_IN_PLACE = 2,             /* output 0 may be the memory of input 0 when both have one shape and type */
    PR_OP_SHAPE_FROM_DATA = 4,      /* the shape rule reads numbers of its inputs; with all there, no size stays open */
    PR_OP_IMPURE = 8,               /* every run gives other numbers: never folded */
    PR_OP_SHAPES_ONLY = 16          /* run reads the shapes of its inputs, never their numbers */
};

/* Operators of this build: name or NULL past the end; bytes of an operator's attributes; its flags. */
const char *pr_op_name(int32_t op);
int32_t pr_op_attr_bytes(int32_t op);
int32_t pr_op_flags(int32_t op);

/* The shape rule of one operator.  Fills dtype, rank and shape of `out`; data-dependent sizes come out as -1. */
pr_status pr_infer(pr_context *context, int32_t op, const void *attrs, size_t attr_bytes, const char *layer,
                   const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message);
/* Runs one operator by itself (constant folding, tests).  `out` is allocated by the caller as pr_infer said. */
pr_status pr_run_once(pr_context *context, int32_t op, const void *attrs, size_t attr_bytes, const char *layer,
                      const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs, pr_message *message);
/* The packed form in which the context's kernels read constant input `which` of an operator.
 * With out->data NULL: fills out's dtype, rank and shape, and `attrs` learns the form (its `layout` field).
 * Then the caller allocates and calls again.  PR_UNSUPPORTED: this operator reads the input as it is. */
pr_status pr_pack(pr_context *context, int32_t op, void *attrs, size_t attr_bytes, const char *layer,
                  const pr_view *in, int32_t inputs, int32_t which, pr_view *out, pr_message *message);

/* Checks every offset, rank and index of the plan and keeps pointers to `plan` and `weights`: both must outlive the
 * session and lie 64-byte aligned.  memory_limit: bytes that a run may take for values, scratch and results. */
pr_status pr_session_open(pr_context *context, const void *plan, size_t plan_bytes, const void *weights,
                          size_t weight_bytes, size_t memory_limit, pr_session **session, pr_message *message);
void pr_session_close(pr_session *session);
/* Steps that are custom layers, and what implements them: before the session is bound. */
int32_t pr_session_custom_layers(const pr_session *session);
void pr_session_custom(pr_session *session, pr_custom custom);
/* Shapes for these input shapes: fills `out` as pr_infer does, with -1 for sizes that only a run knows.  Keeps the layout
 * for the next run. */
pr_status pr_session_bind(pr_session *session, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs,
                          pr_message *message);
/* One prediction.  in: data in the plan's dtypes.  out: memory for the shapes that pr_session_bind gave; where it left a
 * size open, the run fills in the shape and a pointer to memory of the session (or of an input), good until the next call
 * with this session.  PR_BAD_VALUE after too many iterations of loops: one does not end. */
pr_status pr_session_run(pr_session *session, const pr_view *in, int32_t inputs, pr_view *out, int32_t outputs,
                         pr_message *message);
/* Iterations of all loops in one run, at most; 2^24 unless this is called. */
void pr_session_limit_iterations(pr_session *session, int64_t most);
/* Bytes of the arena now planned and of blocks that runs took besides, and the largest sum of bytes alive at one step
 * (with these blocks): its lower bound. */
void pr_session_memory(const pr_session *session, int64_t *arena_bytes, int64_t *peak_live_bytes);
/* Nanoseconds spent in each step of the next runs are added to `steps` (one entry per step); NULL stops it.  A branch or
 * a loop counts what it copies; the steps inside it count for themselves. */
void pr_session_profile(pr_session *session, int64_t *step_nanoseconds);
int32_t pr_session_steps(const pr_session *session);
/* For the shapes now bound: floating-point operations of each step (a multiply-add is two; 0 where they hang on numbers),
 * and bytes of its operands and results, each counted once. */
void pr_session_work(const pr_session *session, double *operations, double *bytes);
/* What the context can do at most, for the caller to time.  Multiply-adds in registers on all threads: how many operations
 * that were.  Reading `count` floats from memory, shared out among the threads. */
double pr_peak_multiply(pr_context *context, int64_t rounds);
void pr_peak_read(pr_context *context, const float *data, int64_t count);

/* A piece of the samples of a k-NN index: `count` rows of floats, of codes (a row's numbers are codes times its scale), or
 * both; then codes are only looked at to rule samples out, and errors[i] is at least the Euclidean distance between row i
 * of floats and that of codes.  checked: not 0 when floats and scales are known to be finite, so they are not all read. */
typedef struct pr_knn_samples {
    int64_t count;
    const float *floats;
    const int8_t *codes;
    const float *scales;
    const float *errors;
    int32_t checked;
} pr_knn_samples;

/* Exact k nearest neighbours by squared Euclidean distance among samples of so many finite numbers each, in `parts` pieces,
 * numbered through.  leaf_size: 0 to compare with every sample, else samples per leaf of a kd-tree, at most, which is used
 * where it is faster (not for codes).  All give the same answers.  Keeps pointers to `context` and to the arrays of the
 * pieces: all must outlive the index. */
pr_status pr_knn_open(pr_context *context, const pr_knn_samples *samples, int32_t parts, int64_t dimensions, int64_t leaf_size,
                      pr_knn **index, pr_message *message);
void pr_knn_close(pr_knn *index);
/* For each of `count` queries (count, dimensions) the k <= count of samples nearest, nearest first, equally near ones in
 * the order of the samples: squared distances (count, k) and numbers of the samples (count, k).  Safe from several threads.
 * PR_BAD_VALUE when a query, or an unchecked sample, turns out not to be finite. */
pr_status pr_knn_search(const pr_knn *index, const float *queries, int64_t count, int64_t k, float *distances,
                        int64_t *neighbors, pr_message *message);

/* One comparison of a tree: on to `left` when row[feature] <= threshold, or when it is NaN and missing_left is not 0; else to
 * `right`.  Both are places in the array of nodes behind the node's own; a leaf has its own place twice. */
typedef struct pr_tree_node {
    double threshold;
    int32_t feature;
    int32_t left;
    int32_t right;
    int32_t missing_left;
} pr_tree_node;

/* A sum of trees.  roots: (tree_count) places of nodes.  values_begin: (node_count + 1): node i adds values[v] to output
 * indices[v] for v from values_begin[i] to values_begin[i + 1] - 1.  All is checked; pointers are kept and, as `context`,
 * must outlive the trees. */
pr_status pr_trees_open(pr_context *context, const pr_tree_node *nodes, int64_t node_count, const int64_t *values_begin,
                        const int32_t *indices, const double *values, const int32_t *roots, int64_t tree_count,
                        int64_t features, int64_t dimensions, pr_trees **trees, pr_message *message);
void pr_trees_close(pr_trees *trees);
/* Adds the trees' values for each of `count` rows (count, features) to `results` (count, dimensions), trees in their order.
 * Safe from several threads. */
pr_status pr_trees_sum(const pr_trees *trees, const double *rows, int64_t count, double *results, pr_message *message);

#endif
