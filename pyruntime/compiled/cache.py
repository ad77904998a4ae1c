"""Compiled networks of .mlmodel files, kept by what the file contains.

An entry is a compiled model without the model itself.  Its key is a hash of the file's content, of what the kernels are,
and of this installation of the compiler, so a changed file or a new release never meets an old entry.  The cache only saves
time: whatever goes wrong with it, the model is compiled in memory.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pyruntime.compiled.folder import remove_folder, remove_unfinished
from pyruntime.compiled.manifest import Kernels
from pyruntime.compiled.store import open_compiled, write_compiled
from pyruntime.engines.base import Programs
from pyruntime.errors import MLModelError

LIMIT = 512 << 20
"""Bytes of all entries; beyond it the longest unused ones are removed."""

INDEX_FROM = 1 << 20
"""Bytes of a model file from which its hash is remembered: hashing takes a millisecond per megabyte or two."""

_SETTLED = 2_000_000_000  # ns since the last change; before, a second change may leave the same time stamp
_USED_GRAIN = 3600  # s; use is noted once an hour, so that opening a model rarely writes to an SD card
_SUFFIX = ".mlmodelc"


class Cache:
    """The cache in `folder`, which is made when something is stored."""

    def __init__(self, folder: str | os.PathLike[str], limit: int = LIMIT) -> None:
        self.folder = Path(folder)
        self.limit = limit

    def key(self, data: bytes | memoryview, status: os.stat_result, kernels: Kernels) -> str:
        """Of a model file's content.  status: of the file, before it was read."""
        return _hash(self._content_hash(data, status), repr(kernels), _compiler_stamp())

    def load(self, key: str) -> Programs | None:
        """The entry of that key.  A damaged one is removed."""
        path = self._entry(key)
        try:
            if not path.is_dir():
                return None
            programs = open_compiled(path).programs
        except MLModelError:
            self.drop(key)
            return None
        except OSError:  # a folder that may not be read
            return None
        self._note_use(path)
        return programs

    def store(self, key: str, programs: Programs, kernels: Kernels) -> None:
        """Keep an entry; if another process does so at the same time, one of the two equal ones stays."""
        with suppress(MLModelError, OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if write_compiled(None, programs, kernels, self._entry(key), renew=False):
                self._evict(keep=key)

    def drop(self, key: str) -> None:
        with suppress(OSError):
            remove_folder(self._entry(key))

    def _entry(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _note_use(self, path: Path) -> None:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _USED_GRAIN:
                os.utime(path)

    def _evict(self, keep: str) -> None:
        """Remove the longest unused entries until the rest is within the limit, and what killed writers left."""
        remove_unfinished(self.folder)
        entries = sorted(
            (path.stat().st_mtime, path, _size(path)) for path in self.folder.iterdir() if path.suffix == _SUFFIX
        )
        total = sum(size for _, _, size in entries)
        for _, path, size in entries:
            if total <= self.limit:
                break
            if path != self._entry(keep):
                remove_folder(path)
                total -= size
        self._trim_index()

    def _content_hash(self, data: bytes | memoryview, status: os.stat_result) -> str:
        """SHA-256 of `data`; for a large file that did not change since last time, as noted then."""
        if len(data) < INDEX_FROM:
            return sha256(data).hexdigest()
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        note = self.folder / "index" / _hash(repr(identity))
        with suppress(OSError, ValueError):
            text = note.read_text("ascii")
            if len(text) == 64:
                return text
        digest = sha256(data).hexdigest()
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED:
            with suppress(OSError):
                note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                part = note.with_name(f"{note.name}.{os.urandom(4).hex()}")
                part.write_text(digest, "ascii")
                part.replace(note)
        return digest

    def _trim_index(self, most: int = 1000) -> None:
        with suppress(OSError):
            notes = sorted((self.folder / "index").iterdir(), key=lambda note: note.stat().st_mtime)
            for note in notes[:-most]:
                note.unlink()


def _size(path: Path) -> int:
    with suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return 0


@lru_cache(maxsize=1)
def _compiler_stamp() -> str:
    """Changes with every installation, and with every edit of the code that makes plans."""
    package = Path(__file__).parent.parent
    files = [package / "compiler.py", *(package / "native").iterdir()]
    for folder in ("layers", "ir", "ir/ops", "passes", "plan", "spec"):
        files += (package / folder).iterdir()
    stamps = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in sorted(files) if f.suffix in (".py", ".so")]
    return _hash(repr(stamps))


def _hash(*texts: str) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()[:32]
