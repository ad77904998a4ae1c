"""Vectors as the C library searches them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

Array = NDArray[Any]


class Samples(NamedTuple):
    """A piece of the samples of an index, (count, dimensions) each, contiguous; they are kept and must not change.

    floats: float32, or None.  codes: int8, or None: then numbers are codes times scales, float32 (count).  With both,
    codes only rule samples out, and errors, float32 (count), bound the distance between a row of each.
    checked: floats and scales are known to be finite, so that opening an index does not read them.
    """

    floats: Array | None
    codes: Array | None = None
    scales: Array | None = None
    errors: Array | None = None
    checked: bool = False

    def mapped(self, change: Callable[[Array], Array]) -> Samples:
        """With other arrays in place of those that are there, of the same type and as finite."""
        floats, codes, scales, errors = (None if a is None else change(a) for a in self[:4])
        return Samples(floats, codes, scales, errors, self.checked)

    @property
    def shape(self) -> tuple[int, int]:
        some = self.codes if self.floats is None else self.floats
        assert some is not None, "a piece has floats or codes"
        return some.shape[0], some.shape[1]
