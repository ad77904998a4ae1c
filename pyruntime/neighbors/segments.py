"""Some examples of a k-NN: vectors, labels, numbers, times.  A segment never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pyruntime.neighbors.samples import Array, Samples

Label = str | int

FLOATS, CODES, BOTH = "float32", "int8", "int8+float32"
FORMS = (FLOATS, CODES, BOTH)
"""How vectors are kept: docs/nearest-neighbors.md."""
UNKNOWN = -1
"""In place of the time when an example was added."""
_PIECE = 1 << 16  # rows that are converted at a time


@dataclass(frozen=True, eq=False)
class Segment:
    """Examples in their order.

    samples: their vectors.  codes: int32 (count), places of their labels in `table`, which has no label twice.
    ids: int64 (count), rising.  added: int64 (count), seconds since 1970, or UNKNOWN.
    file: the bytes of the file that it came from, and their SHA-256; None for one that is not in a file.
    """

    samples: Samples
    codes: Array
    table: tuple[Label, ...]
    ids: Array
    added: Array
    file: tuple[memoryview, str] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def form(self) -> str:
        s = self.samples
        return FLOATS if s.codes is None else CODES if s.floats is None else BOTH

    @property
    def nbytes(self) -> int:
        arrays = (*self.samples[:4], self.codes, self.ids, self.added)
        return sum(array.nbytes for array in arrays if array is not None)

    def floats(self, rows: slice | Array = slice(None)) -> Array:
        """Vectors of some rows, float32 (rows, dimensions); those of codes as they are searched."""
        s = self.samples
        if s.floats is not None:
            found: Array = s.floats[rows]
            return found
        assert s.codes is not None and s.scales is not None, "a segment has floats or codes"
        return np.multiply(s.codes[rows], s.scales[rows][:, None], dtype=np.float32)

    def taken(self, keep: Array) -> Segment:
        """The rows that `keep`, bool (count), names, in memory.  Labels that are left without examples go too."""
        codes, table = compact(self.codes[keep], self.table)
        return Segment(self.samples.mapped(lambda array: array[keep]), codes, table, self.ids[keep], self.added[keep])

    def converted(self, form: str) -> Segment:
        """The same examples with their vectors in another form."""
        if form == self.form:
            return self
        return Segment(encoded(self.floats(), form), self.codes, self.table, self.ids, self.added)


def compact(codes: Array, table: tuple[Label, ...]) -> tuple[Array, tuple[Label, ...]]:
    """Codes and table without the labels that no code names."""
    used = np.zeros(len(table), bool)
    used[codes] = True
    if used.all():
        return codes, table
    places = np.cumsum(used, dtype=np.int32) - 1
    return places[codes].astype(np.int32), tuple(label for label, there in zip(table, used, strict=True) if there)


def coded(labels: Sequence[Label]) -> tuple[Array, tuple[Label, ...]]:
    """Codes and table of labels, the table in the order in which they come first."""
    table = tuple(dict.fromkeys(labels))
    places = {label: place for place, label in enumerate(table)}
    return np.fromiter((places[label] for label in labels), np.int32, len(labels)), table


def encoded(vectors: Array, form: str) -> Samples:
    """Finite float32 vectors (count, dimensions) in a form: codes are round(x / scale), scale = max |x| / 127 per
    vector.

    Both: errors are the distances between floats and codes, rounded up, so that codes may rule samples out.
    """
    floats = np.ascontiguousarray(vectors, np.float32)
    if form == FLOATS:
        return Samples(floats, checked=True)
    count = len(floats)
    codes, scales, errors = np.empty(floats.shape, np.int8), np.empty(count, np.float32), np.empty(count, np.float32)
    for begin in range(0, count, _PIECE):
        some = slice(begin, begin + _PIECE)
        scales[some], codes[some] = _quantized(floats[some])
        if form == BOTH:
            errors[some] = _errors(floats[some], codes[some], scales[some])
    return Samples(floats, codes, scales, errors, True) if form == BOTH else Samples(None, codes, scales, None, True)


def _quantized(floats: Array) -> tuple[Array, Array]:
    largest = np.abs(floats).max(axis=1, initial=0)
    scales = (largest / np.float32(127)).astype(np.float32)
    scales[scales < np.finfo(np.float32).tiny] = 0  # a vector so short counts as zeros
    usable = np.where(scales > 0, scales, np.float32(np.inf))
    codes: Array = np.clip(np.rint(floats / usable[:, None]), -127, 127).astype(np.int8)
    return scales, codes


def _errors(floats: Array, codes: Array, scales: Array) -> Array:
    apart = codes * scales[:, None].astype(np.float64)
    apart -= floats
    exact = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    exact *= 1 + 1e-9 * max(1, floats.shape[1])  # what the sum may have lost
    with np.errstate(over="ignore"):
        above: Array = np.nextafter(exact.astype(np.float32), np.float32(np.inf))
    return above
