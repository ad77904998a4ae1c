"""Which generations a compiled model has.

`manifest.json` is the newest generation.  Each generation also has its manifest under its number, the newest one too,
so a damaged `manifest.json` loses nothing.  A number above the newest one is what a killed writer left, and counts
only when `manifest.json` cannot be read.  Numbers order generations; clocks do not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pyruntime.compiled.files import open_file, read_manifest
from pyruntime.compiled.manifest import GENERATION_NAME, MAX_BYTES, MAX_GENERATION, NAME, Manifest, NewerFormat, parse
from pyruntime.errors import ModelIOError, SpecError


class Entry(NamedTuple):
    """A generation whose manifest is undamaged.  data: the bytes of it."""

    number: int
    data: bytes
    manifest: Manifest


class History(NamedTuple):
    """entries: newest first.  damaged: why a manifest cannot be read, by its file name.  sound: `manifest.json` can."""

    entries: tuple[Entry, ...] = ()
    damaged: Mapping[str, str] = MappingProxyType({})
    sound: bool = True

    @property
    def newest(self) -> Entry | None:
        return self.entries[0] if self.entries else None

    def next_number(self) -> int:
        """Of the generation that is written next.  Raises ModelIOError when a stranger's numbers leave none."""
        names = [number_of(name) for name in self.damaged]
        newest = max([entry.number for entry in self.entries] + ([] if self.sound else names), default=0)
        if newest >= MAX_GENERATION:
            raise ModelIOError(f"its generations end at {MAX_GENERATION}; write to another folder")
        return newest + 1


def number_of(name: str) -> int:
    """Of the generation whose manifest has that name; 0 for other files."""
    match = GENERATION_NAME.fullmatch(name)
    return int(match[1]) if match else 0


def generation_name(number: int) -> str:
    return f"generation-{number}.json"


def read_history(folder: int, source: str) -> History:
    """All generations of the open directory `folder`.

    Raises NewerFormat for a later release's `manifest.json`; FileNotFoundError when there is no manifest at all; and
    SpecError when none of those that are there can be read.
    """
    numbers = sorted((n for n in map(number_of, os.listdir(folder)) if n), reverse=True)
    entries: dict[int, Entry] = {}
    damaged: dict[str, str] = {}
    problem: Exception | None = None
    try:
        data = read_manifest(folder)
        manifest = parse(data, os.path.join(source, NAME))
        entries[manifest.generation] = Entry(manifest.generation, data, manifest)
        numbers = [number for number in numbers if number < manifest.generation]
    except NewerFormat:
        raise
    except (SpecError, OSError) as error:
        damaged[NAME], problem = _reason(error), error
    for number in numbers:
        name = generation_name(number)
        try:
            entries[number] = _read_entry(folder, source, name, number)
        except (SpecError, OSError) as error:
            damaged[name] = _reason(error)
    if not entries and problem is not None:
        raise problem
    order = sorted(entries, reverse=True)
    return History(tuple(entries[number] for number in order), damaged, problem is None)


def _read_entry(folder: int, source: str, name: str, number: int) -> Entry:
    path = os.path.join(source, name)
    with open_file(folder, name) as file:
        data = file.read(MAX_BYTES + 1) or b""
    manifest = parse(data, path)
    if manifest.generation != number:
        raise SpecError(f"{path}: is the manifest of generation {manifest.generation}")
    return Entry(number, data, manifest)


def missing_file(folder: int, manifest: Manifest) -> str | None:
    """Why a generation cannot be whole: a file that is not there or of another size.  None when sizes fit."""
    for name, file in manifest.files.items():
        try:
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
        except OSError as error:
            return f"{name}: {error.strerror}"
        if size != file.bytes:
            return f"{name} has {size} bytes, expected {file.bytes}"
    return None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
