"""Compiled directories opened.  Weights are mapped: opening reads none of them, and processes share the pages."""

from __future__ import annotations

import mmap
import os
import stat
from hashlib import sha256
from typing import BinaryIO, NamedTuple

import numpy as np

from pyruntime.compiled.files import open_file, open_folder, read_manifest
from pyruntime.compiled.manifest import NAME, Kernels, Manifest, parse
from pyruntime.engines.base import NetworkProgram, Programs
from pyruntime.errors import ModelIOError, SpecError
from pyruntime.ir.types import Bytes
from pyruntime.native import lib
from pyruntime.spec import LeanModel, load_lean_bytes
from pyruntime.spec.reader import MAP_FROM

MAX_PLAN_BYTES = 1 << 28  # real ones have some 100 bytes per layer
_TRIES = 10


class Opened(NamedTuple):
    """An open compiled model.  lean: None in the cache.  programs: as compiled for `kernels`."""

    lean: LeanModel | None
    programs: Programs
    kernels: Kernels


def is_compiled(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder with our manifest (a package's Manifest.json is another file, also on FAT)."""
    try:
        return NAME in os.listdir(path)
    except OSError:
        return False


def open_compiled(path: str | os.PathLike[str], *, verify: bool = False) -> Opened:
    """Open a directory that `write_compiled` made, while others may renew it.

    Sizes of all files and hashes of plans and of small models are checked always, other hashes with `verify`, which
    reads all.  Raises ModelIOError when a file cannot be read, SpecError when it is damaged; both name it.
    """
    source = os.fspath(path)
    try:
        with open_folder(source) as folder:
            return _open(folder, source, verify)
    except OSError as error:
        raise ModelIOError(f"cannot read the compiled model {source}: {error.strerror or error}") from None


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
                raise ModelIOError(f"{os.path.join(source, str(error))} is missing; compile the model again") from None
            data = newer
    raise ModelIOError(f"the compiled model {source} is written again faster than it can be read")


def _open_files(files: _Files, manifest: Manifest) -> Opened:
    lean = None
    if manifest.model is not None:
        lean = load_lean_bytes(files.data(manifest.model), source=files.path(manifest.model))
    programs = {
        n.place: NetworkProgram(files.plan(n.plan), files.mapped(n.weights), n.inputs, n.outputs, n.legacy)
        for n in manifest.networks
    }
    return Opened(lean, Programs(programs), manifest.kernels)


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
            while view and (count := os.readv(file.fileno(), [view])):
                view = view[count:]
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
            raise ModelIOError(f"cannot read {self.path(name)}: {error.strerror}") from None
        status, wanted = os.fstat(file.fileno()), self.manifest.files[name].bytes
        if not stat.S_ISREG(status.st_mode) or status.st_size != wanted:
            file.close()
            raise SpecError(
                f"{self.path(name)} has {status.st_size} bytes, its manifest says {wanted}: compile the model again"
            )
        return file

    def _check(self, name: str, array: Bytes) -> None:
        if sha256(array.data).hexdigest() != self.manifest.files[name].sha256:
            raise SpecError(f"{self.path(name)} is damaged, its hash does not fit: compile the model again")
