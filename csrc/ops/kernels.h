/* The fast functions chosen once, when a context is made, from the levels that the CPU has and the caller allows. */
#ifndef PR_OPS_KERNELS_H
#define PR_OPS_KERNELS_H

#include <stdint.h>

typedef struct pr_kernels {
    uint32_t levels;
} pr_kernels;

void pr_kernels_select(pr_kernels *kernels, uint32_t levels);

#endif
