/* pr_activate on vectors.  Include base/vec_<level>.h first. */
#ifndef PR_OPS_ACTIVATION_VEC_H
#define PR_OPS_ACTIVATION_VEC_H

#include <math.h>

#include "ops/activation.h"

typedef struct vf_activation {
    vf slope, lo, hi;
} vf_activation;

PR_INLINE vf_activation vf_activation_of(const pr_activation *a) {
    return (vf_activation){vf_set1(a->slope), vf_set1(a->lo), vf_set1(a->hi)};
}
PR_INLINE vf vf_activate(vf x, vf_activation a) {
    const vf y = vf_select(vf_lt(x, vf_zero()), vf_mul(a.slope, x), x);
    return vf_min(a.hi, vf_max(a.lo, y));
}

#endif
