"""Files of a directory that may be a stranger's, opened through the directory itself: no path in it leads elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from typing import BinaryIO, cast

from pyruntime.compiled.manifest import MAX_BYTES, NAME

Pieces = Sequence[bytes | memoryview]


def open_file(folder: int, name: str) -> BinaryIO:
    """A file of the open directory `folder`; links are not followed, a pipe does not wait.  Raises OSError."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    return cast(BinaryIO, open(handle, "rb", buffering=0))


def read_manifest(folder: int) -> bytes:
    """The bytes of the manifest, cut when they are more than a manifest can have.  Raises OSError."""
    with open_file(folder, NAME) as file:
        return file.read(MAX_BYTES + 1) or b""


@contextmanager
def open_folder(path: str | os.PathLike[str]) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


class Content:
    """The bytes of one file, in pieces.  known: their SHA-256 when they are mapped from a file of that hash."""

    def __init__(self, pieces: Pieces, known: str | None = None) -> None:
        self.pieces, self.known = pieces, known

    @cached_property
    def size(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    @cached_property
    def sha256(self) -> str:
        if self.known is not None:
            return self.known
        digest = sha256()
        for piece in self.pieces:
            digest.update(piece)
        return digest.hexdigest()
