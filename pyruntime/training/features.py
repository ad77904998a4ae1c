"""What the frozen part of a network made of each example: in memory up to a limit, beyond it in a mapped file."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import UpdateError
from pyruntime.ir.types import Array, Shape

SHARE = 4
"""Features may take this part of the memory that is available, one in SHARE, unless a limit is given."""
RESERVE = 16 << 20
"""Bytes that stay free in the folder of the file."""
MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")

Floats = NDArray[np.float32]


class FeatureStore:
    """Arrays of `count` examples, one per shape.

    limit: bytes that may be in memory; None for a part of what is available.
    folder: where the file goes; None for the system's.  It has no name there, so it is gone with the process whatever
    happens, and all its blocks are taken at once: no write to it can fail later.
    Raises UpdateError when there is no room for it.
    """

    def __init__(
        self,
        count: int,
        shapes: Sequence[Shape],
        limit: int | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        sizes = [4 * count * math.prod(shape) for shape in shapes]
        self.nbytes = sum(sizes)
        self.in_memory = self.nbytes <= (available_memory() // SHARE if limit is None else limit)
        place = None if self.in_memory else _folder_with_room(folder, self.nbytes, count)
        self.arrays: list[Floats] = [
            _in_memory((count, *shape), size) if place is None or size == 0 else _in_file((count, *shape), size, place)
            for shape, size in zip(shapes, sizes, strict=True)
        ]

    def put(self, index: int, values: Sequence[Array]) -> None:
        """Keep the arrays of one example, whatever leading axes of size 1 they have."""
        for array, value in zip(self.arrays, values, strict=True):
            array[index] = value.reshape(array.shape[1:])

    def take(self, order: NDArray[np.int64], buffers: Sequence[Floats]) -> None:
        """Copy the examples in `order` into arrays of as many rows."""
        for array, buffer in zip(self.arrays, buffers, strict=True):
            np.take(array, order, axis=0, out=buffer, mode="clip")


def available_memory() -> int:
    """Bytes that new work may take without swapping, as the kernel estimates it."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def scratch_folder() -> str:
    """The folder of temporary files, or /var/tmp where that lies in memory, which would save none."""
    usual = tempfile.gettempdir()
    on_disk = "/var/tmp"
    if os.environ.get("TMPDIR") or _file_system(usual) not in MEMORY_FILE_SYSTEMS:
        return usual
    return on_disk if os.access(on_disk, os.W_OK) and _file_system(on_disk) not in MEMORY_FILE_SYSTEMS else usual


def _file_system(folder: str) -> str:
    """The type of the file system that has the folder, "" when nobody says."""
    path, found = os.path.realpath(folder), ("", "")
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, place, kind, *_ = line.split()
                if (path == place or path.startswith(place.rstrip("/") + "/")) and len(place) >= len(found[0]):
                    found = (place, kind)
    except (OSError, ValueError):
        pass
    return found[1]


def _in_memory(shape: Shape, size: int) -> Floats:
    try:
        return np.empty(shape, np.float32)
    except MemoryError as error:
        raise UpdateError(f"no room for {size} bytes of features of {shape[0]} examples in memory: {error}") from None


def _folder_with_room(folder: str | os.PathLike[str] | None, size: int, count: int) -> str:
    """The folder, which has room for that many bytes now."""
    place = scratch_folder() if folder is None else os.fspath(folder)
    try:
        facts = os.statvfs(place)
    except OSError as error:
        raise _no_room(size, count, place, error.strerror or "") from None
    free = facts.f_bavail * facts.f_frsize
    if free < size + RESERVE:
        raise _no_room(size, count, place, f"{free >> 20} MiB are free there")
    return place


def _in_file(shape: Shape, size: int, folder: str) -> Floats:
    """An array in a file without a name.  Its blocks are taken now: a mapped page without one would be a SIGBUS."""
    try:
        with tempfile.TemporaryFile(prefix="pyruntime-features-", dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.float32, "r+", shape=shape)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _no_room(size, shape[0], folder, reason) from None


def _no_room(size: int, count: int, folder: str, reason: str) -> UpdateError:
    return UpdateError(
        f"no room for {-(-size >> 20)} MiB of features of {count} examples in the folder {folder}: {reason}; "
        "free some, or set scratch_folder (another folder) or feature_memory (bytes in memory) of MLModelConfiguration"
    )
