/* The usual tile for cores that reorder, in assembly: compilers gather its loads, and a core that takes a few operations a
 * cycle then has no multiply-adds among them.  Here each load stands between multiply-adds, half a depth before its use.
 *
 * v0-v3: four depths of A's rows; v4-v7 and v8-v11: two depths of the panel in turn; v16-v19 .. v28-v31: a row of sums each;
 * v12, v13: the bounds.  Operands: b and c, which step on, r0 .. r3, bias, left (fours but the last, at least one), and ldc
 * (bytes). */
#ifndef PR_OPS_GEMM_NEON_LOOP_H
#define PR_OPS_GEMM_NEON_LOOP_H

/* clang-format off */
#define PR_SUM_OF(sum, b, a, l) "fmla v" #sum ".4s, v" #b ".4s, v" #a ".s[" #l "]\n"
#define PR_COLUMN(b, l, s0, s1, s2, s3) \
    PR_SUM_OF(s0, b, 0, l) PR_SUM_OF(s1, b, 1, l) PR_SUM_OF(s2, b, 2, l) PR_SUM_OF(s3, b, 3, l)
#define PR_QUAD_4 "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[b]], #64\n"
#define PR_QUAD_8 "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[b]], #64\n"
#define PR_DEPTH(l, b0, b1, b2, b3, quad) \
    PR_COLUMN(b0, l, 16, 20, 24, 28) PR_COLUMN(b1, l, 17, 21, 25, 29) quad \
    PR_COLUMN(b2, l, 18, 22, 26, 30) PR_COLUMN(b3, l, 19, 23, 27, 31)
#define PR_THREE_DEPTHS \
    PR_QUAD_4 PR_DEPTH(0, 4, 5, 6, 7, PR_QUAD_8) PR_DEPTH(1, 8, 9, 10, 11, PR_QUAD_4) PR_DEPTH(2, 4, 5, 6, 7, PR_QUAD_8)
/* The last depth of four goes by rows: what follows a row has the others' multiply-adds beside it. */
#define PR_LAST_OF_ROW(a, s0, s1, s2, s3) \
    PR_SUM_OF(s0, 8, a, 3) PR_SUM_OF(s1, 9, a, 3) PR_SUM_OF(s2, 10, a, 3) PR_SUM_OF(s3, 11, a, 3)
#define PR_NEXT(a) "ldr q" #a ", [%[r" #a "]], #16\n"
#define PR_COPY(to, from) "mov v" #to ".16b, v" #from ".16b\n"
#define PR_COPIES(s0, s1, s2, s3) PR_COPY(s0, 16) PR_COPY(s1, 17) PR_COPY(s2, 18) PR_COPY(s3, 19)

#define PR_FREE(sum) ""
#define PR_LOW(sum) "fmax v" #sum ".4s, v" #sum ".4s, v12.4s\n"
#define PR_LOW_AND_HIGH(sum) PR_LOW(sum) "fmin v" #sum ".4s, v" #sum ".4s, v13.4s\n"
#define PR_STORE(bound, s0, s1, s2, s3) \
    bound(s0) bound(s1) bound(s2) bound(s3) "st1 {v" #s0 ".4s, v" #s1 ".4s, v" #s2 ".4s, v" #s3 ".4s}, [%[c]], %[ldc]\n"

#define PR_NEON_TILE(bound) \
    "ld1 {v16.4s, v17.4s, v18.4s, v19.4s}, [%[bias]]\n" \
    PR_NEXT(0) PR_NEXT(1) PR_NEXT(2) PR_NEXT(3) PR_COPIES(20, 21, 22, 23) PR_COPIES(24, 25, 26, 27) PR_COPIES(28, 29, 30, 31) \
    "1:\n" \
    PR_THREE_DEPTHS "subs %[left], %[left], #1\n" \
    PR_LAST_OF_ROW(0, 16, 17, 18, 19) PR_NEXT(0) PR_LAST_OF_ROW(1, 20, 21, 22, 23) PR_NEXT(1) \
    PR_LAST_OF_ROW(2, 24, 25, 26, 27) PR_NEXT(2) PR_LAST_OF_ROW(3, 28, 29, 30, 31) PR_NEXT(3) \
    "b.ne 1b\n" \
    PR_THREE_DEPTHS \
    PR_LAST_OF_ROW(0, 16, 17, 18, 19) PR_LAST_OF_ROW(1, 20, 21, 22, 23) PR_STORE(bound, 16, 17, 18, 19) \
    PR_LAST_OF_ROW(2, 24, 25, 26, 27) PR_STORE(bound, 20, 21, 22, 23) \
    PR_LAST_OF_ROW(3, 28, 29, 30, 31) PR_STORE(bound, 24, 25, 26, 27) PR_STORE(bound, 28, 29, 30, 31)
/* clang-format on */

#endif
