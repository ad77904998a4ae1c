"""Compiled networks of .mlmodel files, kept by what the file contains.

An entry is a compiled model without the model itself.  Its key is a hash of the file's content, of what the kernels
are, and of this installation of the compiler, so a changed file or a new release never meets an old entry.  The cache
only saves time: whatever goes wrong with it, the model is compiled in memory.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256

import numpy as np

from pyruntime.compiled.manifest import Kernels
from pyruntime.compiled.reading import open_compiled
from pyruntime.engines.base import Programs
from pyruntime.engines.interface import Interface
from pyruntime.errors import MLModelError, SpecError
from pyruntime.ir.pages import let_go

LIMIT = 512 << 20
"""Bytes of all entries; beyond it the longest unused ones are removed."""

MOST_ENTRIES = 500
"""So many entries; looking through thousands of them would cost more than the cache saves."""

WORTH = 0.03
"""Seconds of compiling from which an entry is kept: writing one takes about as long."""

INDEX_FROM = 1 << 20
"""Bytes of a model file from which its hash is remembered: hashing takes one to seven milliseconds per megabyte."""

_INDEX_NOTES = 1000  # kept at most
_SETTLED = 2_000_000_000  # ns since the last change; before, a second change may leave the same time stamp
_USED_GRAIN = 3600  # s; use is noted once an hour, so that opening a model rarely writes to an SD card
_SUFFIX = ".mlmodelc"
# folders with code that makes plans, and the interface that is kept with them
_COMPILER = ("", "engines", "native", "layers", "ir", "ir/ops", "passes", "plan", "spec")


class Cache:
    """The cache in `folder`, which is made when something is stored."""

    def __init__(self, folder: str | os.PathLike[str], limit: int = LIMIT) -> None:
        self.folder = os.fspath(folder)
        self.limit = limit
        self.worth = WORTH

    def key(self, data: bytes | memoryview, status: os.stat_result, kernels: Kernels, weights: str = "expanded") -> str:
        """Of a model file's content.  status: of the file, before it was read.  weights: MLModelConfiguration's."""
        return _hash(self._content_hash(data, status), repr(kernels), weights, _compiler_stamp())

    def load(self, key: str) -> Programs | None:
        """The entry of that key.  A damaged one is removed."""
        path = self._entry(key)
        if not os.path.isdir(path):
            return None
        try:
            opened = open_compiled(path)
            if opened.manifest.provenance.get("entry") != key:
                raise SpecError(f"{path} is another entry, renamed")
        except MLModelError:
            self.drop(key)
            return None
        with suppress(OSError):
            if time.time() - os.stat(path).st_mtime > _USED_GRAIN:
                os.utime(path)
        return opened.programs

    def store(self, key: str, programs: Programs, kernels: Kernels, interface: Interface | None = None) -> None:
        """Keep an entry; if another process does so at the same time, one of the two equal ones stays."""
        from pyruntime.compiled.writing import write_compiled

        with suppress(MLModelError, OSError):
            os.makedirs(self.folder, exist_ok=True, mode=0o700)
            if write_compiled(None, programs, kernels, self._entry(key), interface=interface, entry=key):
                self._evict(self._entry(key))

    def drop(self, key: str) -> None:
        from pyruntime.compiled.folder import remove_folder

        with suppress(OSError):
            remove_folder(self._entry(key))

    def _entry(self, key: str) -> str:
        return os.path.join(self.folder, key + _SUFFIX)

    def _evict(self, keep: str) -> None:
        """Remove the longest unused entries until the rest is within the limit, and what killed writers left."""
        from pyruntime.compiled.folder import remove_folder, remove_unfinished

        remove_unfinished(self.folder)
        entries = sorted(
            (entry.stat().st_mtime, entry.path, _size(entry.path))
            for entry in os.scandir(self.folder)
            if entry.name.endswith(_SUFFIX)
        )
        total, count = sum(size for _, _, size in entries), len(entries)
        for _, path, size in entries:
            if (total > self.limit or count > MOST_ENTRIES) and path != keep:
                remove_folder(path)
                total -= size
                count -= 1
        self._trim_index()

    def _content_hash(self, data: bytes | memoryview, status: os.stat_result) -> str:
        """SHA-256 of `data`; for a large file that did not change since last time, as noted then."""
        if len(data) < INDEX_FROM:
            return sha256(data).hexdigest()
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        note = os.path.join(self.folder, "index", _hash(repr(identity)))
        with suppress(OSError, ValueError), open(note, encoding="ascii") as file:
            text = file.read(100)
            if len(text) == 64:
                return text
        digest = sha256(data).hexdigest()
        let_go(np.frombuffer(data, np.uint8))
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED:
            with suppress(OSError):
                os.makedirs(os.path.dirname(note), exist_ok=True, mode=0o700)
                part = f"{note}.{os.urandom(4).hex()}"
                with open(part, "w", encoding="ascii") as file:
                    file.write(digest)
                os.replace(part, note)
        return digest

    def _trim_index(self) -> None:
        with suppress(OSError):
            notes = sorted(os.scandir(os.path.join(self.folder, "index")), key=lambda note: note.stat().st_mtime)
            for note in notes[:-_INDEX_NOTES]:
                os.unlink(note.path)


def _size(path: str) -> int:
    with suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return 0


@lru_cache(maxsize=1)
def _compiler_stamp() -> str:
    """Changes with every installation, and with every edit of the code that makes plans."""
    package = os.path.dirname(os.path.dirname(__file__))
    stamps = []
    for folder in _COMPILER:
        for entry in os.scandir(os.path.join(package, folder)):
            if entry.name.endswith((".py", ".so")):
                status = entry.stat()
                stamps.append((folder, entry.name, status.st_size, status.st_mtime_ns))
    return _hash(repr(sorted(stamps)))


def _hash(*texts: str) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()[:32]
