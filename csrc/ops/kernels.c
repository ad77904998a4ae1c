#include "ops/kernels.h"

#include "base/isa.h"
#include "ops/conv/depthwise.h"
#include "ops/gemm/gemm_kernel.h"
#include "ops/pool/pool_kernel.h"

/* Later rows of a family are newer: the last one whose level is in `levels` wins, and ref is always there. */
#define TAKE(family, level) PR_ROW_##level( \
    extern const struct pr_##family##_kernels pr_##family##__##level; \
    if (PR_ISA_##level == PR_ISA_ref || (levels & PR_ISA_##level)) kernels->family = &pr_##family##__##level;)

/* One line per family: its tables pr_<family>__<level> of functions. */
void pr_kernels_select(pr_kernels *kernels, uint32_t levels) {
    kernels->levels = levels;
    TAKE(unary, ref) TAKE(unary, avx2) TAKE(unary, avx512) TAKE(unary, neon)
    TAKE(binary, ref) TAKE(binary, avx2) TAKE(binary, avx512) TAKE(binary, neon)
    TAKE(select, ref) TAKE(select, avx2) TAKE(select, avx512) TAKE(select, neon)
    TAKE(norm, ref) TAKE(norm, avx2) TAKE(norm, avx512) TAKE(norm, neon)
    TAKE(softmax, ref) TAKE(softmax, avx2) TAKE(softmax, avx512) TAKE(softmax, neon)
    TAKE(attention, ref) TAKE(attention, avx2) TAKE(attention, avx512) TAKE(attention, neon)
    TAKE(reduce, ref) TAKE(reduce, avx2) TAKE(reduce, avx512) TAKE(reduce, neon)
    TAKE(resize, ref) TAKE(resize, avx2) TAKE(resize, avx512) TAKE(resize, neon)
    TAKE(winograd, ref) TAKE(winograd, avx2) TAKE(winograd, avx512) TAKE(winograd, neon)
    TAKE(copy, ref) TAKE(copy, avx2) TAKE(copy, neon)
    TAKE(image, ref) TAKE(image, avx2) TAKE(image, avx512) TAKE(image, neon)
    TAKE(units, ref) TAKE(units, avx2) TAKE(units, avx512) TAKE(units, neon)
    TAKE(matmul, ref) TAKE(matmul, avx2) TAKE(matmul, avx512) TAKE(matmul, neon)
    TAKE(expand, ref) TAKE(expand, avx2) TAKE(expand, avx512) TAKE(expand, neon)
    TAKE(gates, ref) TAKE(gates, avx2) TAKE(gates, avx512) TAKE(gates, neon)
    TAKE(peak, ref) TAKE(peak, avx2) TAKE(peak, avx512) TAKE(peak, neon)
    TAKE(training, ref) TAKE(training, avx2) TAKE(training, avx512) TAKE(training, neon)
    kernels->gemm = pr_gemm_select(levels);
    kernels->depthwise = pr_depthwise_select(levels);
    kernels->pool = pr_pool_select(levels);
}
