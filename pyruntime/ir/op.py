"""The base of operator classes: attributes, and their bytes as the C struct of the same operator reads them.

A field's annotation says its form in C: `int`, `bool` and enums are int32, `float` is float, `Dims` is pr_dims (a
count and eight int32), `Floats2` / `Floats3` are float[2] / float[3], `Activation` is pr_activation, an operator's
class its struct. The order of fields is the order of the struct's members; tests/ir compares the sizes with C's.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

MAX_RANK = 8
Dims = tuple[int, ...]
Floats2 = tuple[float, float]
Floats3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Activation:
    """clamp(x < 0 ? slope * x : x, lo, hi), applied by a kernel while it stores."""

    slope: float = 1.0
    lo: float = -math.inf
    hi: float = math.inf

    @property
    def is_identity(self) -> bool:
        return self == IDENTITY

    def encode(self) -> bytes:
        return struct.pack("<3f", self.slope, self.lo, self.hi)


IDENTITY = Activation()
"""No activation."""


@dataclass(frozen=True, slots=True)
class Op:
    """An operator's attributes.  `code` is its name in csrc/ops/ops.def."""

    code: ClassVar[str]

    def encode(self) -> bytes:
        """The attribute struct, little endian."""
        return _encoded(self)


@lru_cache(maxsize=4096)
def _encoded(op: Op) -> bytes:
    pieces = [_FORMS.get(str(field.type), _encode_int)(getattr(op, field.name)) for field in fields(op)]
    return b"".join(pieces) or bytes(4)  # C has no empty struct


def _encode_int(value: int) -> bytes:
    return struct.pack("<i", value)


def _encode_floats(value: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(value)}f", *value)


def _encode_dims(value: Dims) -> bytes:
    if len(value) > MAX_RANK:
        raise ValueError(f"at most {MAX_RANK} dimensions, got {len(value)}")
    return struct.pack("<9i", len(value), *value, *[0] * (MAX_RANK - len(value)))


_FORMS: dict[str, Callable[[Any], bytes]] = {
    "float": lambda value: struct.pack("<f", value),
    "Dims": _encode_dims,
    "Floats2": _encode_floats,
    "Floats3": _encode_floats,
    "Activation": Activation.encode,
    "Conv": Op.encode,
    "Pool": Op.encode,
    "Recurrence": Op.encode,
    "LayerNorm": Op.encode,
    "Lrn": Op.encode,
    "Resize": Op.encode,
    "CropResize": Op.encode,
}
"""By a field's annotation; every other one is an int32."""
