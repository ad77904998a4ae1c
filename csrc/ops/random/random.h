/* Random numbers.  NeuralNetwork.proto: RandomNormal…, RandomUniform…, RandomBernoulli…LayerParams,
 * CategoricalDistributionLayerParams. */
#ifndef PR_OPS_RANDOM_H
#define PR_OPS_RANDOM_H

#include "ops/ops.h"
#include "ops/random/philox.h"

typedef enum pr_random_kind {
    PR_RANDOM_NORMAL = 0,           /* a: mean, b: standard deviation (Box-Muller on pairs of words; up to 6.7 of them) */
    PR_RANDOM_UNIFORM = 1,          /* from a to b, b left out */
    PR_RANDOM_BERNOULLI = 2,        /* 1 with probability a, else 0 */
    PR_RANDOM_COUNT
} pr_random_kind;

/* Where the shape of the result stands. */
typedef enum pr_random_form {
    PR_RANDOM_LIKE = 0,             /* it is that of x */
    PR_RANDOM_SHAPE = 1,            /* in the numbers of x (rank) */
    PR_RANDOM_FORM_COUNT
} pr_random_form;

/* Element i of a result is made of word i of a part of the stream whose key is the seed.  Every prediction starts at part
 * 0, and every run of a random operator takes the next part: a prediction depends on nothing but its inputs, and
 * a layer in a loop, or a second one with the same seed, gives other numbers.  Below 0: a key from the system for every run. */
typedef struct pr_seed { int32_t low, high; } pr_seed;

/* x -> y */
typedef struct pr_random_attrs {
    int32_t kind, form;
    pr_seed seed;
    float a, b;
} pr_random_attrs;

/* x (..., N)   ->   y (..., samples): indices 0 to N-1, drawn with replacement.
 * is_logits: index i has probability proportional to exp(x[i] / temperature), else to (x[i] + eps)^(1 / temperature). */
typedef struct pr_categorical_attrs {
    int32_t samples, is_logits;
    pr_seed seed;
    float eps, temperature;
} pr_categorical_attrs;

/* The stream of one run. */
pr_status pr_open_stream(pr_env *env, pr_seed seed, pr_stream *stream);

#endif
