"""What the frozen part of a network made of each example: in memory up to a limit, beyond it in a mapped file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import UpdateError
from pyruntime.ir.types import Array, Shape

IN_MEMORY = 256 << 20
"""Bytes of features up to which they stay in memory."""

Floats = NDArray[np.float32]


class FeatureStore:
    """Arrays of `count` examples, one per shape.

    limit: bytes that may be in memory.  The file has no name, so it is gone with the process whatever happens.
    Raises UpdateError when there is no room for it.
    """

    def __init__(self, count: int, shapes: Sequence[Shape], limit: int = IN_MEMORY) -> None:
        sizes = [4 * count * int(np.prod(shape, dtype=np.int64)) for shape in shapes]
        self.in_memory = sum(sizes) <= limit
        self.arrays: list[Floats] = [
            self._room((count, *shape), size) for shape, size in zip(shapes, sizes, strict=True)
        ]

    def _room(self, shape: Shape, size: int) -> Floats:
        try:
            if self.in_memory or size == 0:
                return np.empty(shape, np.float32)
            file = tempfile.TemporaryFile(prefix="pyruntime-features-")  # noqa: SIM115 (closed with the array)
            return np.memmap(file, np.float32, "w+", shape=shape)
        except (OSError, MemoryError) as error:
            where = "memory" if self.in_memory else f"the temporary folder {tempfile.gettempdir()}"
            raise UpdateError(
                f"no room for {size} bytes of features of {shape[0]} examples in {where}: {error}"
            ) from None

    def put(self, index: int, values: Sequence[Array]) -> None:
        """Keep the arrays of one example, whatever leading axes of size 1 they have."""
        for array, value in zip(self.arrays, values, strict=True):
            array[index] = value.reshape(array.shape[1:])

    def take(self, order: NDArray[np.int64], buffers: Sequence[Floats]) -> None:
        """Copy the examples in `order` into arrays of as many rows."""
        for array, buffer in zip(self.arrays, buffers, strict=True):
            np.take(array, order, axis=0, out=buffer, mode="clip")
