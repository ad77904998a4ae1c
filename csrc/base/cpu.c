#define _GNU_SOURCE                         /* sched_getaffinity */
#include "base/cpu.h"

#if defined(__aarch64__)
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/auxv.h>
#define PR_HWCAP_ASIMD (1ul << 1)           /* <asm/hwcap.h>; spelled out for old headers */
#define PR_HWCAP_CPUID (1ul << 11)          /* user programs may read MIDR_EL1 */

/* Implementer and part of MIDR_EL1: ARM's Cortex-A53. */
static bool pr_is_a53(unsigned long long midr) { return (midr >> 24 & 0xff) == 0x41 && (midr >> 4 & 0xfff) == 0xd03; }

/* Every core that this process may run on is a Cortex-A53.  Boards with cores of two kinds move threads between them. */
static bool pr_only_a53(void) {
    cpu_set_t set;
    int known = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return false;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        char path[96];
        unsigned long long midr;
        if (!CPU_ISSET(cpu, &set)) continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/regs/identification/midr_el1", cpu);
        FILE *file = fopen(path, "re");
        if (!file) continue;
        int numbers = fscanf(file, "%llx", &midr);
        fclose(file);
        if (numbers == 1 && !pr_is_a53(midr)) return false;
        known += numbers == 1;
    }
    if (known) return known == CPU_COUNT(&set);
    if (!(getauxval(AT_HWCAP) & PR_HWCAP_CPUID)) return false;
    unsigned long midr;
    __asm__("mrs %0, MIDR_EL1" : "=r"(midr));
    return pr_is_a53(midr);
}
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
    if (getauxval(AT_HWCAP) & PR_HWCAP_ASIMD) levels |= PR_ISA_neon | (pr_only_a53() ? PR_ISA_a53 : 0);
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
