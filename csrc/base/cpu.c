#include "base/cpu.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#define PR_HWCAP_ASIMD (1ul << 1)           /* <asm/hwcap.h>; spelled out for old headers */
#endif

uint32_t pr_cpu_levels(void) {
    uint32_t levels = PR_ISA_ref;
#if defined(__x86_64__)
    /* These also ask whether the operating system saves the wide registers. */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        levels |= PR_ISA_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) levels |= PR_ISA_avx512;
    }
#elif defined(__aarch64__)
    if (getauxval(AT_HWCAP) & PR_HWCAP_ASIMD) levels |= PR_ISA_neon;
#endif
    return levels;
}

const char *pr_level_name(int32_t index) {
    static const char *const names[PR_ISA_COUNT] = {
#define PR_ISA(level, ...) #level,
#include "base/isa.def"
#undef PR_ISA
    };
    return index >= 0 && index < PR_ISA_COUNT ? names[index] : 0;
}
