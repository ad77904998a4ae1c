"""Operators that move values, against NumPy."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.ir.ops import Concat, Pad, PadMode, Reshape, Slice, Tile, Transpose
from pyruntime.ir.ops.move import FIRST, LAST
from pyruntime.native import lib

TYPES = [np.float32, np.uint8, np.int32]
SMALL = st.lists(st.integers(0, 5), max_size=6).map(tuple)


def counting(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) % 251).astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(3, 5, 9, 17), (1, 64, 20, 31), (2, 3, 33, 40), (2, 1, 130, 8)], ids=str)
def test_transpose_by_every_permutation(shape, dtype, run):
    x = counting(shape, dtype)
    for axes in permutations(range(4)):
        np.testing.assert_array_equal(run(Transpose(axes), x)[0], x.transpose(axes))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_transpose_of_any_rank(data, run):
    x = counting(data.draw(st.lists(st.integers(0, 4), max_size=8).map(tuple)))
    axes = tuple(data.draw(st.permutations(range(x.ndim))))
    np.testing.assert_array_equal(run(Transpose(axes), x)[0], x.transpose(axes))


def test_transpose_of_large_matrices(run):
    for shape in [(515, 261), (1, 21, 130, 131), (3, 224, 225)]:
        x = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
        axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
        np.testing.assert_array_equal(run(Transpose(axes), x)[0], x.transpose(axes))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_slice_as_numpy(data, run):
    dtype = data.draw(st.sampled_from(TYPES))
    x = counting(data.draw(SMALL), dtype)
    ends = st.one_of(st.integers(-7, 7), st.sampled_from([FIRST, LAST]))
    begin, end = (tuple(data.draw(ends) for _ in x.shape) for _ in range(2))
    stride = tuple(data.draw(st.sampled_from([1, 1, 2, 3, -1, -2, -5])) for _ in x.shape)
    index = tuple(
        slice(b, None if (s < 0 and e == FIRST) or (s > 0 and e == LAST) else e, s)
        for b, e, s in zip(begin, end, stride, strict=True)
    )
    np.testing.assert_array_equal(run(Slice(begin, end, stride), x)[0], x[index])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_tile_as_numpy(data, run):
    x = counting(data.draw(st.lists(st.integers(0, 4), max_size=4).map(tuple)), data.draw(st.sampled_from(TYPES)))
    repeats = tuple(data.draw(st.integers(0, 3)) for _ in range(x.ndim + data.draw(st.integers(0, 2))))
    np.testing.assert_array_equal(run(Tile(repeats), x)[0], np.tile(x, repeats))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_concat_as_numpy(data, run):
    shape = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=5))
    axis = data.draw(st.integers(0, len(shape) - 1))
    dtype = data.draw(st.sampled_from(TYPES))
    parts = [
        counting((*shape[:axis], data.draw(st.integers(0, 4)), *shape[axis + 1 :]), dtype)
        for _ in range(data.draw(st.integers(1, 5)))
    ]
    np.testing.assert_array_equal(run(Concat(axis), *parts)[0], np.concatenate(parts, axis))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_pad_as_numpy(data, run):
    mode = data.draw(st.sampled_from(PadMode))
    least = 0 if mode == PadMode.CONSTANT else 1
    shape = data.draw(st.lists(st.integers(least, 5), max_size=5).map(tuple))
    x = counting(shape, data.draw(st.sampled_from(TYPES)))
    limit = [n - 1 if mode == PadMode.REFLECT else 3 for n in shape]
    before, after = (tuple(data.draw(st.integers(0, n)) for n in limit) for _ in range(2))
    name = {PadMode.CONSTANT: "constant", PadMode.REFLECT: "reflect", PadMode.EDGE: "edge"}[mode]
    value = {"constant_values": 7} if mode == PadMode.CONSTANT else {}
    want = np.pad(x, tuple(zip(before, after, strict=True)), name, **value) if x.ndim else x
    np.testing.assert_array_equal(run(Pad(mode, before, after, 7.0), x)[0], want)


RESHAPES = [
    ((2, 3, 4), (6, -1), (6, 4)), ((2, 3, 4), (0, -1), (2, 12)), ((2, 3, 4), (0, 0, 2, 2), (2, 3, 2, 2)),
    ((), (1, 1), (1, 1)), ((1,), (), ()), ((0, 3), (3, 0), None), ((2, 0), (-1, 5), (0, 5)), ((-1, 3),
    (0, 3), (-1, 3)),
    ((-1, 3), (-1,), (-1,)), ((-1, 3), (-1, 6), (-1, 6)), ((0,), (0, -1), (0, 1)),
    ((-1, 1, -1), (-2, -4), (-1, -1)), ((2, 3, 4), (-4, -3, -2), (4, 3, 2)), ((0, 3, 4), (-2, -1), (0, 12)),
    ((-1, -1, 5), (-3, 1, -1), (-1, 1, -1)), ((2, -1, 6), (3, -3, -1), (3, -1, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "new", "want"), RESHAPES, ids=str)
def test_reshape_shape_rule(shape, new, want, shapes):
    if want is None:  # 0 keeps the 3 here, so that the result would have 9 elements
        with pytest.raises(lib.SpecError, match="do not fit"):
            shapes(Reshape(new), shape)
        return
    assert shapes(Reshape(new), shape) == [want]


REFUSED = [
    (Reshape((-1, -1)), [(4,)]), (Reshape((5,)), [(4,)]), (Reshape((-3,)), [(4,)]), (Reshape((3, -1)),
    [(4,)]),
    (Reshape((0, 0)), [(4,)]), (Reshape((0, -2)), [(4, 1)]), (Reshape((-(2**31),)), [(4,)]),
    (Reshape((2**30, 2**30)), [(-1,)]),
    (Transpose((0, 0)), [(2, 3)]), (Transpose((0, 2)), [(2, 3)]), (Transpose((-1, 0)), [(2, 3)]),
    (Transpose((0,)), [(2, 3)]),
    (Concat(1), [(2,)]), (Concat(-1), [(2,)]), (Concat(0), [(2, 3), (2, 4)]), (Concat(0), [(2, 3), (2,)]),
    (Concat(0), [(2**40,), (2**40,)]),
    (Slice((0,), (1,), (0,)), [(2,)]), (Slice((0,), (1,), (1,)), [(2, 2)]),
    (Pad(PadMode.REFLECT, (3,), (0,)), [(3,)]), (Pad(PadMode.EDGE, (1,), (0,)), [(0,)]),
    (Pad(PadMode.CONSTANT, (-1,), (0,)), [(3,)]), (Pad(PadMode.CONSTANT, (1,), ()), [(3,)]),
    (Pad(3, (0,), (0,)), [(3,)]),  # type: ignore[arg-type]
    (Pad(PadMode.CONSTANT, (2**30, 2**30), (0, 0)), [(3, 3)]),
    (Pad(PadMode.CONSTANT, (1,), (0,), 0.5), [np.zeros(3, np.uint8)]),
    (Pad(PadMode.CONSTANT, (1,), (0,), float("nan")), [np.zeros(3, np.int32)]),
    (Tile((2,)), [(2, 3)]), (Tile((-1,)), [(2,)]), (Tile((2**31 - 1, 2**31 - 1)), [(2, 3)]),
    (Tile((2**31 - 1,)), [(2**40,)]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "operands"), REFUSED, ids=str)
def test_refuses_what_cannot_run(op, operands, shapes):
    with pytest.raises(lib.SpecError, match=r"^layer: "):
        shapes(op, *operands)


def test_unknown_sizes_pass(shapes):
    assert shapes(Transpose((1, 0)), (-1, 3)) == [(3, -1)]
    assert shapes(Concat(0), (-1, 3), (2, -1)) == [(-1, 3)]
    assert shapes(Concat(0), (1, -1), (2, 3)) == [(3, 3)]
    assert shapes(Slice((0, 0), (LAST, 2), (1, 1)), (-1, 3)) == [(-1, 2)]
    assert shapes(Pad(PadMode.REFLECT, (2, 0), (0, 1)), (-1, 3)) == [(-1, 4)]
    assert shapes(Tile((2, 2)), (-1, 3)) == [(-1, 6)]
