/* The vector vocabulary, portable: four floats as GCC and clang vectors.  vec_avx2.h, vec_avx512.h and vec_neon.h say
 * the same words, so a body that uses only these is written once and included once per level.
 *
 *   vf              PR_VL floats          vm              a mask: one truth per lane
 *   vf_load_n, vf_store_n(p, n)           the first n lanes, 0 <= n <= PR_VL; nothing else is touched, missing ones are 0
 *   vf_load_i8(p)                         PR_VL signed bytes as floats
 *   vf_fma(a, b, c)                       a * b + c, fused where the level can
 *   vf_min(a, b), vf_max(a, b)            a NaN in b comes out; for one in a, that depends on the level
 *   vf_round, vf_floor                    to even, down
 *   vf_select(m, a, b)                    m ? a : b
 *   vf_pow2(n)                            2^n for whole n in -126 .. 127; 0 for -127
 *   vf_exponent(x), vf_mantissa(x)        x = mantissa * 2^exponent, 1 <= mantissa < 2, for normal x > 0
 *   vf_hsum, vf_hmax                      of all lanes, in a fixed order */
#ifndef PR_BASE_VEC_H
#define PR_BASE_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/unroll.h"

#define PR_VL 4

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vm __attribute__((vector_size(16)));
typedef vm vf_bits;                         /* the same 128 bits as integers */

PR_INLINE vf vf_load(const float *p) { vf v; memcpy(&v, p, sizeof v); return v; }
PR_INLINE vf vf_load_i8(const int8_t *p) { return (vf){p[0], p[1], p[2], p[3]}; }
PR_INLINE void vf_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
PR_INLINE vf vf_load_n(const float *p, int n) {
    vf v = {0, 0, 0, 0};
    for (int i = 0; i < PR_VL; i++) if (i < n) v[i] = p[i];
    return v;
}
PR_INLINE void vf_store_n(float *p, vf v, int n) {
    for (int i = 0; i < PR_VL; i++) if (i < n) p[i] = v[i];
}
PR_INLINE vf vf_set1(float x) { return (vf){x, x, x, x}; }
PR_INLINE vf vf_zero(void) { return vf_set1(0); }
PR_INLINE vf vf_add(vf a, vf b) { return a + b; }
PR_INLINE vf vf_sub(vf a, vf b) { return a - b; }
PR_INLINE vf vf_mul(vf a, vf b) { return a * b; }
PR_INLINE vf vf_div(vf a, vf b) { return a / b; }
PR_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
PR_INLINE vm vf_lt(vf a, vf b) { return a < b; }
PR_INLINE vm vf_le(vf a, vf b) { return a <= b; }
PR_INLINE vm vf_eq(vf a, vf b) { return a == b; }
PR_INLINE vf vf_select(vm m, vf a, vf b) { return (vf)((m & (vf_bits)a) | (~m & (vf_bits)b)); }
PR_INLINE vf vf_min(vf a, vf b) { return vf_select(a < b, a, b); }
PR_INLINE vf vf_max(vf a, vf b) { return vf_select(a > b, a, b); }
PR_INLINE vf vf_sqrt(vf a) { for (int i = 0; i < PR_VL; i++) a[i] = sqrtf(a[i]); return a; }
PR_INLINE vf vf_abs(vf a) { return (vf)((vf_bits)a & 0x7fffffff); }
PR_INLINE vf vf_neg(vf a) { return -a; }
PR_INLINE vf vf_round(vf a) { for (int i = 0; i < PR_VL; i++) a[i] = rintf(a[i]); return a; }
PR_INLINE vf vf_floor(vf a) { for (int i = 0; i < PR_VL; i++) a[i] = floorf(a[i]); return a; }
PR_INLINE vf vf_pow2(vf n) { return (vf)((__builtin_convertvector(n, vf_bits) + 127) << 23); }
PR_INLINE vf vf_exponent(vf x) { return __builtin_convertvector(((vf_bits)x >> 23) - 127, vf); }
PR_INLINE vf vf_mantissa(vf x) { return (vf)(((vf_bits)x & 0x007fffff) | 0x3f800000); }
PR_INLINE float vf_hsum(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
PR_INLINE float vf_hmax(vf a) { return fmaxf(fmaxf(a[0], a[2]), fmaxf(a[1], a[3])); }

#endif
