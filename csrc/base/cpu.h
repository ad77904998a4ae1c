/* What the running CPU can do.  pr_cpu_levels and pr_level_name are declared in include/pyruntime.h. */
#ifndef PR_BASE_CPU_H
#define PR_BASE_CPU_H

#include "base/isa.h"
#include "include/pyruntime.h"

#endif
