"""Operators that look up and write by index where something is empty, and what they know before a prediction."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.ops import (
    Band,
    Gather,
    GatherAlong,
    GatherNd,
    OneHot,
    OneHotTo,
    PadTo,
    ReverseSequence,
    Scatter,
    ScatterAlong,
    ScatterMode,
    ScatterNd,
    SliceBySize,
    SliceTo,
    TileTo,
    WhereNonZero,
    Windows,
)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


EMPTY = [
    (Gather(0), [zeros(3, 2), zeros(0)], (0, 2)), (Gather(1), [zeros(3, 2), zeros(2, 0)], (3, 2, 0)),
    (Gather(0), [zeros(3, 0), zeros(2)], (2, 0)), (GatherNd(), [zeros(3, 2), zeros(0, 2)], (0,)),
    (GatherNd(), [zeros(3, 2), zeros(4, 0)], (4, 3, 2)), (GatherAlong(0), [zeros(3, 2), zeros(0, 2)], (0, 2)),
    (Scatter(ScatterMode.ADD, 0), [zeros(3, 2), zeros(0), zeros(0, 2)], (3, 2)),
    (ScatterNd(ScatterMode.MUL), [zeros(3, 2), zeros(0, 1), zeros(0, 2)], (3, 2)),
    (ScatterAlong(ScatterMode.UPDATE, 0), [zeros(3, 2), zeros(0, 2), zeros(0, 2)], (3, 2)),
    (OneHot(0, 4, 1.0, 0.0), [zeros(0)], (4, 0)), (OneHotTo(0, 0, 1.0, 0.0), [zeros(3), floats(0)], (0, 3)),
    (WhereNonZero(), [zeros(0, 3)], (0, 2)), (WhereNonZero(), [np.float32(1).reshape(())], (1, 0)),
    (Band(0, 0), [zeros(0, 3)], (0, 3)), (ReverseSequence(0, 1), [zeros(0, 3), zeros(0)], (0, 3)),
    (ReverseSequence(1, 0), [zeros(0, 3), zeros(3)], (0, 3)), (TileTo((-1,)), [zeros(3), floats(0)], (0,)),
    (PadTo(False, 2.0), [zeros(0), floats(1, 2)], (3,)), (PadTo(True, 2.0), [zeros(0), floats(0, 4)], (4,)),
    (SliceTo((0,)), [zeros(0), *[floats(0)] * 2, floats(1), *[floats(1)] * 2], (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands", "shape"), EMPTY, ids=str)
def test_empty_operands(op, operands, shape, run):
    y = run(op, *operands)[0]
    assert y.shape == shape
    if y.size:
        assert (y == (2 if isinstance(op, PadTo) else 0)).all()


OPEN = [
    (Gather(1), [(-1, 5, 3), (2, -1)], (-1, 2, -1, 3)), (GatherNd(), [(5, -1, 3), (-1, 1)], (-1, -1, 3)),
    (GatherAlong(0), [(-1, 3), (4, -1)], (4, 3)), (ScatterNd(ScatterMode.ADD), [(-1, 3), (4, 1), (4, 3)], (-1, 3)),
    (OneHot(1, 5, 1.0, 0.0), [(-1, 3)], (-1, 5, 3)), (OneHotTo(1, 0, 1.0, 0.0), [(2, 3), (1,)], (2, -1, 3)),
    (WhereNonZero(), [(-1, 3)], (-1, 2)), (Windows(0, 3, 2), [(-1, 4)], (-1, 3, 4)),
    (SliceBySize(1, 2), [(-1, -1), (1,)], (-1, 2)), (TileTo((-1, 2)), [(3, -1), (2,)], (-1, -1)),
    (TileTo((2, -1)), [(3, 4), floats(2, 5)], (6, 20)), (PadTo(False, 0.0), [(3, 4), (4,)], (-1, -1)),
    (PadTo(False, 0.0), [(-1, 4), floats(1, 2, 3, 4)], (-1, 11)),
    (SliceTo((1, 0)), [(4, 5), (2,), (2,), floats(1, 2), floats(0, 1), floats(0, 1)], (3,)),
    (SliceTo((0, 0)), [(4, -1), floats(1, 1), (2,), floats(1, 1), floats(0, 1), floats(1, 1)], (3, -1)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands", "shape"), OPEN, ids=str)
def test_sizes_before_the_numbers_are_known(op, operands, shape, shapes):
    assert shapes(op, *operands) == [shape]


@pytest.mark.parametrize("mode", ScatterMode)
def test_many_updates_of_few_places_in_their_order(mode, run):
    """With one thread and with two, for rows longer than one thread's share."""
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(3, 5000)).astype(np.float32), rng.integers(-3, 3, 40).astype(np.float32)
    updates = rng.uniform(0.5, 1.5, (40, 5000)).astype(np.float32)
    want = x.copy()
    change = [lambda y, u: u, np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum][mode]
    for place, row in zip(index.astype(int), updates, strict=True):
        want[place] = change(want[place], row)
    np.testing.assert_array_equal(run(Scatter(mode, 0), x, index, updates)[0], want)
    np.testing.assert_array_equal(run(ScatterNd(mode), x, index[:, None], updates)[0], want)
    wide = np.ascontiguousarray(np.broadcast_to(index[:, None], updates.shape))
    np.testing.assert_array_equal(run(ScatterAlong(mode, 0), x, wide, updates)[0], want)


def test_a_length_or_index_that_is_nan_is_refused(run):
    nan = floats(float("nan"))
    for op, operands in [
        (Gather(0), [zeros(3), nan]),
        (SliceBySize(0, 1), [zeros(3), nan]),
        (ReverseSequence(0, 1), [zeros(1, 3), nan]),
        (Scatter(ScatterMode.ADD, 0), [zeros(3), nan, zeros(1)]),
    ]:
        with pytest.raises(MLModelError, match=r"nan|NaN"):
            run(op, *operands)
