"""Sums of decision trees in C."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyruntime.native._native import ffi
from pyruntime.native._native import lib as _c
from pyruntime.native.lib import Context, _Message

NODE = np.dtype(
    [("threshold", "f8"), ("feature", "i4"), ("left", "i4"), ("right", "i4"), ("missing_left", "i4")], align=True
)
"""pr_tree_node of the C library."""

_CELLS = 1 << 22  # rows times trees of one call: what it notes per cell has 4 bytes


class Forest(NamedTuple):
    """Trees as C reads them.

    nodes: NODE (nodes), children behind their parents, a leaf its own child.  roots: int32 (trees).
    values_begin: int64 (nodes + 1): node i adds values[v] to output indices[v] for v in its span.
    """

    nodes: NDArray[np.void]
    roots: NDArray[np.int32]
    values_begin: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float64]


class TreeSum:
    """Evaluates a forest.  Safe from several threads at once.  Raises MLModelError when its nodes are not legal."""

    def __init__(self, context: Context, forest: Forest, features: int, dimensions: int) -> None:
        self._forest, self._context = forest, context
        self.features, self.dimensions, self.trees = features, dimensions, len(forest.roots)
        message = _Message()
        handle = ffi.new("pr_trees **")
        message.check(
            _c.pr_trees_open(
                context.handle, _pointer("pr_tree_node *", forest.nodes), len(forest.nodes),
                _pointer("int64_t *", forest.values_begin), _pointer("int32_t *", forest.indices),
                _pointer("double *", forest.values), _pointer("int32_t *", forest.roots), self.trees, features,
                dimensions, handle, message.struct,
            )
        )  # fmt: skip
        self._handle = ffi.gc(handle[0], _c.pr_trees_close)

    def add(self, rows: NDArray[np.float64], results: NDArray[np.float64]) -> None:
        """Add the sum of the trees for each row (count, features) to `results` (count, dimensions), in place."""
        if rows.shape[1:] != (self.features,) or results.shape != (len(rows), self.dimensions):
            raise ValueError(f"expected (n, {self.features}) and (n, {self.dimensions}): {rows.shape}, {results.shape}")
        block = max(1, _CELLS // self.trees)
        message = _Message()
        for start in range(0, len(rows), block):
            part = np.require(rows[start : start + block], np.float64, ["C", "A"])
            into = results[start : start + block]
            message.check(
                _c.pr_trees_sum(
                    self._handle, ffi.from_buffer("double[]", part), len(part), ffi.from_buffer("double[]", into),
                    message.struct,
                )
            )  # fmt: skip


def _pointer(kind: str, array: NDArray[Any]) -> Any:
    return ffi.cast(kind, array.ctypes.data)
