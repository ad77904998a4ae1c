"""Values without elements whose other dimensions are huge: there is nothing to compute, so no time may pass."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Padding, Pool, PoolKind, Reduce, ReduceKind, Slice, Softmax, Transpose
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib

from .graphs import session_of

SHAPE = (5, 1 << 32, 1, 0)
OPERATORS: list[Op] = [
    Pool(PoolKind.AVERAGE, False, (4, 2), (3, 2), (0, 0), (0, 0), Padding.SAME_BOTTOM_RIGHT, True),
    Pool(PoolKind.MAX, True, (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, False),
    Softmax(3),
    Softmax(1),
    Transpose((1, 0, 3, 2)),
    Slice((0, 7, 0, 0), (5, 2**31 - 1, 1, 0), (1, 3, 1, 1)),
    Reduce(ReduceKind.MEAN, (1,), True),
]


@pytest.fixture
def empty() -> np.ndarray:
    return np.empty(SHAPE, np.float32)


@pytest.mark.timeout(60)  # with a loop over the rows these take minutes each
@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.code)
def test_an_operator_by_itself(op: Op, empty: np.ndarray) -> None:
    (result,) = lib.run_once(op, "layer", [empty], 1, lib.Context(threads=2))
    assert result.size == 0
    assert result.ndim == 4


@pytest.mark.timeout(60)
@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.code)
def test_a_session(op: Op, empty: np.ndarray) -> None:
    b = Builder(None, legacy=False)
    x = Value("x", DType.F32, SHAPE)
    graph = Graph((x,), (b.emit(op, x),), tuple(b.nodes), b.constants)
    (result,) = session_of(graph, lib.Context(threads=2)).run([empty], 1)
    assert result.shape == graph.outputs[0].shape
