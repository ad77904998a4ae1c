"""Large weights stay outside the messages.

A protobuf parser copies every byte of a file, and then makes one Python object per number when a list is
read.  So before the parser sees a file, each large weight payload in it is replaced by a short reference.
The messages keep their standard types, and the numbers are read from the mapped file when somebody wants
them.  References are replaced by their payloads again when the model is saved.

A reference is 48 ASCII bytes, which are 12 ordinary finite floats, so it can stand in a packed float field as
well as in a bytes field, and beside other numbers of the same field: a field that a file gives in several
chunks, or partly unpacked, keeps its order.  A reference starts with a secret that is drawn when the process
starts, so a file cannot contain one.
"""

from __future__ import annotations

import itertools
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any

from pyruntime.errors import SpecError
from pyruntime.spec import wire

DETACH_FROM = 1024  # bytes; smaller payloads and messages are cheaper to parse than to look into
MAX_DEPTH = 100  # protobuf's own limit for messages inside messages
REFERENCE_BYTES = 48

# Payload fields: packed floats and bytes that grow with the model and that the runtime reads as arrays.
PAYLOAD_FIELDS = {
    "CoreML.Specification.WeightParams": ("floatValue", "float16Value", "rawValue", "int8RawValue"),
    "CoreML.Specification.FloatVector": ("vector",),
    "CoreML.Specification.NeuralNetworkMeanImage": ("meanImage",),
    "CoreML.Specification.MILSpec.TensorValue.RepeatedFloats": ("values",),
    "CoreML.Specification.MILSpec.TensorValue.RepeatedBytes": ("values",),
}

_SAMPLES = 2  # NearestNeighborsIndex.floatSamples

_MARK = b"@pyruntime" + os.urandom(11).hex().encode()  # 32 bytes
_stores = itertools.count()
_children: dict[str, dict[int, Any]] = {}
_can_hold: dict[str, bool] = {}


class Payloads:
    """The detached payloads of one model.  Keep it as long as the messages are in use."""

    def __init__(self) -> None:
        self._mark = _MARK + b"%06x" % (next(_stores) & 0xFFFFFF)
        self._parts: list[Any] = []

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def nbytes(self) -> int:
        """Size of all payloads."""
        return sum(part.nbytes for part in self._parts)

    def add(self, data: memoryview) -> bytes:
        """Keep a payload (not copied) and give the reference that stands for it in a message."""
        self._parts.append(data)
        return self._mark + b"%010x" % (len(self._parts) - 1)

    def add_examples(self, store: Any) -> bytes:
        """Keep the examples of a k-NN (neighbors/store.py) and give the reference that stands for all of them."""
        self._parts.append(store)
        return self._mark + b"%010x" % (len(self._parts) - 1)

    def examples(self, data: bytes) -> Any:
        """The examples that a serialised FloatVector stands for; None when it is an ordinary one."""
        found = data.find(self._mark)
        part = self.get(data[found : found + REFERENCE_BYTES]) if found >= 0 else None
        return None if isinstance(part, memoryview) else part

    def branch(self, without: Iterable[bytes] = ()) -> Payloads:
        """The same payloads for a copy of the messages, to which others can be added; the bytes are shared.

        without: serialised messages whose payloads the copy will not read, because they get new ones.
        """
        copy = Payloads.__new__(Payloads)
        copy._mark, copy._parts = self._mark, list(self._parts)
        for data in without:
            found = -1
            while (found := data.find(self._mark, found + 1)) >= 0:
                copy._parts[int(data[found + len(self._mark) : found + REFERENCE_BYTES], 16)] = memoryview(b"")
        return copy

    def get(self, reference: bytes) -> Any:
        """The payload behind a reference, or the examples.  Raises SpecError when it is one of another model."""
        if not reference.startswith(self._mark):
            raise SpecError(
                "these weights belong to another model: pass the payloads that were loaded with the message"
            )
        return self._parts[int(reference[len(self._mark) :], 16)]


def has_reference(data: bytes) -> bool:
    """Whether serialised messages contain references in place of weights."""
    return _MARK in data


def resolve(data: bytes, start: int, end: int, payloads: Payloads | None) -> list[memoryview]:
    """The contents of one payload field: inline bytes and, for each reference between them, its payload."""
    view, pieces, position = memoryview(data), [], start
    while (found := data.find(_MARK, position, end)) >= 0:
        if payloads is None:
            raise SpecError("these weights are kept outside the message: pass the payloads that were loaded with it")
        if found > position:
            pieces.append(view[position:found])
        position = found + REFERENCE_BYTES
        pieces.append(payloads.get(data[found:position]))
    if position < end:
        pieces.append(view[position:end])
    return pieces


def detach(data: memoryview, descriptor: Any, payloads: Payloads) -> bytes:
    """The serialised message `data` with references in place of its large payloads, which go to `payloads`.

    Everything else, unknown fields included, stays byte for byte.  Raises SpecError for damaged bytes.
    """
    pieces, _ = _detach(data, 0, len(data), descriptor, payloads, 0)
    return b"".join(pieces)


