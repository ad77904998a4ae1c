/* Stands in for the compiler's header when AVX-512 files are checked on a CPU without it: SIMDe spells every intrinsic
 * out in AVX2.  Only the checker is ever built this way. */
#ifndef PR_TESTS_IMMINTRIN_H
#define PR_TESTS_IMMINTRIN_H

#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* Not in SIMDe 0.7, or wrong there (roundscale rounds to halves). */
static inline __m512 check_maskz_loadu(__mmask16 mask, const float *p) {
    float lanes[16] = {0};
    for (int i = 0; i < 16; i++) if (mask >> i & 1) lanes[i] = p[i];
    return _mm512_loadu_ps(lanes);
}
static inline void check_mask_storeu(float *p, __mmask16 mask, __m512 v) {
    float lanes[16];
    _mm512_storeu_ps(lanes, v);
    for (int i = 0; i < 16; i++) if (mask >> i & 1) p[i] = lanes[i];
}
static inline __m512 check_cvtepi32(__m512i v) {
    int lanes[16];
    float out[16];
    _mm512_storeu_si512(lanes, v);
    for (int i = 0; i < 16; i++) out[i] = (float)lanes[i];
    return _mm512_loadu_ps(out);
}
static inline __m512i check_cvtepi8(__m128i v) {
    signed char lanes[16];
    int out[16];
    _mm_storeu_si128((__m128i *)(void *)lanes, v);
    for (int i = 0; i < 16; i++) out[i] = lanes[i];
    return _mm512_loadu_si512(out);
}
static inline __m512i check_cvtps(__m512 v) {
    float lanes[16];
    int out[16];
    _mm512_storeu_ps(lanes, v);
    for (int i = 0; i < 16; i++) out[i] = (int)__builtin_rintf(lanes[i]);
    return _mm512_loadu_si512(out);
}
static inline __m256 check_extractf32x8(__m512 v, int part) {
    float lanes[16];
    _mm512_storeu_ps(lanes, v);
    return _mm256_loadu_ps(lanes + 8 * part);
}
static inline __m512 check_roundscale(__m512 v, int how) {      /* to whole numbers only: to even, or down */
    float lanes[16];
    _mm512_storeu_ps(lanes, v);
    for (int i = 0; i < 16; i++)
        lanes[i] = (how & 7) == _MM_FROUND_TO_NEG_INF ? __builtin_floorf(lanes[i]) : __builtin_rintf(lanes[i]);
    return _mm512_loadu_ps(lanes);
}
#undef _mm512_roundscale_ps
#define _mm512_roundscale_ps check_roundscale
#define _mm512_cvtepi32_ps check_cvtepi32
#define _mm512_cvtepi8_epi32 check_cvtepi8
#define _mm512_cvtps_epi32 check_cvtps
#define _mm512_extractf32x8_ps check_extractf32x8
#define _mm512_maskz_loadu_ps check_maskz_loadu
#define _mm512_mask_storeu_ps check_mask_storeu

#endif
