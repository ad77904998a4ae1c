"""Compiled directories opened.  Weights are mapped: opening reads none of them, and processes share the pages."""

from __future__ import annotations

import errno
import mmap
import os
import re
import stat
import warnings
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from pyruntime.compiled.files import open_file, open_folder, read_manifest
from pyruntime.compiled.manifest import GENERATION_NAME, NAME, Manifest, NewerFormat, parse
from pyruntime.engines.base import NetworkProgram, Programs
from pyruntime.engines.interface import interface_of, same_interface
from pyruntime.errors import DamageWarning, MLModelError, ModelIOError, SpecError
from pyruntime.ir.types import Bytes
from pyruntime.native import lib
from pyruntime.spec import LeanModel, load_lean_bytes
from pyruntime.spec.reader import MAP_FROM, check_bytes

if TYPE_CHECKING:
    from pyruntime.compiled.history import Entry

MAX_PLAN_BYTES = 1 << 28  # real ones have some 100 bytes per layer
_TRIES = 10
_DAMAGE = (None, errno.ENOENT, errno.EIO, errno.ELOOP)  # what the system says of a damaged disk, or of strange files
_ADVICE = re.compile(r"[;:] (remove the folder and )?(compile|write) the model again$")


class Opened(NamedTuple):
    """An open compiled model.  lean: None in the cache.  programs: as compiled for the kernels of `manifest`.

    newest: number of the newest generation there, which may be damaged.
    """

    lean: LeanModel | None
    programs: Programs
    manifest: Manifest
    newest: int


class Damaged(ModelIOError, SpecError):
    """A file is missing, or of no use: an older generation may be whole."""


