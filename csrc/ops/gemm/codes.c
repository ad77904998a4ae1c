#include "ops/gemm/codes.h"

#include "ops/gemm/gemm_kernel.h"
#include "ops/kernels.h"

static int pr_code_bits(int form) {
    static const int bits[PR_CODES_COUNT] = {32, 16, 8, 4, 2, 8, 4, 2};
    return bits[form];
}
static bool pr_is_linear(int form) { return form >= PR_CODES_LINEAR8 && form <= PR_CODES_LINEAR2; }
static int64_t pr_wide(const pr_gemm_kernel *kernel, int64_t columns) { return (columns + kernel->lanes - 1) / kernel->lanes * kernel->lanes; }

/* Floats before the codes. */
static int64_t pr_code_head(const pr_gemm_kernel *kernel, int form, int64_t columns) {
    if (form == PR_CODES_F16) return 0;
    return pr_is_linear(form) ? 2 * pr_wide(kernel, columns) : 1 << pr_code_bits(form);
}

int64_t pr_codes_offset(int form, int64_t numbers) { return numbers * pr_code_bits(form) / 8; }

int64_t pr_codes_bytes(const pr_gemm_kernel *kernel, int form, int64_t depth, int64_t columns) {
    int64_t numbers = pr_gemm_packed_floats(kernel, depth, columns);
    return numbers < 0 ? -1 : pr_code_head(kernel, form, columns) * (int64_t)sizeof(float) + pr_codes_offset(form, numbers);
}

int64_t pr_codes_room(const pr_gemm_kernel *kernel, int64_t depth) {
    return depth * kernel->lanes * (kernel->most > kernel->panel ? kernel->most : kernel->panel);
}

pr_codes pr_codes_of(const pr_kernels *kernels, int form, int64_t columns, const void *constant, float *room) {
    const float *head = constant;
    return (pr_codes){form, head, pr_is_linear(form) ? head + pr_wide(kernels->gemm, columns) : NULL,
                      (const uint8_t *)(head + pr_code_head(kernels->gemm, form, columns)), kernels->expand, room};
}

pr_status pr_check_codes(pr_env *env, int form, const pr_view *w, int64_t depth, int64_t columns) {
    int64_t bytes = pr_codes_bytes(env->kernels->gemm, form, depth, columns);
    if (bytes > 0 && w->dtype == PR_U8 && w->rank == 1 && w->shape[0] == bytes) return PR_OK;
    return pr_fail(env->message, PR_BAD_SHAPE, "%s: a compressed weight of %lld bytes was expected, got %lld", env->layer,
                   (long long)bytes, (long long)pr_view_count(w));
}
