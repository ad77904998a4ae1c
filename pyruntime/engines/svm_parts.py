"""Kernels and support vectors of SVM.proto, checked; sparse ones as dense rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyruntime.engines.values import Doubles
from pyruntime.engines.vector import products
from pyruntime.errors import SpecError

Kernel = Callable[[Doubles, Doubles], Doubles]
"""(rows, width) and (vectors, width) to (rows, vectors)."""

MAX_WIDTH = 1 << 24
MAX_NUMBERS = 1 << 28  # of all support vectors, dense: 2 GiB


def broken(message: Any, rule: str) -> SpecError:
    return SpecError(f"{message.DESCRIPTOR.name}: {rule}; the file is damaged or badly written")


def read_kernel(message: Any) -> Kernel:
    """The kernel function of a support vector machine.  Raises SpecError."""
    kind = message.kernel.WhichOneof("kernel")
    if kind is None:
        raise broken(message, "it has no kernel, expected linearKernel, rbfKernel, polyKernel or sigmoidKernel")
    p = getattr(message.kernel, kind)
    numbers = [(name, getattr(p, name)) for name in ("gamma", "c", "degree") if hasattr(p, name)]
    for name, value in numbers:
        if not np.isfinite(value) or (name == "degree" and value < 0):
            raise broken(message, f"{name} of its {kind} is {value}, expected a finite number, of a degree 0 or more")
    if kind == "linearKernel":
        return products
    if kind == "rbfKernel":
        return lambda rows, vectors: np.exp(-p.gamma * _squares(rows, vectors))
    if kind == "polyKernel":
        return lambda rows, vectors: _power(p.gamma * products(rows, vectors) + p.c, p.degree)
    return lambda rows, vectors: np.tanh(p.gamma * products(rows, vectors) + p.c)


def _power(x: Doubles, degree: int) -> Doubles:
    with np.errstate(over="ignore"):
        return np.asarray(x**degree)


def _squares(rows: Doubles, vectors: Doubles) -> Doubles:
    """Squared distances by differences: exact where rows and vectors are nearly equal."""
    squares = np.empty((len(rows), len(vectors)))
    for row, into in zip(rows, squares, strict=True):
        difference = vectors - row
        np.einsum("ij,ij->i", difference, difference, out=into)
    return squares


def read_vectors(message: Any, width: int | None) -> Doubles:
    """Support vectors (vectors, width).  width: of the input, None when the model does not say.  Raises SpecError."""
    kind = message.WhichOneof("supportVectors")
    if kind is None:
        raise broken(message, "it has neither denseSupportVectors nor sparseSupportVectors")
    vectors = getattr(message, kind).vectors
    if not vectors:
        raise broken(message, f"its {kind} are empty, expected at least one")
    made = _dense(message, vectors) if kind == "denseSupportVectors" else _sparse(message, vectors, width)
    infinite = np.flatnonzero(~np.isfinite(made).all(axis=1))
    if infinite.size:
        raise broken(message, f"support vector {infinite[0]} has NaN or infinite numbers")
    return made


def _dense(message: Any, vectors: Any) -> Doubles:
    widths = sorted({len(vector.values) for vector in vectors})
    if len(widths) != 1 or not widths[0]:
        raise broken(message, f"its denseSupportVectors have the lengths {widths[:10]}, expected one length from 1")
    return np.array([vector.values for vector in vectors], np.float64)


def _sparse(message: Any, vectors: Any, width: int | None) -> Doubles:
    """Indices start at 1; what is not there is 0."""
    entries = [(row, n.index, n.value) for row, vector in enumerate(vectors) for n in vector.nodes]
    rows = np.array([e[0] for e in entries], np.int64)
    columns = np.array([e[1] for e in entries], np.int64)
    most = width or max(1, int(columns.max(initial=1)))
    bad = np.flatnonzero((columns < 1) | (columns > min(most, MAX_WIDTH)))
    if bad.size:
        where, index = rows[bad[0]], columns[bad[0]]
        raise broken(message, f"sparse support vector {where} has index {index}, expected 1 to {min(most, MAX_WIDTH)}")
    if len(vectors) * most > MAX_NUMBERS:
        raise broken(message, f"{len(vectors)} support vectors of {most} numbers are more than {MAX_NUMBERS} in all")
    keys = rows * most + columns
    if np.unique(keys).size < keys.size:
        twice = np.flatnonzero(np.bincount(np.unique(keys, return_inverse=True)[1]) > 1)[0]
        key = int(np.unique(keys)[twice])
        raise broken(message, f"sparse support vector {(key - 1) // most} has an index twice")
    made = np.zeros((len(vectors), most))
    made[rows, columns - 1] = [e[2] for e in entries]
    return made