def is_compiled(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder with our manifests (a package's Manifest.json is another file, also on FAT)."""
    try:
        return any(name == NAME or GENERATION_NAME.fullmatch(name) for name in os.listdir(path))
    except OSError:
        return False


def open_compiled(path: str | os.PathLike[str], *, verify: bool = False, below: int | None = None) -> Opened:
    """Open a directory that `write_compiled` made, while others may renew it.

    Sizes of all files and hashes of plans and of small models are checked always, other hashes with `verify`, which
    reads all.  When the newest generation is damaged, the newest one that is whole is opened, with a DamageWarning.
    below: only generations under that number, because those from it on turned out to be damaged.

    Raises ModelIOError when a file cannot be read, SpecError when it is damaged and there is no whole generation; both
    name it.
    """
    source = os.fspath(path)
    try:
        with open_folder(source) as folder:
            if below is not None:
                return _open_older(folder, source, verify, below, [])
            try:
                return _open(folder, source, verify)
            except (SpecError, OSError) as error:
                if isinstance(error, NewerFormat) or getattr(error, "errno", None) not in _DAMAGE:
                    raise
                return _fall_back(folder, source, verify, error)
    except OSError as error:
        raise ModelIOError(f"cannot read the compiled model {source}: {error.strerror or error}") from None


def open_generation(path: str | os.PathLike[str], number: int, *, verify: bool = False) -> Opened:
    """Open one generation.  Raises ModelIOError when there is none of that number, and SpecError when it is damaged."""
    from pyruntime.compiled.history import generation_name, read_history

    source = os.fspath(path)
    try:
        with open_folder(source) as folder:
            history = read_history(folder, source)
            for entry in history.entries:
                if entry.number == number:
                    return _open_entry(folder, source, verify, entry)
            damaged = history.damaged.get(generation_name(number))
    except OSError as error:
        raise ModelIOError(f"cannot read the compiled model {source}: {error.strerror or error}") from None
    if damaged:
        raise SpecError(damaged)
    there = ", ".join(str(entry.number) for entry in reversed(history.entries))
    raise ModelIOError(f"{source} has no generation {number}; it has {there}")


def newest_number(path: str) -> int | None:
    """Of the generation that `manifest.json` is; None when that cannot be read."""
    with suppress(SpecError, OSError), open_folder(path) as folder:
        return parse(read_manifest(folder), path).generation
    return None


def _open(folder: int, source: str, verify: bool) -> Opened:
    """A writer may remove files of the manifest just read, but only after it made a newer manifest: read that."""
    data = read_manifest(folder)
    for _ in range(_TRIES):
        manifest = parse(data, os.path.join(source, NAME))
        try:
            return _open_files(_Files(folder, source, manifest, verify), manifest)
        except _Missing as error:
            newer = read_manifest(folder)
            if newer == data:
                raise Damaged(f"{os.path.join(source, str(error))} is missing; compile the model again") from None
            data = newer
    raise ModelIOError(f"the compiled model {source} is written again faster than it can be read")


def _fall_back(folder: int, source: str, verify: bool, problem: SpecError | OSError) -> Opened:
    """The newest generation that is whole.  Raises the problem with the newest one when there is none."""
    problems: list[SpecError | OSError] = [problem]
    try:
        opened = _open_older(folder, source, verify, None, problems)
    except MLModelError:
        raise problem from None
    warn_fallback(source, problems, opened.manifest)
    return opened


def _open_older(
    folder: int, source: str, verify: bool, below: int | None, problems: list[SpecError | OSError]
) -> Opened:
    """The newest generation that opens, under the number `below` if one is given.  problems: gets what others have."""
    from pyruntime.compiled.history import read_history

    history = read_history(folder, source)
    for entry in history.entries:
        if below is None or entry.number < below:
            try:
                return _open_entry(folder, source, verify, entry)._replace(newest=history.next_number() - 1)
            except (SpecError, OSError) as error:
                problems.append(error)
    raise Damaged(f"{source} has no generation that is whole")


def _open_entry(folder: int, source: str, verify: bool, entry: Entry) -> Opened:
    try:
        return _open_files(_Files(folder, source, entry.manifest, verify), entry.manifest)
    except _Missing as error:
        raise Damaged(f"{os.path.join(source, str(error))} is missing; compile the model again") from None


def warn_fallback(source: str, problems: Sequence[SpecError | OSError], manifest: Manifest) -> None:
    """Say what is damaged, and what was opened in its place."""
    from pyruntime.compiled.provenance import Provenance

    reasons = dict.fromkeys(
        _ADVICE.sub("", f"{os.path.join(source, NAME)}: {p.strerror}" if isinstance(p, OSError) else str(p))
        for p in problems
    )
    made = Provenance.read(manifest.provenance).time
    when = f" of {made}" if made else ""
    warnings.warn(
        f"{'; '.join(reasons)}; generation {manifest.generation}{when} was opened instead",
        DamageWarning,
        stacklevel=2,
    )


def _open_files(files: _Files, manifest: Manifest) -> Opened:
    lean = None
    if manifest.model is not None:
        lean = _model(files, manifest)
    programs = {
        n.place: NetworkProgram(files.plan(n.plan), files.mapped(n.weights), n.inputs, n.outputs, n.legacy)
        for n in manifest.networks
    }
    return Opened(lean, Programs(programs, manifest.interface), manifest, manifest.generation)


def _model(files: _Files, manifest: Manifest) -> LeanModel:
    """The complete model.  Of a network, whose interface the manifest has, it is read when something asks for it."""
    assert manifest.model is not None
    data, source = files.data(manifest.model), files.path(manifest.model)
    check_bytes(data, source)
    if manifest.interface is None:
        from pyruntime.compiled.examples import attached

        return attached(load_lean_bytes(data, source=source), files)

    def read() -> LeanModel:
        lean = load_lean_bytes(data, source=source)
        if not same_interface(interface_of(lean.spec), manifest.interface):
            raise SpecError(f"{source} is not the model that its manifest describes: compile the model again")
        return lean

    return read() if files.verify else LeanModel.unread(source, read)


class _Missing(Exception):
    """The name of a file that is not there."""


class _Files:
    """Files of one manifest: opened, checked, read or mapped."""

    def __init__(self, folder: int, source: str, manifest: Manifest, verify: bool) -> None:
        self.folder, self.source, self.manifest, self.verify = folder, source, manifest, verify

    def path(self, name: str) -> str:
        return os.path.join(self.source, name)

    def data(self, name: str) -> memoryview:
        """A file read, or when it is large mapped."""
        if self.manifest.files[name].bytes >= MAP_FROM:
            return self.mapped(name).data
        return self._read(name).data

    def plan(self, name: str) -> Bytes:
        size = self.manifest.files[name].bytes
        if size > MAX_PLAN_BYTES:
            raise SpecError(f"{self.path(name)} has {size} bytes, a plan has at most {MAX_PLAN_BYTES}")
        return self._read(name)

    def _read(self, name: str) -> Bytes:
        """All bytes, aligned for C and checked against their hash."""
        with self._open(name) as file:
            array = lib.aligned(self.manifest.files[name].bytes)
            view = array.data
            try:
                while view and (count := os.readv(file.fileno(), [view])):
                    view = view[count:]
            except OSError as error:
                raise self._unreadable(name, error) from None
        self._check(name, array)
        return array

    def mapped(self, name: str) -> Bytes:
        """A read-only view of the file's pages."""
        with self._open(name) as file:
            if not self.manifest.files[name].bytes:
                return lib.aligned(0)
            array = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        if self.verify:
            self._check(name, array)
        return array

    def _open(self, name: str) -> BinaryIO:
        """Raises _Missing, or an error that names the file, when it is not the plain file of the manifest's size."""
        try:
            file = open_file(self.folder, name)
        except FileNotFoundError:
            raise _Missing(name) from None
        except OSError as error:
            raise self._unreadable(name, error) from None
        status, wanted = os.fstat(file.fileno()), self.manifest.files[name].bytes
        if not stat.S_ISREG(status.st_mode) or status.st_size != wanted:
            file.close()
            raise SpecError(
                f"{self.path(name)} has {status.st_size} bytes, its manifest says {wanted}: compile the model again"
            )
        return file

    def _unreadable(self, name: str, error: OSError) -> ModelIOError:
        kind = Damaged if error.errno in (errno.EIO, errno.ELOOP) else ModelIOError
        return kind(f"cannot read {self.path(name)}: {error.strerror}")

    def _check(self, name: str, array: Bytes) -> None:
        if sha256(array.data).hexdigest() != self.manifest.files[name].sha256:
            raise SpecError(f"{self.path(name)} is damaged, its hash does not fit: compile the model again")
