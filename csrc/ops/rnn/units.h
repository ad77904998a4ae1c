/* Steps of recurrent layers on packed recursion matrices.
 *
 * A panel holds the rows that a few gates have for some groups of `lanes` units: (H, groups, gates, lanes), so that the gates
 * of a unit end in the same lane of neighbouring registers, where their functions finish it.  Units past H are zeros.
 * A step reads each panel once, so what counts is where it lies: threads keep to their own panels, and walk them back and
 * forth on alternate steps, because what was read last is still in the cache. */
#ifndef PR_OPS_RNN_UNITS_H
#define PR_OPS_RNN_UNITS_H

#include "ops/rnn/recurrent.h"

/* One panel for `rows` examples; matrices are (rows, H), pointers at the first unit of all. */
typedef struct pr_units {
    const float *r;                         /* the panel */
    const float *seen;                      /* what the recursion matrix is multiplied with */
    const float *h;                         /* the state before the step */
    float *sums;                            /* (rows, G, H) from the inputs; a GRU puts its update gate there */
    float *out;                             /* the state after the step; of a GRU's first half: reset gate times h */
    float *c;                               /* of an LSTM: replaced */
    const float *peepholes, *bias;          /* (3, H) of an LSTM or NULL; (H) that PR_RNN_GRU_AFTER adds to its third product */
    float cell_clip;
    bool coupled;
    int32_t function[3];                    /* an LSTM's three, or gates, output */
    int64_t rows, hidden, unit;             /* the first unit of the panel */
} pr_units;
typedef void pr_units_fn(const pr_units *job);

/* What a panel is for. */
typedef enum pr_units_kind {
    PR_UNITS_LSTM,                          /* input, forget, block input, output */
    PR_UNITS_SIMPLE,
    PR_UNITS_RESET,                         /* a GRU's update and reset gate */
    PR_UNITS_OUTPUT,                        /* its output gate, which sees reset times h */
    PR_UNITS_AFTER,                         /* update, reset and output gate of PR_RNN_GRU_AFTER */
    PR_UNITS_COUNT
} pr_units_kind;
typedef struct pr_units_kernels {
    int32_t lanes;
    pr_units_fn *run[PR_UNITS_COUNT];
} pr_units_kernels;

/* Panels of one kind in memory. */
typedef struct pr_panels {
    int64_t gates, groups;                  /* of a panel */
    int64_t units, floats, count;           /* of a panel, of a panel, panels */
} pr_panels;
pr_panels pr_panels_of(int32_t lanes, pr_units_kind kind, int64_t hidden);
/* r (gates, H, H) to panels */
void pr_panels_pack(const pr_panels *panels, int32_t lanes, const float *r, int64_t hidden, float *out);

/* `steps` steps; each is `halves` jobs, and a half begins when the one before it is done.  make: the job of a half at
 * its first panel.  The same bits for any number of threads, whoever takes which panel. */
typedef struct pr_walk {
    pr_units (*make)(const void *arg, int64_t step, int half);
    const void *arg;
    int64_t steps, rows;
    int halves;
    pr_units_kind kind[2];
    pr_panels panels[2];
} pr_walk;
void pr_walk_steps(const pr_env *env, const pr_walk *walk);

#endif
