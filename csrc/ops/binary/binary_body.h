/* The functions of binary.def on vectors: included once per level after base/vec_<level>.h, with PR_LEVEL defined. */
#include "ops/activation_vec.h"
#include "ops/binary/binary.h"
#include "ops/level.h"

/* One row; x_step and y_step are constants where this is used, so each case becomes a loop of its own. */
#define ROW(name, formula) \
    PR_INLINE vf apply_##name(vf x, vf y, vf_activation act) { return vf_activate(formula, act); } \
    PR_INLINE void row_##name(const float *x, const float *y, float *z, int64_t n, int x_step, int y_step, vf_activation act) { \
        const vf x_one = vf_set1(*x), y_one = vf_set1(*y); \
        int64_t i = 0; \
        for (; i + PR_VL <= n; i += PR_VL) \
            vf_store(z + i, apply_##name(x_step ? vf_load(x + i) : x_one, y_step ? vf_load(y + i) : y_one, act)); \
        if (i < n) { \
            const int left = (int)(n - i); \
            vf_store_n(z + i, apply_##name(x_step ? vf_load_n(x + i, left) : x_one, \
                                           y_step ? vf_load_n(y + i, left) : y_one, act), left); \
        } \
    } \
    static void binary_##name(const pr_binary_rows *job) { \
        const vf_activation act = vf_activation_of(&job->activation); \
        for (int64_t r = 0; r < job->rows; r++) { \
            const float *x = job->x + r * job->x_row, *y = job->y + r * job->y_row; \
            float *z = job->z + r * job->n; \
            if (job->x_step && job->y_step) row_##name(x, y, z, job->n, 1, 1, act); \
            else if (job->x_step) row_##name(x, y, z, job->n, 1, 0, act); \
            else row_##name(x, y, z, job->n, 0, 1, act); \
        } \
    }

ROW(ADD, vf_add(x, y))
ROW(SUB, vf_sub(x, y))
ROW(MUL, vf_mul(x, y))
ROW(DIV, vf_div(x, y))
ROW(MAX, vf_select(vf_lt(x, y), y, vf_select(vf_eq(y, y), x, y)))
ROW(MIN, vf_select(vf_lt(y, x), y, vf_select(vf_eq(y, y), x, y)))

PR_INLINE vf if_true(vm m) { return vf_select(m, vf_set1(1), vf_zero()); }
PR_INLINE vf if_false(vm m) { return vf_select(m, vf_zero(), vf_set1(1)); }
PR_INLINE vm is_zero(vf x) { return vf_eq(x, vf_zero()); }
ROW(EQ, if_true(vf_eq(x, y)))
ROW(NE, if_false(vf_eq(x, y)))
ROW(LT, if_true(vf_lt(x, y)))
ROW(LE, if_true(vf_le(x, y)))
ROW(GT, if_true(vf_lt(y, x)))
ROW(GE, if_true(vf_le(y, x)))
ROW(AND, vf_select(is_zero(x), vf_zero(), if_false(is_zero(y))))
ROW(OR, vf_select(is_zero(x), if_false(is_zero(y)), vf_set1(1)))
ROW(XOR, vf_select(is_zero(x), if_false(is_zero(y)), if_true(is_zero(y))))

/* powf has no short form with an error to be proud of; remainders are rare. */
#define PLAIN(name) \
    static void binary_##name(const pr_binary_rows *job) { \
        extern const pr_binary_kernels pr_binary__ref; \
        pr_binary__ref.by_kind[PR_BINARY_##name](job); \
    }
PLAIN(POW)
PLAIN(MOD)
PLAIN(FLOOR_DIV)

const pr_binary_kernels PR_LEVEL_NAME(pr_binary) = {{
#define PR_BINARY(name, ...) [PR_BINARY_##name] = binary_##name,
#include "ops/binary/binary.def"
#undef PR_BINARY
}};
