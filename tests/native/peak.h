/* GFLOP/s of fused multiply-adds on one core at the newest level of this build, from registers only. */
#ifndef PR_TESTS_PEAK_H
#define PR_TESTS_PEAK_H

double measured_peak(void);

#endif
