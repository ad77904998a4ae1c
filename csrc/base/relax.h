/* How a thread waits for another one that is about to be ready. */
#ifndef PR_BASE_RELAX_H
#define PR_BASE_RELAX_H

static inline void pr_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");                /* `yield` does nothing on most cores */
#endif
}

#endif
