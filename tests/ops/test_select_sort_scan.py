"""Choice, order along an axis and running sums against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.errors import MLModelError, SpecError
from pyruntime.ir.ops import ArgSort, CumSum, Select, TopK

SHAPES = [(7,), (3, 5), (2, 3, 4, 5), (5, 1, 70), (2, 300, 3), (1000,), (2, 3, 1, 2, 1, 2, 1, 2)]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_select_broadcasts_any_three_shapes_as_numpy(data, run):
    dims = data.draw(st.lists(st.integers(0, 5), max_size=8))
    operands = []
    for i in range(3):
        kept = data.draw(st.integers(0, len(dims)))
        shape = tuple(data.draw(st.sampled_from([d, 1])) for d in dims[len(dims) - kept :])
        operands.append((np.arange(int(np.prod(shape)), dtype=np.float32) * (i + 1) % 7 - 3).reshape(shape))
    (got,) = run(Select(), *operands)
    np.testing.assert_array_equal(got, np.where(operands[0] != 0, *operands[1:]))


@pytest.mark.parametrize("alone", range(8))
def test_select_of_long_rows(alone, run, rng):
    """Each operand a whole array or one number, in all combinations; a NaN counts as true."""
    operands = [rng.standard_normal((3, 6001) if alone >> i & 1 else ()).astype(np.float32) for i in range(3)]
    operands[0][operands[0] > 0.5] = np.nan
    operands[0][operands[0] < 0] = 0
    (got,) = run(Select(), *operands)
    np.testing.assert_array_equal(got, np.where(operands[0] != 0, *operands[1:]))


def ties(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of both signs with many equal ones, zeros of both signs and infinities."""
    x = rng.integers(-4, 5, shape).astype(np.float32)
    x[rng.random(shape) < 0.1] = -0.0
    x[rng.random(shape) < 0.05] = np.inf
    x[rng.random(shape) < 0.05] = -np.inf
    return x


@pytest.mark.parametrize("numbers", ["ties", "normal"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arg_sort_is_stable(shape, descending, numbers, run, rng):
    x = ties(rng, shape) if numbers == "ties" else rng.standard_normal(shape).astype(np.float32) * 1e3
    for axis in range(len(shape)):
        (got,) = run(ArgSort(axis, descending), x)
        np.testing.assert_array_equal(got, np.argsort(-x if descending else x, axis=axis, kind="stable"))


@pytest.mark.parametrize("bottom", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_top_k(shape, bottom, run, rng):
    x = ties(rng, shape)
    for axis, size in enumerate(shape):
        order = np.argsort(x if bottom else -x, axis=axis, kind="stable")
        for k in {1, 2, size // 20, size // 2, size - 1, size}:
            places = np.take(order, range(max(min(k, size), 0)), axis=axis)
            if not places.shape[axis]:
                continue
            for got in (
                run(TopK(axis, places.shape[axis], bottom), x, outputs=2),
                run(TopK(axis, 0, bottom), x, np.full((1,), places.shape[axis], np.float32), outputs=2),
            ):
                np.testing.assert_array_equal(got[0], np.take_along_axis(x, places, axis))
                np.testing.assert_array_equal(got[1], places)


def test_nan_comes_last_in_both_directions(run):
    x = np.array([np.nan, 1, -np.inf, np.nan, np.inf, -2], np.float32)
    assert run(ArgSort(0, False), x)[0].tolist() == [2, 5, 1, 4, 0, 3]
    assert run(ArgSort(0, True), x)[0].tolist() == [4, 1, 5, 2, 0, 3]


def test_none_of_some_and_order_of_nothing(run):
    values, places = run(TopK(1, 0, False), np.ones((2, 3), np.float32), np.float32(0), outputs=2)
    assert values.shape == places.shape == (2, 0)
    assert run(ArgSort(1, False), np.ones((2, 0), np.float32))[0].shape == (2, 0)
    assert run(ArgSort(1, False), np.ones((0, 3), np.float32))[0].shape == (0, 3)


def test_the_number_of_results_is_open_until_k_is_there(shapes):
    assert shapes(TopK(1, 0, False), (2, 5), (1,), outputs=2) == [(2, -1), (2, -1)]
    assert shapes(TopK(1, 0, False), (2, 5), np.float32([3]), outputs=2) == [(2, 3), (2, 3)]
    assert shapes(TopK(1, 4, False), (-1, -1), outputs=2) == [(-1, 4), (-1, 4)]


@pytest.mark.parametrize("k", [6, -1, 2.5, np.nan, np.inf])
def test_an_impossible_k_is_named(k, run):
    with pytest.raises(
        MLModelError, match=r"layer: k is .*expected a whole number from 0 to the size of axis 1 of x .2, 5."
    ):
        run(TopK(1, 0, False), np.ones((2, 5), np.float32), np.float32([k]), outputs=2)


@pytest.mark.parametrize(
    ("op", "operands"),
    [
        (TopK(2, 1, False), [(2, 3)]), (TopK(-1, 1, False), [(2, 3)]), (TopK(0, 1, False), [()]),
        (TopK(0, 0, False), [(2,)]), (TopK(0, 1, False), [(2,), (1,)]), (TopK(0, 0, False), [(2,), (2,)]),
        (TopK(0, -2, False), [(2,)]), (ArgSort(1, False), [(2,)]), (ArgSort(0, False), [(2**31,)]),
        (CumSum(1, False, False), [(2,)]), (CumSum(-2, False, False), [(2,)]), (CumSum(0, False, False), [()]),
        (CumSum(-1, False, False), [(2,)]), (CumSum(0, False, False), [(2,), (1,)]),
        (CumSum(-1, False, False), [(2,), (2,)]),
        (Select(), [(2,), (3,), (1,)]), (Select(), [(2,), (1,), (3,)]),
    ],
    ids=str,
)  # fmt: skip
def test_bad_operands_are_refused(op, operands, shapes):
    with pytest.raises(SpecError, match=r"^layer: "):
        shapes(op, *operands, outputs=2 if isinstance(op, TopK) else 1)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("shape", [*SHAPES, (3, 4, 200), (0, 3), (3, 0)], ids=str)
def test_cum_sum(shape, exclusive, reverse, run, rng):
    x = rng.standard_normal(shape).astype(np.float32)
    for axis in range(len(shape)):
        turned = np.flip(x, axis) if reverse else x
        want = np.cumsum(turned.astype(np.float64), axis) - (turned if exclusive else 0)
        want = np.flip(want, axis) if reverse else want
        (got,) = run(CumSum(axis, exclusive, reverse), x)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
        for given_axis in (axis, axis - len(shape)):
            (again,) = run(CumSum(-1, exclusive, reverse), x, np.float32([given_axis]))
            np.testing.assert_array_equal(again, got)


@pytest.mark.parametrize("axis", [2, -3, 0.5, np.nan])
def test_an_impossible_axis_is_named(axis, run):
    with pytest.raises(MLModelError, match=r"layer: the axis is .*from -2 to 1 for x .2, 5."):
        run(CumSum(-1, False, False), np.ones((2, 5), np.float32), np.float32([axis]))
