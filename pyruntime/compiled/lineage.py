"""Where a model in memory comes from.  Every program that opens a model imports this, so it is short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyruntime.compiled.provenance import Update


class Lineage(NamedTuple):
    """path, number: the compiled directory and its generation, None and 0 for others.

    model: SHA-256 of the model that is there, None while nobody asked.  provenance: as it is there.  updates: since
    then, not written yet.  seen: the newest generation that was there, damaged ones included.
    """

    path: str | None = None
    number: int = 0
    model: str | None = None
    provenance: Mapping[str, Any] = {}
    updates: tuple[Update, ...] = ()
    seen: int = 0
