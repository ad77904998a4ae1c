/* PR_LEVEL is the level that a body is compiled for: avx2, avx512, neon.  PR_LEVEL_NAME(pr_unary) is pr_unary__avx2. */
#ifndef PR_OPS_LEVEL_H
#define PR_OPS_LEVEL_H

#define PR_JOIN_(a, b) a##__##b
#define PR_JOIN(a, b) PR_JOIN_(a, b)
#define PR_LEVEL_NAME(name) PR_JOIN(name, PR_LEVEL)

#endif
