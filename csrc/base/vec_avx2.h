/* Eight floats with AVX2 and FMA.  vec_ref.h explains the words. */
#ifndef PR_BASE_VEC_H
#define PR_BASE_VEC_H

#include <immintrin.h>
#include <stdint.h>

#include "base/unroll.h"

#define PR_VL 8

typedef __m256 vf;
typedef __m256 vm;

PR_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
PR_INLINE vf vf_load_i8(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
PR_INLINE void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
PR_INLINE vf vf_load_n(const float *p, int n) {
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}
/* In parts: a masked store is many times slower on AMD cores. */
PR_INLINE void vf_store_n(float *p, vf v, int n) {
    __m128 part = _mm256_castps256_ps128(v);
    if (n & 8) { _mm256_storeu_ps(p, v); return; }
    if (n & 4) { _mm_storeu_ps(p, part); p += 4; part = _mm256_extractf128_ps(v, 1); }
    if (n & 2) { _mm_storel_pi((__m64 *)p, part); p += 2; part = _mm_movehl_ps(part, part); }
    if (n & 1) _mm_store_ss(p, part);
}
PR_INLINE vf vf_set1(float x) { return _mm256_set1_ps(x); }
PR_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
PR_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
PR_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
PR_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
PR_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
PR_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
PR_INLINE vm vf_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
PR_INLINE vm vf_le(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
PR_INLINE vm vf_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
PR_INLINE vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
PR_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
PR_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
PR_INLINE vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
PR_INLINE vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
PR_INLINE vf vf_neg(vf a) { return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a); }
PR_INLINE vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
PR_INLINE vf vf_floor(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
PR_INLINE vf vf_pow2(vf n) {
    __m256i e = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(e, 23));
}
PR_INLINE vf vf_exponent(vf x) {
    __m256i e = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(127)));
}
PR_INLINE vf vf_mantissa(vf x) {
    __m256i m = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x007fffff));
    return _mm256_castsi256_ps(_mm256_or_si256(m, _mm256_set1_epi32(0x3f800000)));
}
PR_INLINE float vf_hsum(vf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
PR_INLINE float vf_hmax(vf a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#endif
