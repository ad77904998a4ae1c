"""Exact k nearest neighbours in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.native._native import ffi
from pyruntime.native._native import lib as _c
from pyruntime.native.lib import Context, _Message

Floats = NDArray[np.float32]


class NeighborIndex:
    """Samples to search by squared Euclidean distance.  Safe from several threads at once.

    samples: float32 (count, dimensions), finite; kept, and must not change.
    leaf_size: 0 to compare with every sample; else samples per leaf of a kd-tree, which gives the same answers.
    Raises MLModelError when a sample is not finite.
    """

    def __init__(self, context: Context, samples: Floats, leaf_size: int = 0) -> None:
        self.samples: Floats = np.require(samples, np.float32, ["C", "A"])
        self.count, self.dimensions = self.samples.shape
        message = _Message()
        handle = ffi.new("pr_knn **")
        message.check(
            _c.pr_knn_open(
                context.handle, _floats(self.samples), self.count, self.dimensions, leaf_size, handle,
                message.struct,
            )
        )  # fmt: skip
        self._handle = ffi.gc(handle[0], _c.pr_knn_close)
        self._context = context

    def search(self, queries: Any, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Squared distances (queries, k) and numbers of the samples (queries, k), nearest first.

        queries: float32 (queries, dimensions), finite.  k: at most the number of samples.  Equally near samples come
        in their own order.  The answer does not depend on threads or on the kind of index.
        """
        queries = np.require(queries, np.float32, ["C", "A"])
        if queries.ndim != 2 or queries.shape[1] != self.dimensions:
            raise ValueError(f"expected queries of shape (n, {self.dimensions}), got {queries.shape}")
        distances = np.empty((len(queries), k), np.float32)
        neighbors = np.empty((len(queries), k), np.int64)
        message = _Message()
        message.check(
            _c.pr_knn_search(
                self._handle, _floats(queries), len(queries), k, _floats(distances),
                ffi.cast("int64_t *", neighbors.ctypes.data), message.struct,
            )
        )  # fmt: skip
        return distances, neighbors


def _floats(array: Floats) -> Any:
    return ffi.cast("float *", array.ctypes.data)
