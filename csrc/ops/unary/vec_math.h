/* exp, log and their relatives on vectors.  Include base/vec_<level>.h first.
 *
 * Coefficients: least largest relative error at 400 Chebyshev nodes (Lawson's iteration).  They add less than 0.12 units in
 * the last place; the rest of the errors in unary.def is rounding.  NaN goes through every function. */
#ifndef PR_OPS_UNARY_VEC_MATH_H
#define PR_OPS_UNARY_VEC_MATH_H

/* e^r - 1 = r + r^2 p(r) for |r| <= ln 2 / 2 */
PR_INLINE vf vf_expm1_poly(vf r) {
    vf p = vf_fma(r, vf_set1(0x1.6bebfcp-10f), vf_set1(0x1.122776p-7f));
    p = vf_fma(p, r, vf_set1(0x1.555674p-5f));
    p = vf_fma(p, r, vf_set1(0x1.5554bp-3f));
    p = vf_fma(p, r, vf_set1(0x1.fffffep-2f));
    return vf_fma(vf_mul(r, r), p, r);
}

/* x = n ln 2 + r; returns e^r - 1.  ln 2 in two pieces: n times the first is exact. */
PR_INLINE vf vf_expm1_part(vf x, vf *n) {
    *n = vf_round(vf_mul(x, vf_set1(0x1.715476p0f)));
    return vf_expm1_poly(vf_fma(*n, vf_set1(-0x1.7f7d1cp-20f), vf_fma(*n, vf_set1(-0x1.62e4p-1f), x)));
}

/* (1 + part) 2^n with gradual underflow; 2^n in two factors, as n reaches -152 and 129. */
PR_INLINE vf vf_scaled(vf part, vf n) {
    const vf half = vf_floor(vf_mul(n, vf_set1(0.5f)));
    return vf_mul(vf_mul(vf_add(part, vf_set1(1)), vf_pow2(half)), vf_pow2(vf_sub(n, half)));
}

PR_INLINE vf vf_exp(vf x) {
    vf n;
    const vf part = vf_expm1_part(vf_min(vf_set1(89), vf_max(vf_set1(-104), x)), &n);
    return vf_scaled(part, n);
}

/* 2^x: 2^r - 1 is a polynomial of r = x - n, |r| <= 1/2, which is exact. */
PR_INLINE vf vf_exp2(vf x) {
    const vf inside = vf_min(vf_set1(129), vf_max(vf_set1(-152), x)), n = vf_round(inside), r = vf_sub(inside, n);
    vf p = vf_fma(r, vf_set1(0x1.416b52p-13f), vf_set1(0x1.5f082ep-10f));
    p = vf_fma(p, r, vf_set1(0x1.3b2de0p-7f));
    p = vf_fma(p, r, vf_set1(0x1.c6af7cp-5f));
    p = vf_fma(p, r, vf_set1(0x1.ebfbdcp-3f));
    p = vf_fma(p, r, vf_set1(0x1.62e430p-1f));
    return vf_scaled(vf_mul(p, r), n);
}

/* e^x for x <= 0 where a result below 2^-126 may as well be 0: that is what 2^-127 is. */
PR_INLINE vf vf_exp_falling(vf x) {
    vf n;
    const vf part = vf_expm1_part(vf_max(vf_set1(-88), x), &n), scale = vf_pow2(n);
    return vf_fma(part, scale, scale);
}

