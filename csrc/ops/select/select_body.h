/* The choice on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/level.h"
#include "ops/select/select.h"

/* One row; the steps are constants where this is used, so each case becomes a loop of its own. */
PR_INLINE void select_row(const float *c, const float *x, const float *y, float *z, int64_t n, int c_step, int x_step,
                          int y_step) {
    const vf c_one = vf_set1(*c), x_one = vf_set1(*x), y_one = vf_set1(*y), zero = vf_zero();
    int64_t i = 0;
    for (; i + PR_VL <= n; i += PR_VL)
        vf_store(z + i, vf_select(vf_eq(c_step ? vf_load(c + i) : c_one, zero), y_step ? vf_load(y + i) : y_one,
                                  x_step ? vf_load(x + i) : x_one));
    const int left = (int)(n - i);
    if (left)
        vf_store_n(z + i, vf_select(vf_eq(c_step ? vf_load_n(c + i, left) : c_one, zero),
                                    y_step ? vf_load_n(y + i, left) : y_one, x_step ? vf_load_n(x + i, left) : x_one), left);
}

static void select_rows(const pr_select_rows *job) {
    const int steps = job->condition_step * 4 + job->x_step * 2 + job->y_step;
    for (int64_t r = 0; r < job->rows; r++) {
        const float *c = job->condition + r * job->condition_row, *x = job->x + r * job->x_row, *y = job->y + r * job->y_row;
        float *z = job->z + r * job->n;
        switch (steps) {
        case 7: select_row(c, x, y, z, job->n, 1, 1, 1); break;
        case 6: select_row(c, x, y, z, job->n, 1, 1, 0); break;
        case 5: select_row(c, x, y, z, job->n, 1, 0, 1); break;
        case 4: select_row(c, x, y, z, job->n, 1, 0, 0); break;
        case 3: select_row(c, x, y, z, job->n, 0, 1, 1); break;
        case 2: select_row(c, x, y, z, job->n, 0, 1, 0); break;
        default: select_row(c, x, y, z, job->n, 0, 0, 1); break;
        }
    }
}

const pr_select_kernels PR_LEVEL_NAME(pr_select) = {select_rows};
