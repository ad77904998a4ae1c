"""Layer and response normalisation against their formulas in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.errors import SpecError
from pyruntime.ir.ops import LayerNorm, Lrn


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1,), 1), ((3, 7), 1), ((3, 7), 2), ((2, 5, 64), 1), ((2, 3, 4, 5), 3), ((70, 259), 1), ((2, 9000), 1)],
)
def test_layer_norm(shape, axes, offset, run, rng):
    x = (rng.standard_normal(shape) + offset).astype(np.float32)
    size = int(np.prod(shape[-axes:]))
    gamma, beta = rng.standard_normal((2, size)).astype(np.float32)
    (got,) = run(LayerNorm(axes, 1e-5), x, gamma, beta)
    wide = x.astype(np.float64).reshape(-1, size)
    want = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5) * gamma + beta
    np.testing.assert_allclose(got, want.reshape(shape), rtol=3e-6, atol=3e-6)


def test_layer_norm_of_one_outlier_keeps_the_digits_of_the_rest(run, rng):
    x = rng.standard_normal((1, 777)).astype(np.float32)
    x[0, 0] = 1e6
    (got,) = run(LayerNorm(1, 0.0), x, np.ones(777, np.float32), np.zeros(777, np.float32))
    wide = x.astype(np.float64)
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), rtol=1e-5)


def test_layer_norm_of_equal_numbers_is_beta(run):
    x, beta = np.full((2, 33), 1e7 / 3, np.float32), np.arange(33, dtype=np.float32)
    (got,) = run(LayerNorm(1, 1e-5), x, np.ones(33, np.float32), beta)
    np.testing.assert_allclose(got, np.broadcast_to(beta, (2, 33)), atol=1e-6)


def test_nan_spoils_its_own_row_only(run):
    x = np.zeros((3, 20), np.float32)
    x[1, 19] = np.nan
    (got,) = run(LayerNorm(1, 1e-5), x, np.ones(20, np.float32), np.zeros(20, np.float32))
    assert np.isnan(got).any(1).tolist() == [False, True, False]


@pytest.mark.parametrize("beta", [0.75, 0.5, 1.0, 0.3, 3.0, -0.5])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 2), (2, 1), (0, 3), (100, 100), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 3, 40)], ids=str)
def test_lrn(shape, before, after, beta, run, rng):
    x = 3 * rng.standard_normal(shape).astype(np.float32)
    (got,) = run(Lrn(before, after, 0.25, 1.5, beta), x)
    c = shape[-1]
    near = np.array([[-after <= i - j <= before for j in range(c)] for i in range(c)])
    want = x / (1.5 + 0.25 * (x.astype(np.float64) ** 2) @ near.T) ** beta
    np.testing.assert_allclose(got, want, rtol=2e-6)


def test_lrn_of_a_negative_sum_to_a_whole_power(run):
    x = np.float32([[1, 2, 3]])
    np.testing.assert_allclose(run(Lrn(0, 0, -1.0, 0.5, 2.0), x)[0], x / (0.5 - x**2) ** 2, rtol=1e-6)
    assert np.isnan(run(Lrn(0, 0, -1.0, 0.5, 0.75), x)[0]).all()


@pytest.mark.parametrize(
    ("op", "operands"),
    [
        (LayerNorm(0, 1.0), [(2, 3), (3,), (3,)]), (LayerNorm(3, 1.0), [(2, 3), (6,), (6,)]),
        (LayerNorm(1, 1.0), [(2, 3), (2,), (3,)]), (LayerNorm(1, 1.0), [(2, 3), (3,), (6,)]),
        (LayerNorm(1, 1.0), [(2, 3), (1, 3), (3,)]), (Lrn(-1, 0, 1.0, 1.0, 1.0), [(3,)]),
        (Lrn(0, -1, 1.0, 1.0, 1.0), [(3,)]), (Lrn(0, 0, 1.0, 1.0, 1.0), [()]),
    ],
    ids=str,
)  # fmt: skip
def test_bad_operands_are_refused(op, operands, shapes):
    with pytest.raises(SpecError, match=r"^layer: "):
        shapes(op, *operands)


def test_unknown_sizes_pass(shapes):
    assert shapes(LayerNorm(1, 1.0), (-1, 3), (3,), (3,)) == [(-1, 3)]
    assert shapes(Lrn(1, 1, 1.0, 1.0, 1.0), (-1, -1)) == [(-1, -1)]
