/* Layers whose implementation the user brings.  NeuralNetwork.proto, CustomLayerParams. */
#ifndef PR_OPS_CUSTOM_H
#define PR_OPS_CUSTOM_H

#include "ops/ops.h"

/* x... -> y...: number `number` of the network's custom layers, asked for shapes and for values through env->custom. */
typedef struct pr_custom_attrs { int32_t number; } pr_custom_attrs;

#endif
