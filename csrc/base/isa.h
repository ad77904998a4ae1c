/* Levels of isa.def as bits, and PR_ROW_<level>(x): x where the level belongs to the target, nothing otherwise.
 * Tables of kernels are lists of such rows, so they need no #if. */
#ifndef PR_BASE_ISA_H
#define PR_BASE_ISA_H

enum {
#define PR_ISA(level, ...) PR_ISA_INDEX_##level,
#include "base/isa.def"
#undef PR_ISA
    PR_ISA_COUNT
};

enum {
#define PR_ISA(level, ...) PR_ISA_##level = 1 << PR_ISA_INDEX_##level,
#include "base/isa.def"
#undef PR_ISA
};

#define PR_ROW_ref(...) __VA_ARGS__
#if defined(__x86_64__)
#define PR_ROW_avx2(...) __VA_ARGS__
#define PR_ROW_avx512(...) __VA_ARGS__
#else
#define PR_ROW_avx2(...)
#define PR_ROW_avx512(...)
#endif
#if defined(__aarch64__)
#define PR_ROW_neon(...) __VA_ARGS__
#define PR_ROW_a53(...) __VA_ARGS__
#else
#define PR_ROW_neon(...)
#define PR_ROW_a53(...)
#endif

#endif
