"""Operators about shapes, against NumPy: numbers given, numbers partly given, numbers that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.errors import MLModelError
from pyruntime.ir.ops import Broadcast, BroadcastTo, GetShape, Range, ReshapeTo
from pyruntime.native import lib

TYPES = [np.float32, np.uint8, np.int32]


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize("shape", [(), (4,), (2, 0, 3), (1,) * 8], ids=str)
def test_get_shape(shape, run):
    np.testing.assert_array_equal(run(GetShape(), np.zeros(shape, np.uint8))[0], np.array(shape, np.float32))


def test_the_shape_of_a_shape_is_known(shapes):
    assert shapes(GetShape(), (-1, -1, 3)) == [(3,)]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_broadcast_as_numpy(data, run):
    target = data.draw(st.lists(st.integers(0, 5), max_size=6).map(tuple))
    own = target[data.draw(st.integers(0, len(target))) :]
    shape = tuple(data.draw(st.sampled_from([1, size])) for size in own)
    x = (np.arange(int(np.prod(shape))) % 251).reshape(shape).astype(data.draw(st.sampled_from(TYPES)))
    want = np.broadcast_to(x, target)
    np.testing.assert_array_equal(run(Broadcast(target), x)[0], want)
    hidden = tuple(data.draw(st.sampled_from([-1, size])) for size in target)
    np.testing.assert_array_equal(run(BroadcastTo(hidden), x, floats(*target))[0], want)


@settings(max_examples=100, deadline=None)
@given(
    start=st.integers(-40, 40),
    end=st.integers(-40, 40),
    step=st.integers(-9, 9).filter(bool),
    scale=st.sampled_from([1, 0.5, 0.125]),
)
def test_range_as_numpy(start, end, step, scale, run):
    start, end, step = start * scale, end * scale, step * scale
    y = run(Range(), floats(start), floats(end), np.float32(step).reshape(()))[0]
    np.testing.assert_array_equal(y, np.arange(start, end, step).astype(np.float32))


def test_what_is_known_before_the_numbers_are(shapes):
    assert shapes(ReshapeTo((-1, 3)), (2, 6), (2,)) == [(4, 3)]
    assert shapes(ReshapeTo((-1, 3)), (-1, 6), (2,)) == [(-1, 3)]
    assert shapes(ReshapeTo((-1, -1)), (2, 6), (2,)) == [(-1, -1)]
    assert shapes(ReshapeTo((-1, -1)), (2, 6), floats(-1, 4)) == [(3, 4)]
    assert shapes(ReshapeTo((-1, -1)), (-1, 6), floats(-1, 4)) == [(-1, 4)]
    assert shapes(ReshapeTo((-1, -1)), (0, 6), floats(0, 4)) == [(0, 4)]
    assert shapes(ReshapeTo(()), (1, 1), (0,)) == [()]
    assert shapes(BroadcastTo((-1, -1, 4)), (-1, 1), (3,)) == [(-1, -1, 4)]
    assert shapes(BroadcastTo((-1, -1, -1)), (5, 1), (-1,)) == [(-1, 5, -1)]
    assert shapes(BroadcastTo((-1, -1, 4)), (-1, 1), floats(2, 3, 4)) == [(2, 3, 4)]
    assert shapes(Range(), (1,), (), (1, 1)) == [(-1,)]
    assert shapes(Range(), floats(0), floats(7.5), floats(2)) == [(4,)]
    assert shapes(Range(), floats(5), floats(0), floats(1)) == [(0,)]


nan, inf = float("nan"), float("inf")
REFUSED = [
    (ReshapeTo((-1,)), [(4,), floats(5)], "4 elements"), (ReshapeTo((-1, -1)), [(4,), floats(-1, -1)], "one -1"),
    (ReshapeTo((-1,)), [(4,), floats(nan)], "nan"), (ReshapeTo((-1,)), [(4,), floats(inf)], "inf"),
    (ReshapeTo((-1,)), [(4,), floats(1e30)], "40 bits"), (ReshapeTo((-1,)), [(4,), floats(-2)], "-2"),
    (ReshapeTo((-1, -1)), [(4,), floats(-1, 3)], "4 elements"), (ReshapeTo((3,)), [(4,), floats(4)], "size 4"),
    (ReshapeTo((-1,)), [(4,), (2,)], "expected 1 numbers"), (ReshapeTo((-1, -1)), [(4,), floats(0, -1)], "4 elements"),
    (ReshapeTo((-1, -1)), [(-1,), floats(2**39, 2**39)], "too large"), (ReshapeTo((-2,)), [(4,), (1,)], "-2"),
    (BroadcastTo((-1,)), [(4,), floats(5)], "broadcast"), (BroadcastTo((-1,)), [(4,), floats(-1)], "-1"),
    (BroadcastTo((-1,)), [(2, 4), floats(4)], "broadcast"), (Broadcast((-1,)), [(4,)], "-1"),
    (Broadcast((2**30, 2**30)), [(1,)], "too large"), (BroadcastTo((5,)), [(4,), (1,)], "broadcast"),
    (Range(), [floats(0), floats(1), floats(0)], "no end"), (Range(), [floats(0), floats(nan), floats(1)], "nan"),
    (Range(), [floats(0), floats(1e30), floats(1)], "too many"), (Range(), [floats(0), (2,), floats(1)], "end"),
    (Range(), [floats(0), floats(1), floats(inf)], "inf"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands", "words"), REFUSED, ids=str)
def test_refuses_what_is_no_shape(op, operands, words, shapes):
    with pytest.raises(MLModelError, match=r"^layer: ") as caught:
        shapes(op, *operands)
    assert words in str(caught.value)


def test_the_numbers_decide_and_the_answer_is_not_kept(shapes):
    """Answers of shape rules are kept; those of rules that read numbers by the numbers too."""
    assert lib.operators()["RESHAPE_TO"].reads_data
    assert shapes(ReshapeTo((-1, -1)), (12,), floats(3, 4)) == [(3, 4)]
    assert shapes(ReshapeTo((-1, -1)), (12,), floats(2, 6)) == [(2, 6)]
