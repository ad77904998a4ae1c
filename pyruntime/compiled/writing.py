"""A model and its compiled networks to a directory, as its next generation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyruntime.compiled.examples import detached
from pyruntime.compiled.files import Content
from pyruntime.compiled.folder import Commit, write_folder
from pyruntime.compiled.history import Entry, History, generation_name, missing_file, number_of, read_history
from pyruntime.compiled.manifest import FILE_NAME, NAME, File, Kernels, Manifest, Network
from pyruntime.engines.base import Programs
from pyruntime.engines.interface import Interface, interface_of
from pyruntime.spec import LeanModel
from pyruntime.spec.writer import model_pieces

KEEP = 3
"""Generations that `write` keeps, the new one included."""

Describe = Callable[[str, Entry | None], Mapping[str, Any]]
"""Provenance of a generation from the hash of its model and the generation that is there before."""


def write_compiled(
    lean: LeanModel | None,
    programs: Programs,
    kernels: Kernels,
    path: str | os.PathLike[str],
    *,
    keep: int | None = None,
    describe: Describe | None = None,
    interface: Interface | None = None,
    entry: str | None = None,
) -> Manifest | None:
    """Write the directory `path` in one step that a power cut cannot divide; the manifest by which it is there.

    lean: the model, None in the cache, whose entries have its interface instead.  kernels: what the programs were
    compiled for.  A compiled model that is there
    gets a new generation, of which the newest `keep` stay, KEEP unless it is given; one that has the same content
    already keeps its number, unless `describe` tells of updates, and loses older generations only when `keep` is given.
    An entry of the cache, whose key is `entry`, that is there is left, and None returned.  Any other folder or file is
    refused.  Raises ModelIOError.
    """
    files: dict[str, Content] = {}
    if lean is not None:
        interface = interface_of(lean.spec)
        lean, segments = detached(lean)
        files.update(segments)

    def add(stem: str, suffix: str, content: Content) -> str:
        name = f"{stem}-{content.sha256[:16]}.{suffix}"
        files[name] = content
        return name

    model = None if lean is None else add("model", "mlmodel", Content(tuple(model_pieces(lean))))
    networks = []
    for place, program in programs.items():
        stem = f"network.{place}" if place else "network"
        plan = add(stem, "plan", Content((program.plan.data,)))
        weights = add(stem, "weights", Content((program.weights.data,)))
        networks.append(Network(place, plan, weights, program.inputs, program.outputs, program.legacy))
    table = {name: File(content.size, content.sha256) for name, content in files.items()}
    noted = {} if entry is None else {"entry": entry}
    written = [Manifest(kernels, model, tuple(networks), table, provenance=noted, interface=interface)]

    def compose(folder: int | None) -> Commit:
        history = History() if folder is None else read_history(folder, os.fspath(path))
        content, newest = written[0], history.newest
        provenance = describe(content.model_hash or "", newest) if describe else {}
        if newest and newest.manifest.same_content(content) and not provenance.get("updates"):
            written[0] = newest.manifest
            return commit(folder, history, newest, keep=len(history.entries) if keep is None else keep)
        if content.model is not None:
            content = content._replace(generation=history.next_number(), provenance=provenance)
        written[0] = content
        return commit(folder, history, Entry(content.generation, content.to_bytes(), content), keep=keep or KEEP)

    return written[0] if write_folder(path, files, compose, renew=entry is None) else None


def commit(folder: int | None, history: History, entry: Entry, *, keep: int) -> Commit:
    """What makes `entry` the newest generation of a directory, and which older ones stay.

    Of those only whole ones count, so damaged ones never push out a good one.  While a manifest that stays is damaged,
    nobody knows its files, and none are removed.
    """
    older = [e for e in history.entries if e.number != entry.number]
    whole = [e.number for e in older if folder is not None and missing_file(folder, e.manifest) is None]
    oldest = [entry.number, *whole][: max(keep, 1)][-1]
    kept = [entry, *(e for e in older if e.number >= oldest)]
    # The newest one before is among these: older releases wrote it as manifest.json alone.
    numbered = {generation_name(e.number): e.data for e in [*kept[1:2], entry] if e.manifest.model is not None}
    return Commit({**numbered, NAME: entry.data}, _keeper(kept, history, oldest), _keeper(history.entries, history, 0))


def _keeper(kept: Sequence[Entry], history: History, oldest: int) -> Callable[[str], bool]:
    files = {name for entry in kept for name in entry.manifest.files}
    manifests = {generation_name(entry.number) for entry in kept}
    damaged = {name for name in history.damaged if name != NAME and number_of(name) >= oldest}

    def keep(name: str) -> bool:
        if FILE_NAME.fullmatch(name):
            return name in files or bool(damaged)
        return name in manifests or name in damaged

    return keep
