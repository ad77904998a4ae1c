#include "ops/kernels.h"

#include <stddef.h>

#include "base/isa.h"
#include "ops/gemm/gemm_kernel.h"

/* Later rows of a family are newer: the last one whose level is in `levels` wins, and ref is always there. */
#define TAKE(family, level) PR_ROW_##level( \
    extern const struct pr_##family##_kernels pr_##family##__##level; \
    if (PR_ISA_##level == PR_ISA_ref || (levels & PR_ISA_##level)) kernels->family = &pr_##family##__##level;)

/* One line per family and level: a table pr_<family>__<level> of functions. */
void pr_kernels_select(pr_kernels *kernels, uint32_t levels) {
    kernels->levels = levels;
    kernels->gemm = pr_gemm_select(levels);
    TAKE(unary, ref)
    TAKE(binary, ref)
    TAKE(norm, ref)
    TAKE(softmax, ref)
    TAKE(reduce, ref)
    TAKE(resize, ref)
    TAKE(copy, ref)
    TAKE(image, ref)
}
