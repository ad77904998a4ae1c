"""A digest of training data: SHA-256 over the values of features as an update saw them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np


class Digest:
    """Of examples in their order.  An array counts by its shape, type and numbers, a picture by its pixels.

    Plain arrays and texts, of which there may be a million, take the short way through `add`.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._heads: dict[tuple[np.dtype[Any], tuple[int, ...]], bytes] = {}
        self._names: list[str] = []
        self.count = 0

    def add(self, features: Mapping[str, Any]) -> None:
        """One more example."""
        self.count += 1
        if features.keys() != set(self._names):
            self._names = sorted(features)
            self._part(b"f", "\0".join(self._names).encode())
        update = self._hash.update
        for name in self._names:
            value = features[name]
            if type(value) is np.ndarray and not value.dtype.hasobject:
                self._numbers(value)
            elif type(value) is str:
                data = value.encode("utf-8", "surrogatepass")
                update(b"s%d " % len(data) + data)
            else:
                self._value(value)

    def _numbers(self, array: np.ndarray[Any, Any]) -> None:
        key = (array.dtype, array.shape)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = f"a {array.dtype.str} {array.shape} ".encode()
        self._hash.update(head)
        if array.ndim != 1 or array.dtype.kind not in "fiu" or not array.flags.c_contiguous:
            array = np.frombuffer(array.tobytes(), np.uint8)
        self._hash.update(array)  # type: ignore[arg-type]

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
            array = np.asarray(value)
        except (TypeError, ValueError):
            return self._part(b"o", repr(value).encode("utf-8", "backslashreplace"))
        if array.dtype.hasobject:
            return self._part(b"o", repr(value).encode("utf-8", "backslashreplace"))
        return self._numbers(array)

    def _part(self, kind: bytes, data: bytes | memoryview) -> None:
        self._hash.update(struct.pack("<IQ", len(kind), len(data)))
        self._hash.update(kind)
        self._hash.update(data)
