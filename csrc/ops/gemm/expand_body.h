/* Codes to floats: included once per level after base/vec_<level>.h, with PR_LEVEL and PR_ROW_SPLIT defined.  Plain loops that compilers turn into vectors of
 * the level; products and sums are rounded one by one (-ffp-contract=off). */
#include <stdbool.h>

#include "ops/gemm/codes.h"
#include "ops/level.h"

#define PR_EXPAND(name) static void name(const uint8_t *restrict codes, const float *restrict scale, const float *restrict bias, \
                                         int64_t depth, int64_t n, float *restrict out)

/* 2^112 moves the exponent of a half float to that of a float, also for subnormal ones.  Infinities are not stored so. */
PR_EXPAND(expand_f16) {
    const uint16_t *half = (const uint16_t *)(const void *)codes;
    (void)scale, (void)bias;
    for (int64_t i = 0; i < depth * n; i++) {
        union { uint32_t bits; float number; } x = {.bits = (half[i] & 0x7fffu) << 13};
        x.number *= 0x1p112f;
        x.bits |= (half[i] & 0x8000u) << 16;
        out[i] = x.number;
    }
}

PR_EXPAND(expand_linear8) {
    for (int64_t p = 0; p < depth; p++, codes += n, out += n)
        for (int64_t j = 0; j < n; j++) out[j] = (float)codes[j] * scale[j] + bias[j];
}

PR_EXPAND(expand_table8) {
    (void)bias;
    for (int64_t i = 0; i < depth * n; i++) out[i] = scale[codes[i]];
}

/* Codes of 4 and 2 bits become bytes first, as many rows at a time as fit here. */
#define PR_EXPAND_BYTES 2048

/* A byte's codes side by side: little endian, as every target is. */
static void unpack4(const uint8_t *restrict in, int64_t bytes, void *out) {
    uint16_t *restrict pair = out;
    for (int64_t i = 0; i < bytes; i++) pair[i] = (uint16_t)((in[i] | in[i] << 4) & 0x0f0f);
}
static void unpack2(const uint8_t *restrict in, int64_t bytes, void *out) {
    uint32_t *restrict four = out;
    for (int64_t i = 0; i < bytes; i++) {
        const uint32_t x = in[i];
        four[i] = (x | x << 6 | x << 12 | x << 18) & 0x03030303u;
    }
}

#define PR_EXPAND_SMALL(name, unpack, per_byte, expand) \
    PR_EXPAND(name) { \
        uint32_t bytes[PR_EXPAND_BYTES / 4]; \
        const int64_t most = PR_EXPAND_BYTES / n; \
        for (int64_t rows; depth > 0; depth -= rows, codes += rows * n / per_byte, out += rows * n) { \
            rows = depth < most ? depth : most; \
            unpack(codes, rows * n / per_byte, bytes); \
            expand((const uint8_t *)bytes, scale, bias, rows, n, out); \
        } \
    }
PR_EXPAND_SMALL(expand_linear4, unpack4, 2, expand_linear8)
PR_EXPAND_SMALL(expand_linear2, unpack2, 4, expand_linear8)
PR_EXPAND_SMALL(expand_table4, unpack4, 2, expand_table8)
PR_EXPAND_SMALL(expand_table2, unpack2, 4, expand_table8)

/* The sums of pr_tile_few (gemm_body.h), or on NEON of its tile of one row, kept in memory between pieces of the depth. */
PR_INLINE void some_sums(const float *a, ptrdiff_t a_part, const float *b, int64_t depth, int64_t n, float *sums, const int vectors,
                         const int parts) {
    vf acc[PR_ROW_SPLIT][4];
    PR_UNROLL for (int i = 0; i < parts; i++) {
        PR_UNROLL for (int j = 0; j < vectors; j++) acc[i][j] = vf_load(sums + i * n + j * PR_VL);
    }
    for (int64_t p = 0; p < depth; p++)
        PR_UNROLL for (int i = 0; i < parts; i++) {
            const vf av = vf_set1(a[i * a_part + p]);
            PR_UNROLL for (int j = 0; j < vectors; j++)
                acc[i][j] = vf_fma(av, vf_load(b + (i * depth + p) * n + j * PR_VL), acc[i][j]);
        }
    PR_UNROLL for (int i = 0; i < parts; i++) {
        PR_UNROLL for (int j = 0; j < vectors; j++) vf_store(sums + i * n + j * PR_VL, acc[i][j]);
    }
}

static void row_sums(const float *a, ptrdiff_t a_part, const float *b, int64_t depth, int64_t n, int parts, float *sums) {
    const bool all = parts == PR_ROW_SPLIT;
#define PR_SOME_SUMS(vectors) do { \
        if (all) some_sums(a, a_part, b, depth, n, sums, vectors, PR_ROW_SPLIT); \
        else some_sums(a, a_part, b, depth, n, sums, vectors, 1); \
    } while (0)
    switch (n / PR_VL) {
    case 1: PR_SOME_SUMS(1); break;
    case 2: PR_SOME_SUMS(2); break;
    case 3: PR_SOME_SUMS(3); break;
    default: PR_SOME_SUMS(4); break;
    }
#undef PR_SOME_SUMS
}

const pr_expand_kernels PR_LEVEL_NAME(pr_expand) = {
    {NULL, expand_f16, expand_linear8, expand_linear4, expand_linear2, expand_table8, expand_table4, expand_table2},
    PR_ROW_SPLIT, row_sums};
