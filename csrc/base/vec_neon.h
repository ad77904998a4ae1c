/* Four floats with NEON (armv8-a).  vec_ref.h explains the words. */
#ifndef PR_BASE_VEC_H
#define PR_BASE_VEC_H

#include <arm_neon.h>
#include <stdint.h>

#include "base/unroll.h"

#define PR_VL 4

typedef float32x4_t vf;
typedef uint32x4_t vm;

PR_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
PR_INLINE vf vf_load_i8(const int8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))))));
}
PR_INLINE void vf_store(float *p, vf v) { vst1q_f32(p, v); }
PR_INLINE vf vf_load_n(const float *p, int n) {
    vf v = vdupq_n_f32(0);
    if (n & 4) return vld1q_f32(p);
    if (n & 2) v = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    if (n == 3) v = vld1q_lane_f32(p + 2, v, 2);
    if (n == 1) v = vld1q_lane_f32(p, v, 0);
    return v;
}
PR_INLINE void vf_store_n(float *p, vf v, int n) {
    if (n & 4) { vst1q_f32(p, v); return; }
    if (n & 2) vst1_f32(p, vget_low_f32(v));
    if (n == 3) vst1q_lane_f32(p + 2, v, 2);
    if (n == 1) vst1q_lane_f32(p, v, 0);
}
PR_INLINE vf vf_set1(float x) { return vdupq_n_f32(x); }
PR_INLINE vf vf_zero(void) { return vdupq_n_f32(0); }
PR_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
PR_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
PR_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
PR_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
PR_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
PR_INLINE vm vf_lt(vf a, vf b) { return vcltq_f32(a, b); }
PR_INLINE vm vf_le(vf a, vf b) { return vcleq_f32(a, b); }
PR_INLINE vm vf_eq(vf a, vf b) { return vceqq_f32(a, b); }
PR_INLINE vf vf_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
PR_INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
PR_INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
PR_INLINE vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
PR_INLINE vf vf_abs(vf a) { return vabsq_f32(a); }
PR_INLINE vf vf_neg(vf a) { return vnegq_f32(a); }
PR_INLINE vf vf_round(vf a) { return vrndnq_f32(a); }
PR_INLINE vf vf_floor(vf a) { return vrndmq_f32(a); }
PR_INLINE vf vf_pow2(vf n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
PR_INLINE vf vf_exponent(vf x) {
    return vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(x), 23)), vdupq_n_s32(127)));
}
PR_INLINE vf vf_mantissa(vf x) {
    uint32x4_t m = vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x007fffff));
    return vreinterpretq_f32_u32(vorrq_u32(m, vdupq_n_u32(0x3f800000)));
}
PR_INLINE float vf_hsum(vf a) {
    float32x2_t s = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}
PR_INLINE float vf_hmax(vf a) { return vmaxvq_f32(a); }

#endif
