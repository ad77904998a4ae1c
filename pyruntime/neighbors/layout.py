"""A segment as the bytes of a file: a header, then arrays at fixed places, so that it can be used where it is mapped.

    16 bytes  mark            u32 forms: 1 floats, 2 codes      u32 kind of labels: 0 texts, 1 whole numbers
    u64 examples              u64 dimensions                    u64 bytes of the table
    int64 ids, int64 times of adding, int32 places in the table: one per example
    the table of labels: JSON
    with codes: float32 scales, with floats too float32 errors
    int8 codes (examples, dimensions), float32 vectors (examples, dimensions)

All little-endian.  Every array begins at a multiple of 64 bytes, codes and vectors at one of 4096.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from pyruntime.errors import SpecError
from pyruntime.neighbors.samples import Array, Samples
from pyruntime.neighbors.segments import Label, Segment

MARK = b"pyruntime kNN 1\n"
_HEADER = struct.Struct("<16sIIQQQ")
_FLOATS, _CODES = 1, 2
_LINE, _PAGE = 64, 4096
_MOST = 1 << 40  # numbers of all vectors


def to_pieces(segment: Segment) -> list[bytes | memoryview]:
    """The bytes of the file, in pieces; vectors are not copied."""
    if segment.file is not None:
        return [segment.file[0]]
    s = segment.samples
    count, dimensions = s.shape
    forms = (s.floats is not None) * _FLOATS | (s.codes is not None) * _CODES
    table = json.dumps(segment.table).encode()
    texts = not segment.table or isinstance(segment.table[0], str)
    header = _HEADER.pack(MARK, forms, 0 if texts else 1, count, dimensions, len(table))
    contents: dict[str, Any] = {
        "ids": segment.ids, "added": segment.added, "labels": segment.codes, "table": np.frombuffer(table, np.uint8),
        "scales": s.scales, "errors": s.errors, "codes": s.codes, "floats": s.floats,
    }  # fmt: skip
    pieces: list[bytes | memoryview] = [header]
    at = len(header)
    places, _ = _places(forms, count, dimensions, len(table))
    for name, (begin, size, kind) in places.items():
        data = np.ascontiguousarray(contents[name], kind).reshape(-1).view(np.uint8).data
        pieces += [bytes(begin - at), data]
        at = begin + size
    return pieces


def from_bytes(data: memoryview, sha256: str, source: str) -> Segment:
    """The segment in a file, which stays mapped.  Raises SpecError that names it when it is not as it must be."""
    try:
        return _parse(data, sha256)
    except _Bad as error:
        raise SpecError(f"{source} is damaged: {error}; write the model again") from None


class _Bad(Exception):
    """What is wrong, without where."""


def _places(forms: int, count: int, dimensions: int, table: int) -> tuple[dict[str, tuple[int, int, str]], int]:
    """Begin, bytes and type of each array, and the size of the file."""
    sizes = [("ids", 8, "<i8"), ("added", 8, "<i8"), ("labels", 4, "<i4")]
    arrays = [(name, width * count, kind, _LINE) for name, width, kind in sizes] + [("table", table, "u1", _LINE)]
    if forms & _CODES:
        arrays.append(("scales", 4 * count, "<f4", _LINE))
    if forms == _CODES | _FLOATS:
        arrays.append(("errors", 4 * count, "<f4", _LINE))
    if forms & _CODES:
        arrays.append(("codes", count * dimensions, "i1", _PAGE))
    if forms & _FLOATS:
        arrays.append(("floats", 4 * count * dimensions, "<f4", _PAGE))
    places, at = {}, _HEADER.size
    for name, size, kind, unit in arrays:
        at = -(-at // unit) * unit
        places[name] = (at, size, kind)
        at += size
    return places, at


def _parse(data: memoryview, sha256: str) -> Segment:
    if len(data) < _HEADER.size:
        raise _Bad("it is too short")
    mark, forms, kind, count, dimensions, table_bytes = _HEADER.unpack(data[: _HEADER.size])
    if mark != MARK:
        raise _Bad("it is no file of examples, or one of another release")
    if forms not in (1, 2, 3) or kind not in (0, 1):
        raise _Bad(f"it has vectors of form {forms} and labels of kind {kind}")
    if not 1 <= dimensions < 1 << 31 or not 1 <= count <= _MOST // dimensions or table_bytes > len(data):
        raise _Bad(f"it has {count} examples of {dimensions} numbers")
    places, size = _places(forms, count, dimensions, table_bytes)
    if size != len(data):
        raise _Bad(f"it has {len(data)} bytes, {count} examples of {dimensions} numbers take {size}")
    arrays: dict[str, Array] = {
        name: np.frombuffer(data, np.dtype(of), width // np.dtype(of).itemsize, begin)
        for name, (begin, width, of) in places.items()
    }
    table = _table(bytes(arrays["table"]), str if kind == 0 else int)
    codes, ids = arrays["labels"], arrays["ids"]
    if codes.min() < 0 or codes.max() >= len(table):
        raise _Bad(f"a label is none of its {len(table)}")
    if ids[0] < 0 or not (ids[1:] > ids[:-1]).all():
        raise _Bad("the numbers of its examples do not rise")
    for name in ("scales", "errors"):
        if name in arrays and not (np.isfinite(arrays[name]) & (arrays[name] >= 0)).all():
            raise _Bad(f"some of its {name} are no finite numbers from 0")
    shape = count, dimensions
    vectors = [arrays[name].reshape(shape) if name in arrays else None for name in ("floats", "codes")]
    samples = Samples(vectors[0], vectors[1], arrays.get("scales"), arrays.get("errors"), True)
    return Segment(samples, codes, table, ids, arrays["added"], (data, sha256))


def _table(data: bytes, kind: type[Any]) -> tuple[Label, ...]:
    try:
        labels = json.loads(data)
    except (ValueError, RecursionError):
        raise _Bad("its table of labels is not JSON") from None
    if not isinstance(labels, list) or not all(type(label) is kind for label in labels):
        raise _Bad("its table of labels has something else in it")
    if kind is int and not all(-(2**63) <= label < 2**63 for label in labels):
        raise _Bad("a label has more than 64 bits")
    if len(set(labels)) < len(labels):
        raise _Bad("its table has a label twice")
    return tuple(labels)
