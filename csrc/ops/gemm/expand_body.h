/* Codes to floats: included once per level with PR_VL and PR_LEVEL defined.  Plain loops that compilers turn into vectors of
 * the level; products and sums are rounded one by one (-ffp-contract=off). */
#include <string.h>

#include "ops/gemm/codes.h"
#include "ops/level.h"

#define PR_EXPAND(name) static void name(const uint8_t *restrict codes, const float *restrict scale, const float *restrict bias, \
                                         int64_t depth, int64_t n, float *restrict out)

/* 2^112 moves the exponent of a half float to that of a float, also for subnormal ones.  Infinities are not stored so. */
PR_EXPAND(expand_f16) {
    (void)scale, (void)bias;
    for (int64_t i = 0; i < depth * n; i++) {
        uint32_t bits = (uint32_t)(codes[2 * i] | codes[2 * i + 1] << 8), sign = (bits & 0x8000u) << 16;
        uint32_t magnitude = (bits & 0x7fffu) << 13;
        float x;
        memcpy(&x, &magnitude, sizeof x);
        x *= 0x1p112f;
        memcpy(&magnitude, &x, sizeof x);
        magnitude |= sign;
        memcpy(&out[i], &magnitude, sizeof x);
    }
}

PR_EXPAND(expand_linear8) {
    for (int64_t p = 0; p < depth; p++, codes += n, out += n)
        for (int64_t j = 0; j < n; j++) out[j] = (float)codes[j] * scale[j] + bias[j];
}

PR_EXPAND(expand_linear4) {
    for (int64_t p = 0; p < depth; p++)
        for (int64_t j = 0; j < n; j += PR_VL, codes += PR_VL / 2, out += PR_VL)
            for (int k = 0; k < PR_VL / 2; k++) {
                out[k] = (float)(codes[k] & 15) * scale[j + k] + bias[j + k];
                out[k + PR_VL / 2] = (float)(codes[k] >> 4) * scale[j + k + PR_VL / 2] + bias[j + k + PR_VL / 2];
            }
}

PR_EXPAND(expand_linear2) {
    for (int64_t p = 0; p < depth; p++)
        for (int64_t j = 0; j < n; j += PR_VL, codes += PR_VL / 4, out += PR_VL)
            for (int s = 0; s < 4; s++)
                for (int k = 0; k < PR_VL / 4; k++) {
                    int64_t at = s * (PR_VL / 4) + k;
                    out[at] = (float)(codes[k] >> (2 * s) & 3) * scale[j + at] + bias[j + at];
                }
}

PR_EXPAND(expand_table8) {
    (void)bias;
    for (int64_t i = 0; i < depth * n; i++) out[i] = scale[codes[i]];
}

PR_EXPAND(expand_table4) {
    (void)bias;
    for (int64_t i = 0; i < depth * n; i += PR_VL, codes += PR_VL / 2, out += PR_VL)
        for (int k = 0; k < PR_VL / 2; k++) {
            out[k] = scale[codes[k] & 15];
            out[k + PR_VL / 2] = scale[codes[k] >> 4];
        }
}

PR_EXPAND(expand_table2) {
    (void)bias;
    for (int64_t i = 0; i < depth * n; i += PR_VL, codes += PR_VL / 4, out += PR_VL)
        for (int s = 0; s < 4; s++)
            for (int k = 0; k < PR_VL / 4; k++) out[s * (PR_VL / 4) + k] = scale[codes[k] >> (2 * s) & 3];
}

const pr_expand_kernels PR_LEVEL_NAME(pr_expand) = {
    {NULL, expand_f16, expand_linear8, expand_linear4, expand_linear2, expand_table8, expand_table4, expand_table2}};
