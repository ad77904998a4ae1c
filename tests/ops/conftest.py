"""Operators by themselves, on every level that this CPU has, with one thread and with two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.op import Op
from pyruntime.ir.types import dtype_of
from pyruntime.native import lib

Run = Callable[..., list[np.ndarray]]
CASES = [(level, threads) for level in lib.cpu_levels() for threads in (1, 2)]


def open_context(level: str, threads: int) -> lib.Context:
    bits = (1 << (lib.levels().index(level) + 1)) - 1
    return lib.Context(threads=threads, levels=bits)


@pytest.fixture(scope="session", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def context(request: pytest.FixtureRequest) -> lib.Context:
    return open_context(*request.param)


@pytest.fixture(scope="session", params=lib.cpu_levels())
def level_context(request: pytest.FixtureRequest) -> lib.Context:
    """One thread only, for checks of numbers."""
    return open_context(request.param, 1)


@pytest.fixture(scope="session")
def run(context: lib.Context) -> Run:
    """run(op, *arrays, outputs=1): the operator's results; its shape rule decides their shapes."""

    def call(op: Op, *arrays: np.ndarray, outputs: int = 1) -> list[np.ndarray]:
        return lib.run_once(op, "layer", arrays, outputs, context)

    return call


@pytest.fixture(scope="session")
def shapes() -> Callable[..., list[tuple[int, ...]]]:
    """shapes(op, *shapes or arrays, outputs=1): shapes by the rule; arrays are constants, shapes are f32."""

    def call(op: Op, *operands: Sequence[int] | np.ndarray, outputs: int = 1) -> list[tuple[int, ...]]:
        pairs = []
        for i, x in enumerate(operands):
            if isinstance(x, np.ndarray):
                pairs.append((Value(str(i), dtype_of(x), x.shape), x))
            else:
                pairs.append((Value(str(i), dtype_of(np.empty(0, np.float32)), tuple(x)), None))
        return [shape for _, shape in lib.infer(op, "layer", pairs, outputs)]

    return call


@pytest.fixture(scope="session")
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
