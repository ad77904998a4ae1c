/* exp, log and their relatives on vectors.  Include base/vec_<level>.h first.
 *
 * Coefficients: least largest relative error at 400 Chebyshev nodes (Lawson's iteration).  They add less than 0.12 units in
 * the last place; the rest of the errors in unary.def is rounding.  NaN goes through every function. */
#ifndef PR_OPS_UNARY_VEC_MATH_H
#define PR_OPS_UNARY_VEC_MATH_H

/* x = n ln 2 + r, |r| <= ln 2 / 2; returns e^r - 1 = r + r^2 p(r).  ln 2 in two pieces: n times the first is exact. */
PR_INLINE vf vf_expm1_part(vf x, vf *n) {
    *n = vf_round(vf_mul(x, vf_set1(0x1.715476p0f)));
    const vf r = vf_fma(*n, vf_set1(-0x1.7f7d1cp-20f), vf_fma(*n, vf_set1(-0x1.62e4p-1f), x));
    vf p = vf_fma(r, vf_set1(0x1.6bebfcp-10f), vf_set1(0x1.122776p-7f));
    p = vf_fma(p, r, vf_set1(0x1.555674p-5f));
    p = vf_fma(p, r, vf_set1(0x1.5554bp-3f));
    p = vf_fma(p, r, vf_set1(0x1.fffffep-2f));
    return vf_fma(vf_mul(r, r), p, r);
}

/* e^x with gradual underflow; 2^n in two factors, as n reaches -150 and 128. */
PR_INLINE vf vf_exp(vf x) {
    vf n;
    const vf part = vf_expm1_part(vf_min(vf_set1(89), vf_max(vf_set1(-104), x)), &n);
    const vf half = vf_floor(vf_mul(n, vf_set1(0.5f)));
    return vf_mul(vf_mul(vf_add(part, vf_set1(1)), vf_pow2(half)), vf_pow2(vf_sub(n, half)));
}

/* e^x for x <= 0 where a result below 2^-126 may as well be 0. */
PR_INLINE vf vf_exp_falling(vf x) {
    vf n;
    const vf part = vf_expm1_part(vf_max(vf_set1(-87.34f), x), &n), scale = vf_pow2(n);
    return vf_select(vf_lt(x, vf_set1(-87.34f)), vf_zero(), vf_fma(part, scale, scale));
}

/* e^x - 1 for x <= 0 */
PR_INLINE vf vf_expm1_falling(vf x) {
    vf n;
    const vf part = vf_expm1_part(vf_max(vf_set1(-87.34f), x), &n), scale = vf_pow2(n);
    return vf_fma(part, scale, vf_sub(scale, vf_set1(1)));
}

/* log(1 + u) for u in [-0.3, 1]: 2 atanh(s), s = u / (2 + u) */
PR_INLINE vf vf_log1p_near(vf u) {
    const vf s = vf_div(u, vf_add(u, vf_set1(2))), z = vf_mul(s, s);
    vf q = vf_fma(z, vf_set1(0.14015637f), vf_set1(0.13998932f));
    q = vf_fma(q, z, vf_set1(0.20010886f));
    q = vf_fma(q, z, vf_set1(0.33333206f));
    const vf twice = vf_add(s, s);
    return vf_fma(vf_mul(twice, z), q, twice);
}

PR_INLINE vf vf_log(vf x) {
    const vm small = vf_lt(x, vf_set1(0x1p-126f));
    const vf normal = vf_select(small, vf_mul(x, vf_set1(0x1p24f)), x);
    vf m = vf_mantissa(normal), e = vf_exponent(normal);
    const vm upper = vf_lt(vf_set1(1.41421356f), m);        /* mantissa to [sqrt 1/2, sqrt 2] */
    m = vf_select(upper, vf_mul(m, vf_set1(0.5f)), m);
    e = vf_add(e, vf_select(upper, vf_set1(1), vf_zero()));
    e = vf_sub(e, vf_select(small, vf_set1(24), vf_zero()));
    const vf part = vf_log1p_near(vf_sub(m, vf_set1(1)));
    vf y = vf_fma(e, vf_set1(0x1.62e4p-1f), vf_fma(e, vf_set1(0x1.7f7d1cp-20f), part));
    y = vf_select(vf_lt(x, vf_set1(INFINITY)), y, x);       /* infinity and NaN */
    y = vf_select(vf_eq(x, vf_zero()), vf_set1(-INFINITY), y);
    return vf_select(vf_lt(x, vf_zero()), vf_set1(NAN), y);
}

/* tanh(x) = -e / (e + 2), e = exp(-2|x|) - 1, with the sign of x */
PR_INLINE vf vf_tanh(vf x) {
    const vf e = vf_expm1_falling(vf_mul(vf_abs(x), vf_set1(-2)));
    const vf t = vf_div(e, vf_add(e, vf_set1(2)));          /* -tanh|x| */
    return vf_select(vf_lt(vf_zero(), x), vf_neg(t), vf_select(vf_eq(x, vf_zero()), x, t));
}

/* e^-|x| keeps the exponential from overflowing. */
PR_INLINE vf vf_sigmoid(vf x) {
    const vf e = vf_exp_falling(vf_neg(vf_abs(x)));
    return vf_div(vf_select(vf_lt(x, vf_zero()), e, vf_set1(1)), vf_add(e, vf_set1(1)));
}

PR_INLINE vf vf_softplus(vf x) {
    return vf_add(vf_max(vf_zero(), x), vf_log1p_near(vf_exp_falling(vf_neg(vf_abs(x)))));
}

#endif
