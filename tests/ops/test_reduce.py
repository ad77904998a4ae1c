"""Folding and softmax, against NumPy in double precision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.ir.ops import Reduce, ReduceKind, Softmax
from pyruntime.native import lib

EPSILON = 0.5
NUMPY = {
    "SUM": np.sum,
    "MEAN": np.mean,
    "PROD": np.prod,
    "LOG_SUM": lambda x, axis, keepdims: np.sum(np.log(x + EPSILON), axis=axis, keepdims=keepdims),
    "SUM_SQUARE": lambda x, axis, keepdims: np.sum(x * x, axis=axis, keepdims=keepdims),
    "L1": lambda x, axis, keepdims: np.sum(np.abs(x), axis=axis, keepdims=keepdims),
    "L2": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    "MAX": np.max,
    "MIN": np.min,
    "LOG_SUM_EXP": lambda x, axis, keepdims: np.logaddexp.reduce(x, axis=axis, keepdims=keepdims),
}
POSITIONS = {"ARG_MAX": np.argmax, "ARG_MIN": np.argmin}
SHAPES = [
    (7,),
    (3, 5),
    (2, 3, 4, 5),
    (5, 1, 70),
    (2, 67, 33),
    (3, 1000),
    (1000, 3),
    (1, 1, 3, 1),
    (40, 9, 64),
]


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_folds_every_set_of_axes(kind, shape, run, rng):
    x = rng.uniform(0.8, 1.3, shape).astype(np.float32)
    if kind != "LOG_SUM":
        x *= rng.choice([-1, 1], shape).astype(np.float32)
    for count in range(len(shape) + 1):
        for axes in combinations(range(len(shape)), count):
            for keep in (False, True):
                (got,) = run(Reduce(ReduceKind[kind], axes, keep, EPSILON), x)
                with np.errstate(over="ignore"):
                    want = NUMPY[kind](x.astype(np.float64), axis=axes, keepdims=keep)
                with np.errstate(over="ignore"):
                    want = np.asarray(want).astype(np.float32)
                assert got.shape == want.shape
                np.testing.assert_allclose(got, want, rtol=2e-5 if kind == "PROD" else 2e-6, atol=2e-5)


@pytest.mark.parametrize("kind", POSITIONS)
@pytest.mark.parametrize("shape", [*SHAPES, (513, 21), (21, 513)], ids=str)
def test_position_of_the_first_of_equals(kind, shape, run, rng):
    for x in (rng.standard_normal(shape), rng.integers(0, 3, shape), np.zeros(shape)):
        for axis in range(len(shape)):
            (got,) = run(Reduce(ReduceKind[kind], (axis,), True), x.astype(np.float32))
            np.testing.assert_array_equal(got, POSITIONS[kind](x.astype(np.float32), axis=axis, keepdims=True))


@pytest.mark.parametrize("shape", [(1, 37), (37, 1), (37, 3), (37, 70), (3, 700)], ids=str)
def test_nan_goes_through_extremes(shape, run, rng):
    """One NaN at each place in turn, then several: the first one is the position, as in NumPy."""
    folded = int(shape[0] <= 3)
    for at in [*range(0, shape[folded], 7), None]:
        x = rng.standard_normal(shape).astype(np.float32)
        if at is None:
            x[rng.random(shape) < 0.1] = np.nan
        else:
            x[tuple([slice(None)] * folded + [at])] = np.nan
        for kind in ("MAX", "MIN", "ARG_MAX", "ARG_MIN"):
            (got,) = run(Reduce(ReduceKind[kind], (folded,), False), x)
            np.testing.assert_array_equal(got, (NUMPY | POSITIONS)[kind](x, axis=folded), err_msg=kind)


@pytest.mark.parametrize(
    "row", [[], [-np.inf] * 5, [-np.inf, 2], [np.inf, 1, -np.inf], [np.nan, 1], [3e38, 3e38]], ids=str
)
def test_logarithm_of_summed_exponentials_at_the_edges(row, run):
    x = np.array(row, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        want = np.logaddexp.reduce(x.astype(np.float64), initial=-np.inf).astype(np.float32)
    for shape in ((len(row),), (len(row), 1, 3)):
        wide = np.broadcast_to(x.reshape(-1, *[1] * (len(shape) - 1)), shape).copy()
        np.testing.assert_array_equal(
            run(Reduce(ReduceKind.LOG_SUM_EXP, (0,), False), wide)[0], np.broadcast_to(want, shape[1:])
        )


def test_long_sums_keep_their_digits(run, rng):
    x = rng.uniform(0, 1, (513 * 513, 2)).astype(np.float32) + 100
    for axes in ((0,), (1,), (0, 1)):
        (got,) = run(Reduce(ReduceKind.MEAN, axes, False), x)
        np.testing.assert_allclose(got, x.mean(axes, dtype=np.float64), rtol=2e-7)


def test_nothing_to_fold_gives_the_start_value(run):
    x = np.zeros((0, 3), np.float32)
    for kind, want in (("SUM", 0), ("PROD", 1), ("MAX", -np.inf), ("MIN", np.inf), ("L2", 0)):
        np.testing.assert_array_equal(run(Reduce(ReduceKind[kind], (0,), False), x)[0], np.full(3, want))
    assert np.isnan(run(Reduce(ReduceKind.MEAN, (0,), False), x)[0]).all()
    assert run(Reduce(ReduceKind.SUM, (1,), False), x)[0].shape == (0,)


REFUSED = [
    (Reduce(99, (0,), False), (2,)),  # type: ignore[arg-type]
    (Reduce(ReduceKind.SUM, (1,), False), (2,)), (Reduce(ReduceKind.SUM, (-1,), False), (2,)),
    (Reduce(ReduceKind.SUM, (1, 0), False), (2, 2)), (Reduce(ReduceKind.SUM, (0, 0), False), (2, 2)),
    (Reduce(ReduceKind.ARG_MAX, (0, 1), False), (2, 2)), (Reduce(ReduceKind.ARG_MAX, (), False), (2, 2)),
    (Reduce(ReduceKind.ARG_MIN, (0,), False), (0, 2)), (Softmax(2), (2, 2)), (Softmax(-1), (2,)),
    (Softmax(0), ()),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shape"), REFUSED, ids=str)
def test_refuses_what_cannot_run(op, shape, shapes):
    with pytest.raises(lib.SpecError, match=r"^layer: "):
        shapes(op, shape)


def test_unknown_sizes_pass(shapes):
    assert shapes(Reduce(ReduceKind.SUM, (1,), True), (-1, 3, -1)) == [(-1, 1, -1)]
    assert shapes(Reduce(ReduceKind.ARG_MAX, (0,), False), (-1, 3)) == [(3,)]
    assert shapes(Softmax(1), (-1, 3)) == [(-1, 3)]


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x.astype(np.float64) - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_softmax_along_any_axis(data, run):
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, 9, 17, 66]), min_size=1, max_size=3).map(tuple))
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = np.random.default_rng(data.draw(st.integers(0, 99))).uniform(-30, 30, shape).astype(np.float32)
    np.testing.assert_allclose(run(Softmax(axis), x)[0], softmax(x, axis), rtol=3e-6, atol=1e-37)


def test_softmax_of_large_and_infinite_numbers(run):
    for shape, axis in (((1, 11), 1), ((11, 1), 0), ((11, 3), 0)):
        x = np.full(shape, 1e8, np.float32)
        np.testing.assert_allclose(run(Softmax(axis), x)[0], np.full(shape, 1 / 11), rtol=1e-6)
        x[...] = -np.inf
        x[tuple(3 if i == axis else slice(None) for i in range(2))] = 0
        np.testing.assert_array_equal(run(Softmax(axis), x)[0], (x == 0).astype(np.float32))
    assert run(Softmax(1), np.zeros((3, 0), np.float32))[0].shape == (3, 0)
