/* Sixteen floats with AVX-512 F, DQ, BW and VL.  vec_ref.h explains the words. */
#ifndef PR_BASE_VEC_H
#define PR_BASE_VEC_H

#include <immintrin.h>
#include <stdint.h>

#include "base/unroll.h"

#define PR_VL 16

typedef __m512 vf;
typedef __mmask16 vm;

PR_INLINE __mmask16 vf_first(int n) { return (__mmask16)((1u << n) - 1); }
PR_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
PR_INLINE vf vf_load_i8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
PR_INLINE void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
PR_INLINE vf vf_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
PR_INLINE void vf_store_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, vf_first(n), v); }
PR_INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
PR_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
PR_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
PR_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
PR_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
PR_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
PR_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
PR_INLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
PR_INLINE vm vf_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
PR_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
PR_INLINE vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
PR_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
PR_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
PR_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
PR_INLINE vf vf_abs(vf a) { return _mm512_abs_ps(a); }
PR_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
PR_INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
PR_INLINE vf vf_floor(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
PR_INLINE vf vf_pow2(vf n) {
    __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(e, 23));
}
PR_INLINE vf vf_exponent(vf x) {
    __m512i e = _mm512_srli_epi32(_mm512_castps_si512(x), 23);
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(e, _mm512_set1_epi32(127)));
}
PR_INLINE vf vf_mantissa(vf x) {
    __m512i m = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x007fffff));
    return _mm512_castsi512_ps(_mm512_or_si512(m, _mm512_set1_epi32(0x3f800000)));
}
PR_INLINE __m256 vf_upper(vf a) { return _mm512_extractf32x8_ps(a, 1); }
PR_INLINE float vf_hsum(vf a) {
    __m256 t = _mm256_add_ps(_mm512_castps512_ps256(a), vf_upper(a));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
PR_INLINE float vf_hmax(vf a) {
    __m256 t = _mm256_max_ps(_mm512_castps512_ps256(a), vf_upper(a));
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#endif
