"""All examples of one k-NN.  A store never changes: adding and removing gives another one that shares what stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pyruntime.neighbors.samples import Array, Samples
from pyruntime.neighbors.segments import FLOATS, UNKNOWN, Label, Segment, coded, compact, encoded


@dataclass(frozen=True, eq=False)
class ExampleStore:
    """Segments in the order in which their examples came, no empty one among them.

    dimensions: of the vectors.  form: how new vectors are kept.  next_id: the number of the next example; a number is
    never given twice, so it is not simply one more than the last.
    """

    dimensions: int
    segments: tuple[Segment, ...] = ()
    form: str = FLOATS
    next_id: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    @property
    def nbytes(self) -> int:
        return sum(segment.nbytes for segment in self.segments)

    @cached_property
    def _labels(self) -> tuple[Array, tuple[Label, ...]]:
        table = tuple(dict.fromkeys(label for segment in self.segments for label in segment.table))
        places = {label: place for place, label in enumerate(table)}
        maps = [np.array([places[label] for label in segment.table], np.int32) for segment in self.segments]
        codes = [places[segment.codes] for places, segment in zip(maps, self.segments, strict=True)]
        return _joined(codes, np.int32), table

    @property
    def codes(self) -> Array:
        """int32 (count): for each example the place of its label in `table`."""
        return self._labels[0]

    @property
    def table(self) -> tuple[Label, ...]:
        return self._labels[1]

    @cached_property
    def known(self) -> Array:
        """Places in `table` of the labels that have examples, that of the first example first."""
        first = np.full(len(self.table), len(self.codes), np.int64)
        first[self.codes[::-1]] = np.arange(len(self.codes) - 1, -1, -1)  # the last one written stays
        order = np.argsort(first, kind="stable")
        return order[first[order] < len(self.codes)]

    @cached_property
    def ids(self) -> Array:
        """int64 (count), rising."""
        return _joined([segment.ids for segment in self.segments], np.int64)

    @cached_property
    def added(self) -> Array:
        """int64 (count): seconds since 1970, or UNKNOWN."""
        return _joined([segment.added for segment in self.segments], np.int64)

    def labels(self) -> list[Label]:
        """One per example."""
        table = self.table
        return [table[place] for place in self.codes.tolist()]

    def floats(self, places: Array | None = None) -> Array:
        """Vectors of the examples at `places`, rising, float32 (count, dimensions); of all without."""
        found, first = [], 0
        for segment in self.segments:
            if places is None:
                found.append(segment.floats())
            else:
                inside = places[(places >= first) & (places < first + len(segment))] - first
                found.append(segment.floats(inside))
            first += len(segment)
        return np.concatenate(found) if found else np.empty((0, self.dimensions), np.float32)

    def samples(self) -> list[Samples]:
        """Vectors for an index."""
        return [segment.samples for segment in self.segments]

    def appended(self, vectors: Array, labels: Sequence[Label], added: int = UNKNOWN) -> ExampleStore:
        """With more examples: finite float32 vectors (count, dimensions), and the time when they were added.

        They become a segment of their own.  Segments that are not twice as long as those behind them together are
        joined with these, so there are at most log2(examples) of them, and an example is copied as often at most.
        """
        count = len(labels)
        if not count:
            return self
        codes, table = coded(labels)
        ids = np.arange(self.next_id, self.next_id + count)
        new = Segment(encoded(vectors, self.form), codes, table, ids, np.full(count, added, np.int64))
        kept, joined, size = list(self.segments), [new], count
        while kept and len(kept[-1]) < 2 * size:
            joined.insert(0, kept.pop())
            size += len(joined[0])
        segments = (*kept, _merged(joined, self.form))
        return ExampleStore(self.dimensions, segments, self.form, self.next_id + count)

    def kept(self, keep: Array) -> ExampleStore:
        """Only the examples that `keep`, bool (count), names.  Segments that lose none stay as they are."""
        segments, first = [], 0
        for segment in self.segments:
            here = keep[first : first + len(segment)]
            first += len(segment)
            if here.all():
                segments.append(segment)
            elif here.any():
                segments.append(segment.taken(here))
        return ExampleStore(self.dimensions, tuple(segments), self.form, self.next_id)

    def converted(self, form: str) -> ExampleStore:
        """With vectors in another form."""
        segments = tuple(segment.converted(form) for segment in self.segments)
        return ExampleStore(self.dimensions, segments, form, self.next_id)


def _joined(arrays: list[Array], kind: type) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


def _merged(segments: list[Segment], form: str) -> Segment:
    """One segment in memory in place of several."""
    if len(segments) == 1:
        return segments[0]
    whole = ExampleStore(segments[0].samples.shape[1], tuple(segment.converted(form) for segment in segments))
    columns = zip(*(segment.samples[:4] for segment in whole.segments), strict=True)
    floats, codes, scales, errors = (None if column[0] is None else np.concatenate(column) for column in columns)
    checked = all(segment.samples.checked for segment in segments)
    samples = Samples(floats, codes, scales, errors, checked)
    return Segment(samples, *compact(whole.codes, whole.table), whole.ids, whole.added)
