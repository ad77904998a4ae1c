/* Preloaded before the program: counts requests for memory that come from addresses begin .. end-1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static uintptr_t first, last;
static atomic_long counted;

void count_range(uintptr_t begin, uintptr_t end) { first = begin, last = end; }
long count_now(void) { return counted; }

#define COUNT() do { \
        uintptr_t caller = (uintptr_t)__builtin_return_address(0); \
        if (caller >= first && caller < last) counted++; \
    } while (0)

void *malloc(size_t n) { COUNT(); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { COUNT(); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { COUNT(); return __libc_realloc(p, n); }
void *aligned_alloc(size_t alignment, size_t n) { COUNT(); return __libc_memalign(alignment, n); }
