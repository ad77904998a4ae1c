"""Functions of two numbers, and per channel, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.ir.op import Activation
from pyruntime.ir.ops import Affine, Binary, BinaryKind, PRelu
from pyruntime.native import lib

NUMPY = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "MAX": np.maximum,
    "MIN": np.minimum,
    "POW": np.power,
    "MOD": np.mod,
    "FLOOR_DIV": np.floor_divide,
    "EQ": np.equal,
    "NE": np.not_equal,
    "LT": np.less,
    "LE": np.less_equal,
    "GT": np.greater,
    "GE": np.greater_equal,
    "AND": np.logical_and,
    "OR": np.logical_or,
    "XOR": np.logical_xor,
}
RELU6 = Activation(lo=0.0, hi=6.0)
LEAKY = Activation(slope=0.25)


def activate(x: np.ndarray, a: Activation) -> np.ndarray:
    return np.clip(np.where(x < 0, a.slope * x, x), a.lo, a.hi)


SHAPES = [
    ((), ()), ((5,), ()), ((), (5,)), ((40_003,), (40_003,)), ((2, 3, 17), (17,)), ((17,), (2, 3, 17)),
    ((2, 3, 4, 5), (3, 1, 5)), ((4, 1, 6), (1, 5, 1)), ((2, 1, 3, 1, 4), (1, 7, 1, 2, 1)), ((0, 3), (1, 3)),
    ((3, 1), (0,)), ((300, 257), (300, 1)), ((1, 257), (300, 1)), ((2, 3, 1, 2, 1, 2, 1, 2),
    (2, 1, 3, 1, 2, 1, 2, 1)),
    ((9, 9, 3), (3,)), ((9, 9, 1), (9, 9, 3)),
]  # fmt: skip


@pytest.mark.parametrize("kind", BinaryKind.__members__)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_broadcasts_as_numpy(kind, shapes, run, rng):
    x, y = (rng.uniform(0.5, 2, shape).astype(np.float32) for shape in shapes)
    for activation in (Activation(), RELU6, LEAKY):
        (got,) = run(Binary(BinaryKind[kind], activation), x, y)
        want = activate(NUMPY[kind](x, y), activation)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=3e-7)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_broadcasts_any_pair_of_shapes_as_numpy(data, run):
    dims = data.draw(st.lists(st.integers(0, 5), max_size=8))
    shapes = []
    for _ in range(2):
        kept = data.draw(st.integers(0, len(dims)))
        own = [data.draw(st.sampled_from([d, 1])) for d in dims[len(dims) - kept :]]
        shapes.append(tuple(own))
    x, y = (np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape) - 7 for shape in shapes)
    (got,) = run(Binary(BinaryKind.SUB), x, y)
    np.testing.assert_array_equal(got, x - y)


def test_binary_shape_rule(shapes):
    add = Binary(BinaryKind.ADD)
    assert shapes(add, (-1, 1, 5), (4, 1)) == [(-1, 4, 5)]
    assert shapes(add, (-1, 3), (7, 3)) == [(7, 3)]
    assert shapes(add, (-1,), (-1,)) == [(-1,)]
    for x, y in [((2,), (3,)), ((0,), (2,)), ((2, 3), (2, 4))]:
        with pytest.raises(lib.SpecError, match=r"layer: shapes .* do not broadcast together"):
            shapes(add, x, y)
    with pytest.raises(lib.SpecError, match="too large"):
        shapes(add, (1 << 30, 1), (1, 1 << 30))


@pytest.mark.parametrize("c", [1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 64, 70])
@pytest.mark.parametrize("lead", [(), (1,), (5, 13), (3, 0), (2, 1, 700)], ids=str)
def test_affine_and_prelu_run_along_the_last_axis(c, lead, run, rng):
    x = rng.standard_normal((*lead, c)).astype(np.float32)
    scale, shift = rng.standard_normal((2, c)).astype(np.float32)
    for activation in (Activation(), RELU6, LEAKY):
        want = activate(x * scale + shift, activation)
        np.testing.assert_allclose(run(Affine(activation), x, scale, shift)[0], want, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(run(PRelu(), x, scale)[0], np.where(x < 0, scale * x, x))
    np.testing.assert_array_equal(run(PRelu(), x, scale[:1])[0], np.where(x < 0, scale[0] * x, x))


def test_affine_and_prelu_shape_rules(shapes):
    assert shapes(Affine(), (-1, 4), (4,), (4,)) == [(-1, 4)]
    assert shapes(Affine(), (2, -1), (4,), (4,)) == [(2, 4)]
    for operands in [((2, 3), (4,), (4,)), ((2, 3), (3,), (1,)), ((), (1,), (1,)), ((2, 3), (1, 3), (3,))]:
        with pytest.raises(lib.SpecError, match=r"layer: "):
            shapes(Affine(), *operands)
    for operands in [((2, 3), (2,)), ((), (1,)), ((2, 3), ())]:
        with pytest.raises(lib.SpecError, match=r"layer: "):
            shapes(PRelu(), *operands)


@pytest.mark.parametrize("kind", sorted(set(BinaryKind.__members__) - {"POW"}))
def test_nan_infinity_and_zeros_as_numpy(kind, run):
    values = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1, -1, 2.5, -2.5, 3e38], np.float32)
    x, y = (a.ravel().copy() for a in np.broadcast_arrays(values[:, None], values))
    with np.errstate(all="ignore"):
        want = NUMPY[kind](x, y).astype(np.float32)
    np.testing.assert_array_equal(run(Binary(BinaryKind[kind]), x, y)[0], want)
