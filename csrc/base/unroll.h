/* Kernel bodies take their sizes as constant arguments: they must be inlined and their loops unrolled completely, or
 * the sums of a tile would live on the stack. */
#ifndef PR_BASE_UNROLL_H
#define PR_BASE_UNROLL_H

#define PR_INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define PR_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PR_UNROLL _Pragma("GCC unroll 64")
#endif

#endif
