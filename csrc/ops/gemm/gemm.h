/* Matrix product with a constant right side: dense layers; the tile that convolution and LSTM use too. */
#ifndef PR_OPS_GEMM_H
#define PR_OPS_GEMM_H

#include "ops/activation.h"
#include "ops/ops.h"

/* x (..., K)   w (N, K) or packed   bias (N)?   residual = shape of y?   ->   y (..., N) = activation(x wᵀ + bias + residual) */
typedef struct pr_gemm_attrs {
    int32_t inputs, outputs;                /* K, N */
    int32_t layout;                         /* 0: w as in the file; else the packed form */
    int32_t has_bias, has_residual;
    pr_activation activation;
} pr_gemm_attrs;

#endif
