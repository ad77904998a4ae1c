"""Gradients of a graph against PyTorch's autograd in double precision, and finite differences of the same formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pyruntime.compiler import compile_graph
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.types import DType
from pyruntime.native import lib
from pyruntime.training import rules  # noqa: F401  (files every rule)
from pyruntime.training.builder import TrainingBuilder
from pyruntime.training.gradients import Backward

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")
TOLERANCE = 2e-5
"""Of the largest gradient; finite differences have their own, below."""


def ours(
    make: Callable[..., Value], arrays: Sequence[np.ndarray], g: np.ndarray | None, threads: int = 1
) -> tuple[Any, list[np.ndarray]]:
    """(upstream gradient, gradients) of `make(b, *values)` with respect to all its values."""
    b = TrainingBuilder(None, legacy=False)
    b.layer = "layer"
    values = [Value(f"x{i}", DType.F32, a.shape) for i, a in enumerate(arrays)]
    y = make(b, *values)
    if g is None:
        g = np.random.default_rng(7).normal(size=y.shape).astype(np.float32)
    upstream = Value("g", DType.F32, y.shape)
    found = Backward(b, values).run(y, upstream)
    results = tuple(found[v.name] for v in values)
    graph = Graph((*values, upstream), results, tuple(b.nodes), b.constants)
    context = lib.Context(threads=threads)
    session = lib.Session(context, *compile_graph(graph, context), 1 << 30)
    return g, session.run([*(a.astype(np.float32) for a in arrays), g], len(results))


def check(
    make: Callable[..., Value], reference: Callable[..., Any], *arrays: np.ndarray, differences: bool = True
) -> None:
    g, got = ours(make, arrays, None)
    tensors = [torch.tensor(a.astype(np.float32), dtype=torch.float64, requires_grad=True) for a in arrays]
    y = reference(*tensors)
    assert tuple(y.shape) == g.shape
    wanted = torch.autograd.grad((y * torch.tensor(g, dtype=torch.float64)).sum(), tensors)
    for mine, theirs in zip(got, wanted, strict=True):
        theirs = theirs.numpy()
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs).max(initial=0) <= TOLERANCE * np.abs(theirs).max(initial=1e-30)
    if differences:
        compare_with_differences(reference, tensors, g, got)
    for mine, again in zip(got, ours(make, arrays, g, threads=2)[1], strict=True):
        assert mine.tobytes() == again.tobytes(), "two threads give other bits than one"


def compare_with_differences(reference: Any, tensors: Sequence[Any], g: np.ndarray, got: Sequence[np.ndarray]) -> None:
    """Some directions of each operand: (f(x + h) - f(x - h)) / 2h, in double precision."""
    weight = torch.tensor(g, dtype=torch.float64)
    rng = np.random.default_rng(3)
    h = 1e-6
    with torch.no_grad():
        for i, mine in enumerate(got):
            for _ in range(3):
                direction = torch.tensor(rng.normal(size=mine.shape))
                plus, minus = ([t + s * h * direction if j == i else t for j, t in enumerate(tensors)] for s in (1, -1))
                slope = float(((reference(*plus) - reference(*minus)) * weight).sum()) / (2 * h)
                size = float(np.abs(mine).sum()) + 1e-9
                assert abs(slope - float((torch.tensor(mine, dtype=torch.float64) * direction).sum())) <= 1e-4 * size


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def apart(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers that differ from each other and from 0 by more than finite differences step."""
    count = math.prod(shape)
    values = (np.random.default_rng(seed).permutation(count) - count / 2 + 0.25) / max(1, count / 4)
    return values.astype(np.float32).reshape(shape)