/* 2^x for x <= 0 in the same way, within 1.4 units in the last place; 1 for 0. */
PR_INLINE vf vf_exp2_falling(vf x) {
    const vf inside = vf_max(vf_set1(-127), x), n = vf_round(inside), r = vf_sub(inside, n);
    vf p = vf_fma(r, vf_set1(0x1.5bba14p-10f), vf_set1(0x1.3cea88p-7f));
    p = vf_fma(p, r, vf_set1(0x1.c6b752p-5f));
    p = vf_fma(p, r, vf_set1(0x1.ebf9bcp-3f));
    p = vf_fma(p, r, vf_set1(0x1.62e42ap-1f));
    return vf_mul(vf_fma(p, r, vf_set1(1)), vf_pow2(n));
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

/* |x| <= PR_NEAR_TURNS as n pi/2 + r, |r| <= 0.8, with pi/2 in three pieces; sin and cos of r.  The first subtraction is
 * exact: both numbers are multiples of 2^-24 and the difference is below 1. */
#define PR_NEAR_TURNS 100000.0f
typedef struct vf_turn { vf n, sin, cos; } vf_turn;
PR_INLINE vf_turn vf_turn_of(vf x) {
    const vf n = vf_round(vf_mul(x, vf_set1(0x1.45f306p-1f)));
    vf r = vf_fma(n, vf_set1(-0x1.921fb6p+0f), x);
    r = vf_fma(n, vf_set1(0x1.777a5cp-25f), r);
    r = vf_fma(n, vf_set1(0x1.ee59dap-50f), r);
    const vf z = vf_mul(r, r);
    vf s = vf_fma(z, vf_set1(0x1.7a8e40p-19f), vf_set1(-0x1.a05400p-13f));
    s = vf_fma(s, z, vf_set1(0x1.111170p-7f));
    s = vf_fma(s, z, vf_set1(-0x1.555556p-3f));
    vf c = vf_fma(z, vf_set1(0x1.99911cp-16f), vf_set1(-0x1.6c0af4p-10f));
    c = vf_fma(c, z, vf_set1(0x1.555548p-5f));
    c = vf_fma(vf_mul(z, z), c, vf_fma(z, vf_set1(-0.5f), vf_set1(1)));
    return (vf_turn){n, vf_fma(vf_mul(r, z), s, r), c};
}

/* The remainder of n by 2 or 4, from 0 up. */
PR_INLINE vf vf_whole_mod(vf n, float by) {
    return vf_fma(vf_floor(vf_mul(n, vf_set1(1 / by))), vf_set1(-by), n);
}

/* quarter: 0 for sin, 1 for cos */
PR_INLINE vf vf_sin_shifted(vf x, float quarter) {
    const vf_turn t = vf_turn_of(x);
    const vf place = vf_whole_mod(vf_add(t.n, vf_set1(quarter)), 4);
    const vf y = vf_select(vf_eq(vf_whole_mod(place, 2), vf_zero()), t.sin, t.cos);
    return vf_select(vf_le(vf_set1(2), place), vf_neg(y), y);
}
PR_INLINE vf vf_tan(vf x) {
    const vf_turn t = vf_turn_of(x);
    const vm even = vf_eq(vf_whole_mod(t.n, 2), vf_zero());
    const vf y = vf_div(vf_select(even, t.sin, vf_neg(t.cos)), vf_select(even, t.cos, t.sin));
    return vf_select(vf_eq(x, vf_zero()), x, y);
}
PR_INLINE vf vf_sin(vf x) { return vf_select(vf_eq(x, vf_zero()), x, vf_sin_shifted(x, 0)); }
PR_INLINE vf vf_cos(vf x) { return vf_sin_shifted(x, 1); }

/* times (a power of two) erfc(x / sqrt 2) for x >= 0: e^(-x^2/2) times a polynomial of u = 1 / (1 + 0.3 x), fitted to x = 14,
 * where the result is 0.  The rounding of x^2 would cost x^2/2 units; what it loses is known exactly and put back. */
PR_INLINE vf vf_tails(vf x, const float times) {
    const vf near = vf_min(vf_set1(14), x), u = vf_div(vf_set1(1), vf_fma(near, vf_set1(0.3f), vf_set1(1)));
    vf p = vf_fma(u, vf_set1(times * -0x1.51b6e2p-5f), vf_set1(times * 0x1.cc48aap-3f));
    p = vf_fma(p, u, vf_set1(times * -0x1.d3131cp-2f));
    p = vf_fma(p, u, vf_set1(times * 0x1.8859a6p-2f));
    p = vf_fma(p, u, vf_set1(times * -0x1.44954ep-3f));
    p = vf_fma(p, u, vf_set1(times * 0x1.897226p-3f));
    p = vf_fma(p, u, vf_set1(times * 0x1.413bc6p-3f));
    p = vf_fma(p, u, vf_set1(times * 0x1.c37d9ap-3f));
    p = vf_fma(p, u, vf_set1(times * 0x1.e9c53ap-3f));
    p = vf_fma(p, u, vf_set1(times * 0x1.ea3c88p-3f));
    p = vf_mul(p, u);
    const vf half = vf_mul(near, vf_set1(-0.5f)), power = vf_mul(near, half), lost = vf_fma(near, half, vf_neg(power));
    const vf n = vf_max(vf_set1(-127), vf_round(vf_mul(power, vf_set1(0x1.715476p0f))));
    const vf r = vf_add(vf_fma(n, vf_set1(-0x1.62e4p-1f), power), vf_fma(n, vf_set1(-0x1.7f7d1cp-20f), lost));
    p = vf_mul(p, vf_pow2(n));
    return vf_fma(vf_expm1_poly(r), p, p);
}

/* x + x q(x^2) up to 1, 1 - erfc beyond. */
PR_INLINE vf vf_erf(vf x) {
    const vf z = vf_mul(x, x), size = vf_abs(x);
    vf q = vf_fma(z, vf_set1(0x1.4772d2p-14f), vf_set1(-0x1.a35188p-11f));
    q = vf_fma(q, z, vf_set1(0x1.53f226p-8f));
    q = vf_fma(q, z, vf_set1(-0x1.b7f71ap-6f));
    q = vf_fma(q, z, vf_set1(0x1.ce2ce6p-4f));
    q = vf_fma(q, z, vf_set1(-0x1.81273ep-2f));
    q = vf_fma(q, z, vf_set1(0x1.06eba8p-3f));
    const vf far = vf_sub(vf_set1(1), vf_tails(vf_mul(size, vf_set1(1.41421356f)), 1));
    return vf_select(vf_le(size, vf_set1(1)), vf_fma(q, x, x), vf_select(vf_lt(x, vf_zero()), vf_neg(far), far));
}

/* x times the share of a normal distribution below x */
PR_INLINE vf vf_gelu(vf x) {
    const vf size = vf_abs(vf_min(vf_set1(14), x));         /* infinity times no tail at all would be NaN */
    return vf_fma(size, vf_tails(size, -0.5f), vf_max(vf_zero(), x));
}
PR_INLINE vf vf_gelu_tanh(vf x) {
    return vf_mul(x, vf_sigmoid(vf_mul(x, vf_fma(vf_mul(x, x), vf_set1(0.071354816f), vf_set1(1.5957691216f)))));
}

#endif
