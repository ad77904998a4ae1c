"""How a generation came to be: what it was made from, by which updates, with which versions.

It is written into the manifest of a compiled model.  There it may come from a stranger, so `Provenance.read` takes what
has the right type and leaves out the rest.  Clocks of boards jump: times are told to people, and nothing is ordered by
them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyruntime.compiled.lineage import Lineage

MOST_UPDATES = 50
"""Updates recorded between two generations; of more than that, the last ones."""


class How:
    """How a generation was made."""

    COMPILED, UPDATED, CHANGED, ROLLED_BACK = "compiled", "updated", "changed", "rolled back"


@dataclass(frozen=True)
class Update:
    """One finished update.

    time: when it ended, by the clock on the wall, UTC.  seconds: that it took, by a clock that never jumps.
    examples: how many there were.  data: SHA-256 over their features and targets in the order in which they were read,
    None when they were not read one by one.  parameters: values by key, the seed among them.  metrics: of the last
    epoch.  guard: what an UpdateGuard found: metric, before, after, tolerance.  options: of TrainingOptions, those that
    were given, as text.
    """

    time: str
    seconds: float
    examples: int
    data: str | None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    guard: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seed(self) -> int | None:
        """What the order of examples was drawn with."""
        found = [value for key, value in self.parameters.items() if key.split(":")[-1] == "seed"]
        return found[0] if found else None


@dataclass(frozen=True)
class Provenance:
    """how: "compiled" from a file, "updated", "changed" (by hand: metadata, the builder) or "rolled back".

    time: when it was written.  parent: SHA-256 of the model that it was made from.  updates: from the parent to here,
    the last one last.  restored: number of the generation that a rollback brought back.  versions: of pyruntime, NumPy,
    Python, and the instruction-set level of the CPU.
    """

    how: str = How.COMPILED
    time: str = ""
    parent: str | None = None
    updates: tuple[Update, ...] = ()
    restored: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Provenance:
        """From the manifest's table; what is missing or of another type is as if nothing were known."""
        updates = [_read_update(item) for item in _of(raw, "updates", list, []) if isinstance(item, dict)]
        versions = {key: value for key, value in _of(raw, "versions", dict, {}).items() if isinstance(value, str)}
        return cls(
            _of(raw, "how", str, "unknown"), _of(raw, "time", str, ""), _of(raw, "parent", str, None),
            tuple(updates[-MOST_UPDATES:]), _of(raw, "restored", int, None), versions,
        )  # fmt: skip


def provenance_of(lineage: Lineage, model: str, level: str) -> dict[str, Any]:
    """Of a generation that has the model with that hash.  level: of the instruction set that it is packed for."""
    if not lineage.updates and lineage.model == model and lineage.provenance:
        return dict(lineage.provenance)
    parent, made_by = (None if lineage.model == model else lineage.model), versions(level)
    if lineage.updates:
        parent = lineage.model
    how = How.UPDATED if lineage.updates else How.CHANGED if parent else How.COMPILED
    return Provenance(how, now(), parent, lineage.updates[-MOST_UPDATES:], None, made_by).to_json()


def now() -> str:
    """By the clock on the wall: 2026-01-31T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def versions(level: str) -> dict[str, str]:
    """What computes here."""
    import platform

    import numpy

    from pyruntime import __version__

    return {
        "pyruntime": __version__, "numpy": numpy.__version__, "python": platform.python_version(),
        "machine": platform.machine(), "level": level,
    }  # fmt: skip


def _read_update(raw: Mapping[str, Any]) -> Update:
    seconds = raw.get("seconds")
    return Update(
        _of(raw, "time", str, ""),
        float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else 0.0,
        _of(raw, "examples", int, 0), _of(raw, "data", str, None),
        *(_of(raw, name, dict, {}) for name in ("parameters", "metrics", "guard", "options")),
    )  # fmt: skip


def _of(raw: Mapping[str, Any], name: str, kind: type, otherwise: Any) -> Any:
    return raw[name] if type(raw.get(name)) is kind else otherwise


def _plain(value: Any) -> Any:
    """What JSON has; numbers that it lacks become text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | str):
        return value
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:  # a scalar of NumPy
        return _plain(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)
