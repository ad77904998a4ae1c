"""Exact k nearest neighbours in C."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.native._native import ffi
from pyruntime.native._native import lib as _c
from pyruntime.native.lib import Context, _Message
from pyruntime.neighbors.samples import Array, Samples

Floats = NDArray[np.float32]

TREE_MOST_DIMENSIONS = 32
"""Beyond it a kd-tree is not even tried: it would cost a copy of the samples, and no search would skip any."""


class NeighborIndex:
    """Samples to search by squared Euclidean distance.  Safe from several threads at once.

    samples: float32 (count, dimensions), or pieces in order.
    leaf_size: 0 to compare with every sample; else samples per leaf of a kd-tree, which gives the same answers.  It is
    made for floats of at most 32 dimensions, and used while it is faster.
    patience: how many queries are answered before the tree is made, which costs about as much as 200 of them.
    Raises MLModelError when a sample is not finite.
    """

    def __init__(
        self, context: Context, samples: Array | Sequence[Samples], leaf_size: int = 0, patience: int = 0
    ) -> None:
        if isinstance(samples, np.ndarray):
            samples = [Samples(np.require(samples, np.float32, ["C", "A"]))]
        self._context, self._samples = context, [piece for piece in samples if piece.shape[0]]
        self.count = sum(piece.shape[0] for piece in samples)
        self.dimensions = samples[0].shape[1] if samples else 1
        if self.dimensions > TREE_MOST_DIMENSIONS:
            leaf_size = 0
        self._leaf_size, self._patience, self._lock = leaf_size, patience, threading.Lock()
        self._handle = self._open(0 if patience else leaf_size)

    def _open(self, leaf_size: int) -> Any:
        parts = ffi.new("pr_knn_samples[]", len(self._samples))
        for part, piece in zip(parts, self._samples, strict=True):
            part.count, part.checked = piece.shape[0], piece.checked
            part.floats, part.codes = _pointer("float *", piece.floats), _pointer("int8_t *", piece.codes)
            part.scales, part.errors = _pointer("float *", piece.scales), _pointer("float *", piece.errors)
        message = _Message()
        handle = ffi.new("pr_knn **")
        message.check(
            _c.pr_knn_open(
                self._context.handle, parts, len(self._samples), self.dimensions, leaf_size, handle, message.struct
            )
        )
        return ffi.gc(handle[0], _c.pr_knn_close)

    def search(self, queries: Any, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Squared distances (queries, k) and numbers of the samples (queries, k), nearest first.

        queries: float32 (queries, dimensions), finite.  k: at most the number of samples.  Equally near samples come
        in their own order.  The answer does not depend on threads, on the kind of index or on how many queries come
        together; together they are faster.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        if not queries.flags.aligned:
            queries = queries.copy()
        if queries.ndim != 2 or queries.shape[1] != self.dimensions:
            raise ValueError(f"expected queries of shape (n, {self.dimensions}), got {queries.shape}")
        if self._patience:
            self._spend(len(queries))
        distances = np.empty((len(queries), k), np.float32)
        neighbors = np.empty((len(queries), k), np.int64)
        message = _Message()
        message.check(
            _c.pr_knn_search(
                self._handle, ffi.from_buffer("float *", queries), len(queries), k,
                ffi.from_buffer("float *", distances), ffi.from_buffer("int64_t *", neighbors), message.struct,
            )
        )  # fmt: skip
        return distances, neighbors

    def _spend(self, queries: int) -> None:
        """Make the tree when enough queries have come.  Searches that run keep the handle that they began with."""
        with self._lock:
            if self._patience > queries or not self._leaf_size:
                self._patience = max(self._patience - queries, 1) if self._leaf_size else 0
            elif self._patience:
                self._patience = 0
                self._handle = self._open(self._leaf_size)


def _pointer(kind: str, array: Array | None) -> Any:
    return ffi.NULL if array is None else ffi.cast(kind, array.ctypes.data)  # the caller keeps the array
