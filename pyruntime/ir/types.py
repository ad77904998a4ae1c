"""Element types and shapes.  The numbers are those of csrc/include/pyruntime.h."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

UNKNOWN = -1
"""A dimension that is only known when a prediction's inputs are."""

Shape = tuple[int, ...]
Array = npt.NDArray[np.generic]
Bytes = npt.NDArray[np.uint8]


class DType(IntEnum):
    """Element type of a value."""

    F32 = 0
    U8 = 1
    S32 = 2

    @property
    def numpy(self) -> np.dtype[np.generic]:
        return _NUMPY[self]


_NUMPY: dict[DType, np.dtype[np.generic]] = {
    DType.F32: np.dtype(np.float32),
    DType.U8: np.dtype(np.uint8),
    DType.S32: np.dtype(np.int32),
}


def dtype_of(array: Array) -> DType:
    """The DType of a NumPy array; KeyError for a type that graphs do not have."""
    return {kind: name for name, kind in _NUMPY.items()}[array.dtype]


def is_known(shape: Shape) -> bool:
    return UNKNOWN not in shape
