"""Generations of a compiled model: list them, open one, write the next, go back.  docs/generations.md."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pyruntime.compiled.files import open_folder
from pyruntime.compiled.folder import Commit, write_folder
from pyruntime.compiled.history import Entry, missing_file, number_of, read_history
from pyruntime.compiled.lineage import Lineage
from pyruntime.compiled.locks import check_unlocked
from pyruntime.compiled.manifest import NAME, Manifest, kernels_of
from pyruntime.compiled.opening import generation_source
from pyruntime.compiled.provenance import How, Provenance, now, provenance_of, versions
from pyruntime.compiled.reading import open_generation
from pyruntime.compiled.writing import commit, write_compiled
from pyruntime.errors import DamageWarning, GenerationWarning, ModelIOError, SpecError

if TYPE_CHECKING:
    from pyruntime.compiled.differences import Differences
    from pyruntime.config import MLModelConfiguration
    from pyruntime.model import MLModel

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Generation:
    """A generation of the compiled model at `path`.

    number: 1 for the first; the order.  provenance: how it came to be.  model_hash: SHA-256 of its model, by which
    others name it as their parent.  newest: what MLModel(path) opens, unless it is damaged.  damage: what is wrong with
    it, None when nothing was found.  nbytes: of its files, those that it shares with others included.
    """

    path: str
    number: int
    provenance: Provenance
    model_hash: str | None
    newest: bool
    damage: str | None
    nbytes: int

    def open(self, configuration: MLModelConfiguration | None = None, *, verify: bool = False) -> MLModel:
        """The model of this generation.  Raises ModelIOError when it is gone, and SpecError when it is damaged."""
        from pyruntime.config import MLModelConfiguration
        from pyruntime.model import MLModel

        configuration = configuration or MLModelConfiguration()
        opened = open_generation(self.path, self.number, verify=verify)
        return MLModel.from_source(generation_source(self.path, configuration, opened), configuration)

    def diff(self, newer: Generation) -> Differences:
        """What changed from this generation to another one."""
        from pyruntime.compiled.differences import differences

        return differences(self, newer)


def generations(path: AnyPath, *, verify: bool = False) -> list[Generation]:
    """The generations of a compiled model, the oldest first.  Damaged ones are among them.

    When `manifest.json` is damaged, the newest one that can be read counts, with a DamageWarning.
    verify: read all files and compare their hashes; otherwise only manifests and sizes.  Raises ModelIOError when
    `path` is no compiled model, and SpecError when no manifest of it can be read.
    """
    source = os.fspath(path)
    with _errors(source), open_folder(source) as folder:
        history = read_history(folder, source)
        found = [_generation(source, folder, entry, verify) for entry in history.entries]
        newest = max((g.number for g in found), default=0)
    if not history.sound:
        warnings.warn(
            f"{os.path.join(source, NAME)}: {history.damaged[NAME].removeprefix(os.path.join(source, NAME) + ': ')}; "
            f"generation {newest} is the newest that can be read",
            DamageWarning,
            stacklevel=2,
        )
    lost = [(number_of(name), reason) for name, reason in history.damaged.items() if number_of(name)]
    known = {generation.number for generation in found}
    found += [Generation(source, n, Provenance("unknown"), None, False, why, 0) for n, why in lost if n not in known]
    return sorted((_newest(g) if g.number == newest else g for g in found), key=lambda g: g.number)


def rollback(path: AnyPath, number: int | None = None) -> Generation:
    """Make the content of an older generation the newest one again, as a generation of its own: nothing is lost.

    number: by default the generation before the newest one; after a rollback, the one before that it brought back.
    It happens in one step, like `write`.  Raises ModelIOError when there is no such generation or it cannot be written,
    and SpecError when that generation is damaged; nothing is changed then.
    """
    source = os.fspath(path)
    check_unlocked(os.path.realpath(source))
    made: list[Entry] = []

    def compose(folder: int | None) -> Commit:
        if folder is None:
            raise ModelIOError(f"{source} is no compiled model: there is nothing to roll back")
        history = read_history(folder, source)
        old = _wanted(source, history.entries, number)
        for name, file in old.manifest.files.items():
            if _hash(folder, name) != file.sha256:
                raise SpecError(f"generation {old.number} of {source} is damaged: {name}; nothing was changed")
        newest = history.entries[0]
        made_by = versions(old.manifest.kernels.levels[-1])
        provenance = Provenance(How.ROLLED_BACK, now(), newest.manifest.model_hash, (), old.number, made_by)
        manifest = old.manifest._replace(generation=history.next_number(), provenance=provenance.to_json())
        made[:] = [Entry(manifest.generation, manifest.to_bytes(), manifest)]
        return commit(folder, history, made[0], keep=len(history.entries) + 1)

    with _errors(source):
        write_folder(source, {}, compose)
    return next(g for g in generations(path) if g.number == made[0].number)


def write_generation(model: MLModel, path: AnyPath, keep: int | None) -> None:
    """MLModel.write."""
    if keep is not None and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
        raise ValueError(f"keep_generations: expected a whole number from 1, got {keep!r}")
    place, lineage = os.path.realpath(path), model._lineage
    check_unlocked(place)
    kernels = kernels_of(model.configuration.context())
    others: list[int] = []

    def describe(model_hash: str, newest: Entry | None) -> Mapping[str, Any]:
        others[:] = []
        if newest and lineage.path == place and newest.number > lineage.seen:
            others.append(newest.number)
        return provenance_of(lineage, model_hash, kernels.levels[-1])

    manifest = write_compiled(model._lean, model._programs, kernels, path, keep=keep, describe=describe)
    assert manifest is not None, "renew is True"
    model._lineage = lineage_of(place, manifest)
    if others:
        warnings.warn(
            f"{os.fspath(path)}: generation {others[0]} was written after generation {lineage.number}, from which this "
            f"model comes; what it learned is not in generation {manifest.generation}, which is the newest now",
            GenerationWarning,
            stacklevel=3,
        )


def lineage_of(place: str, manifest: Manifest) -> Lineage:
    """Of a model that is the generation of that manifest."""
    return Lineage(place, manifest.generation, manifest.model_hash, manifest.provenance, seen=manifest.generation)


def _generation(source: str, folder: int, entry: Entry, verify: bool) -> Generation:
    manifest = entry.manifest
    damage = missing_file(folder, manifest)
    if verify and damage is None:
        wrong = [name for name, file in manifest.files.items() if _hash(folder, name) != file.sha256]
        damage = f"{wrong[0]} is damaged, its hash does not fit" if wrong else None
    size = sum(file.bytes for file in manifest.files.values())
    provenance = Provenance.read(manifest.provenance)
    return Generation(source, entry.number, provenance, manifest.model_hash, False, damage, size)


def _newest(g: Generation) -> Generation:
    return Generation(g.path, g.number, g.provenance, g.model_hash, True, g.damage, g.nbytes)


def _wanted(source: str, entries: tuple[Entry, ...], number: int | None) -> Entry:
    newest = entries[0]
    if number is None:
        restored = Provenance.read(newest.manifest.provenance).restored
        before = [e for e in entries if e.number < (restored or newest.number)]
        if not before:
            raise ModelIOError(f"{source} has no generation before generation {restored or newest.number}")
        return before[0]
    for entry in entries:
        if entry.number == number and number != newest.number:
            return entry
    there = ", ".join(str(entry.number) for entry in reversed(entries[1:])) or "none"
    what = "is the newest one already" if number == newest.number else "is not there"
    raise ModelIOError(f"{source}: generation {number} {what}; generations to go back to: {there}")


def _hash(folder: int, name: str) -> str | None:
    """SHA-256 of a file; None when it cannot be read."""
    from pyruntime.compiled.files import open_file

    digest = sha256()
    try:
        with open_file(folder, name) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


class _errors:
    """Errors of the system as ModelIOError that names the directory."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, FileNotFoundError) and os.path.isdir(self.source):
            raise ModelIOError(f"{self.source} is no compiled model: it has no {NAME}") from None
        if isinstance(error, OSError):
            raise ModelIOError(f"cannot read the compiled model {self.source}: {error.strerror or error}") from None
