#include "peak.h"

#include "base/unroll.h"
#include "check.h"

#define CHAINS 12                           /* enough independent sums for any core's latency */
#define STEPS 20000

typedef float wide __attribute__((vector_size(32)));

#if defined(__x86_64__)
__attribute__((target("avx2,fma")))
#endif
static void multiply(void *arg) {
    wide sum[CHAINS];
    wide a = *(wide *)arg, b = a + 1;
    PR_UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = a;
    for (int n = 0; n < STEPS; n++)
        PR_UNROLL for (int i = 0; i < CHAINS; i++) {
#if defined(__x86_64__)
            __asm__("vfmadd231ps %1, %2, %0" : "+x"(sum[i]) : "x"(a), "x"(b));
#else
            sum[i] += a * b;
#endif
        }
    PR_UNROLL for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
    *(volatile wide *)arg = sum[0];
}

double measured_peak(void) {
    wide number = {0};
#if defined(__x86_64__)
    if (!(pr_cpu_levels() & PR_ISA_avx2)) return 0;
#endif
    return 2.0 * 8 * CHAINS * STEPS / best_time(multiply, &number, 0.3) * 1e-9;
}