def _detach(
    data: memoryview, start: int, end: int, descriptor: Any, payloads: Payloads, depth: int
) -> tuple[list[memoryview | bytes], int]:
    """Pieces of the rewritten message, and their size."""
    if depth > MAX_DEPTH:
        raise SpecError(f"the file nests more than {MAX_DEPTH} messages in each other; a valid model needs far fewer")
    inner = _inner(descriptor)
    pieces: list[memoryview | bytes] = []
    copied, size = start, 0
    first = _past_samples(data, start, end) if descriptor.full_name.endswith(".NearestNeighborsIndex") else start
    for number, wire_type, tag_start, value, stop in wire.fields(data, first, end):
        if number not in inner:
            continue
        if wire_type != wire.LENGTH:
            break  # numbers one by one instead of packed: legal, and protobuf reads the rest of this message
        if stop - value < DETACH_FROM:
            continue
        child = inner[number]
        content, length = (
            ([payloads.add(data[value:stop])], REFERENCE_BYTES)
            if child is None
            else _detach(data, value, stop, child, payloads, depth + 1)
        )
        head = wire.length_field(number, length)
        pieces += [data[copied:tag_start], head, *content]
        size += tag_start - copied + len(head) + length
        copied = stop
    pieces.append(data[copied:end])
    return pieces, size + end - copied


def _past_samples(data: memoryview, start: int, end: int) -> int:
    """The end of the samples of a k-NN that are all of one size, too small to be payloads: there may be a million."""
    import numpy as np

    for number, wire_type, tag_start, value, stop in wire.fields(data, start, end):
        if number != _SAMPLES:
            continue
        row = stop - tag_start
        if wire_type != wire.LENGTH or stop - value >= DETACH_FROM:
            break
        rows = np.frombuffer(data, np.uint8, (end - tag_start) // row * row, tag_start).reshape(-1, row)
        other = np.flatnonzero((rows[:, : value - tag_start] != rows[0, : value - tag_start]).any(axis=1))
        return tag_start + row * (int(other[0]) if other.size else len(rows))
    return start


def attach(data: bytes, descriptor: Any, payloads: Payloads) -> tuple[list[memoryview | bytes], int]:
    """The opposite of `detach`: pieces of the serialised message with its payloads, and their size."""
    marks = list(_find_marks(data))
    return _attach(data, 0, len(data), descriptor, payloads, marks)


def _attach(
    data: bytes, start: int, end: int, descriptor: Any, payloads: Payloads, marks: list[int]
) -> tuple[list[memoryview | bytes], int]:
    """`marks` are the places of all references, in order; messages without one are copied as they are."""
    view, inner = memoryview(data), _inner(descriptor)
    pieces: list[memoryview | bytes] = []
    copied, size = start, 0
    for number, wire_type, tag_start, value, stop in wire.fields(view, start, end):
        if number not in inner or wire_type != wire.LENGTH or not _any_between(marks, value, stop):
            continue
        child = inner[number]
        if child is None:
            content: list[memoryview | bytes] = list(resolve(data, value, stop, payloads))
            length = sum(len(piece) for piece in content)
        else:
            content, length = _attach(data, value, stop, child, payloads, marks)
        head = wire.length_field(number, length)
        pieces += [view[copied:tag_start], head, *content]
        size += tag_start - copied + len(head) + length
        copied = stop
    pieces.append(view[copied:end])
    return pieces, size + end - copied


def _find_marks(data: bytes) -> Iterator[int]:
    position = data.find(_MARK)
    while position >= 0:
        yield position
        position = data.find(_MARK, position + REFERENCE_BYTES)


def _any_between(marks: list[int], start: int, end: int) -> bool:
    place = bisect_left(marks, start)
    return place < len(marks) and marks[place] < end


def _inner(descriptor: Any) -> dict[int, Any]:
    """Fields to look at, by number: None for a payload, a descriptor for a message that can hold some."""
    name = descriptor.full_name
    if name not in _children:
        wanted = PAYLOAD_FIELDS.get(name, ())
        _children[name] = {
            field.number: field.message_type
            for field in descriptor.fields
            if field.name in wanted or (field.message_type is not None and _can_hold_payloads(field.message_type))
        }
    return _children[name]


def _can_hold_payloads(descriptor: Any) -> bool:
    """Whether a payload field can be reached from a message; word lists and trees are not worth walking."""
    seen, waiting = {descriptor.full_name}, [descriptor]
    while waiting:
        message = waiting.pop()
        if message.full_name in PAYLOAD_FIELDS or _can_hold.get(message.full_name):
            _can_hold[descriptor.full_name] = True
            return True
        if message.full_name in _can_hold:
            continue
        for field in message.fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                waiting.append(inner)
    _can_hold.update(dict.fromkeys(seen, False))
    return False
