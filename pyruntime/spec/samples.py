"""The stored samples of a k-NN index as one array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError
from pyruntime.spec import messages, wire
from pyruntime.spec.payloads import DETACH_FROM, Payloads, has_reference
from pyruntime.spec.weights import read_floats


def read_samples(index: messages.NearestNeighborsIndex, payloads: Payloads | None = None) -> NDArray[np.float32]:
    """The stored samples of a k-NN index: float32 (samples, numberOfDimensions).

    Raises SpecError when a sample has another length.
    """
    width = index.numberOfDimensions
    if width < 1:
        raise SpecError(f"nearestNeighborsIndex: numberOfDimensions is {width}, expected at least 1")
    regular = _regular_samples(index, width)
    if regular is not None:
        return regular
    rows = [read_floats(vector, payloads) for vector in index.floatSamples]
    for place, row in enumerate(rows):
        if row.size != width:
            raise SpecError(f"nearestNeighborsIndex: sample {place} has {row.size} numbers, expected {width}")
    return np.concatenate(rows).reshape(-1, width) if rows else np.empty((0, width), np.float32)


def _regular_samples(index: messages.NearestNeighborsIndex, width: int) -> NDArray[np.float32] | None:
    """The samples where all have `width` numbers and stand in the message: one look at its bytes, none at each.

    None otherwise, for the long way that finds out what is wrong.
    """
    count, size = len(index.floatSamples), 4 * width
    if not count or size >= DETACH_FROM:
        return None
    inner = wire.length_field(1, size)
    head = wire.length_field(2, len(inner) + size) + inner
    data = index.SerializeToString()
    begin = data.find(head)  # numberOfDimensions is all that stands before
    if not 0 <= begin < 16 or len(data) < begin + count * (len(head) + size):
        return None
    rows = np.frombuffer(data, np.uint8, count * (len(head) + size), begin).reshape(count, -1)
    if not (rows[:, : len(head)] == np.frombuffer(head, np.uint8)).all() or has_reference(data):
        return None
    return np.ascontiguousarray(rows[:, len(head) :]).view("<f4")
