"""A digest of training data: SHA-256 over the values of features as an update saw them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np


class Digest:
    """Of examples in their order.  An array counts by its shape, type and numbers, a picture by its pixels."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, features: Mapping[str, Any]) -> None:
        """One more example."""
        self.count += 1
        self._value(features)

    @property
    def text(self) -> str | None:
        """Of all that was added, in hexadecimal; None before the first example."""
        return self._hash.copy().hexdigest() if self.count else None

    def _value(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self._part(b"m", str(len(value)).encode())
            for key in sorted(value, key=str):
                self._part(type(key).__name__.encode(), str(key).encode())
                self._value(value[key])
        elif isinstance(value, str):
            self._part(b"s", value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, bool | int | float | None):
            self._part(b"n", repr(value).encode())
        elif hasattr(value, "mode") and hasattr(value, "tobytes"):  # a Pillow image
            self._part(f"i {value.mode} {value.size}".encode(), value.tobytes())
        else:
            self._array(value)

    def _array(self, value: Any) -> None:
        try:
            array = np.ascontiguousarray(value)
        except (TypeError, ValueError):
            return self._part(b"o", repr(value).encode("utf-8", "backslashreplace"))
        if array.dtype.hasobject:
            return self._part(b"o", repr(value).encode("utf-8", "backslashreplace"))
        what = f"a {array.dtype.str} {np.shape(value)}".encode()
        return self._part(what, array.reshape(-1).view(np.uint8).data if array.size else b"")

    def _part(self, kind: bytes, data: bytes | memoryview) -> None:
        self._hash.update(struct.pack("<IQ", len(kind), len(data)))
        self._hash.update(kind)
        self._hash.update(data)
