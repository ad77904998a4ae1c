#include "ops/kernels.h"

/* One line per family: each picks the newest row of its table whose level is in `levels`. */
void pr_kernels_select(pr_kernels *kernels, uint32_t levels) {
    kernels->levels = levels;
}
