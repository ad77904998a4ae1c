"""Checkpoints: all that an update needs to go on as if it had never stopped, in one file.

A file is a mark, the SHA-256 of what follows, the length of a JSON header, the header, and the arrays one after the
other.  It is written beside its place and renamed, so it is there as a whole or not at all.  The one before stays
beside it, for a disk that damages the newest one: going on from either ends with the same bits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import DamageWarning, ModelIOError, UpdateError
from pyruntime.spec.writer import is_unfinished, write_atomically

MARK = b"pyruntime update 1\n"
HEADER = struct.Struct("<Q")
TYPES: dict[str, np.dtype[Any]] = {"<f4": np.dtype("<f4"), "<i8": np.dtype("<i8")}
Array = NDArray[Any]


class CheckpointError(UpdateError):
    """The checkpoint that is there is damaged, or of another update."""


@dataclass(frozen=True)
class Progress:
    """How far an update is.

    epoch, batch: the next mini-batch.  total: the sum of the losses of this epoch's examples.  right: how many of them
    were right; None when nobody counts.  order: that of the epoch.  random: the state of the generator behind it.
    step: steps made.  parameters: values by name, those that a handler changed included.  weights, states: as they are
    after the last step.
    """

    epoch: int
    batch: int
    total: float
    right: float | None
    order: Array
    random: Mapping[str, Any]
    step: int
    parameters: Mapping[str, Any]
    weights: Sequence[Array]
    states: Sequence[Array]


class _Damaged(CheckpointError):
    """Of no use to any update."""


class CheckpointFile:
    """Where an update keeps its progress.  seconds: between two checkpoints inside an epoch."""

    def __init__(self, path: str | os.PathLike[str], seconds: float) -> None:
        self.path = os.fspath(path)
        self._seconds = seconds
        self._last = time.monotonic()
        self._sound = True
        """The file at `path` is of use, as far as we know: it becomes the previous one, not the other way round."""

    @property
    def previous(self) -> str:
        """The path of the checkpoint before."""
        return f"{os.path.realpath(self.path)}.previous"

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def save(self, update: str, progress: Progress) -> None:
        """update: which one it is, see `digest`.  Raises UpdateError; the checkpoint before is then still there."""
        arrays = [np.ascontiguousarray(a) for a in (progress.order, *progress.weights, *progress.states)]
        header = {
            "update": update, "epoch": progress.epoch, "batch": progress.batch, "total": progress.total.hex(),
            "right": progress.right,
            "random": progress.random, "step": progress.step, "parameters": dict(progress.parameters),
            "weights": len(progress.weights), "arrays": [[a.dtype.str, list(a.shape)] for a in arrays],
        }  # fmt: skip
        text = json.dumps(header).encode()
        pieces = [HEADER.pack(len(text)), text, *(a.tobytes() for a in arrays)]
        check = hashlib.sha256()
        for piece in pieces:
            check.update(piece)
        try:
            previous = self.previous if self._sound else None
            write_atomically(self.path, [MARK, check.digest(), *pieces], previous=previous)
            self._sound = True
        except ModelIOError as error:
            raise UpdateError(f"the checkpoint: {error}") from None
        self._last = time.monotonic()

    def load(self, update: str) -> Progress | None:
        """The progress that is there; None without a file.

        A damaged file gives the one before, with a DamageWarning.  Raises CheckpointError when there is none, and for
        the checkpoint of another update.  What a killed update was writing is removed: there is one update at a time.
        """
        self._remove_unfinished()
        try:
            progress = self._read(self.path, update)
        except _Damaged:
            try:
                progress = self._read(self.previous, update)
            except CheckpointError:
                progress = None
            if progress is None:
                raise
            self._sound = False
            message = f"{self.path} is damaged; the update goes on from the checkpoint before, {self.previous}"
            warnings.warn(message, DamageWarning, stacklevel=2)
            return progress
        return self._read(self.previous, update) if progress is None else progress

    def _read(self, path: str, update: str) -> Progress | None:
        try:
            with open(path, "rb") as file:
                data = memoryview(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            kind = _Damaged if error.errno == errno.EIO else UpdateError
            raise kind(f"the checkpoint {path} cannot be read: {error.strerror}") from None
        body = data[len(MARK) + 32 :]
        if data[: len(MARK)] != MARK or hashlib.sha256(body).digest() != data[len(MARK) : len(MARK) + 32]:
            raise _Damaged(f"{path} is no checkpoint, or a damaged one; remove it to begin anew, or give another path")
        (length,) = HEADER.unpack_from(body)
        header = json.loads(bytes(body[HEADER.size : HEADER.size + length]))
        if header["update"] != update:
            raise CheckpointError(
                f"{path} is the checkpoint of another update: model, examples or parameters differ; remove it to "
                "begin anew, or give another path"
            )
        arrays = list(_arrays(body[HEADER.size + length :], header["arrays"]))
        count = header["weights"]
        return Progress(
            header["epoch"], header["batch"], float.fromhex(header["total"]), header.get("right"), arrays[0],
            header["random"],
            header["step"], header["parameters"], arrays[1 : 1 + count], arrays[1 + count :],
        )  # fmt: skip

    def _remove_unfinished(self) -> None:
        folder, name = os.path.split(os.path.realpath(self.path))
        with suppress(OSError):
            for entry in os.listdir(folder):
                if is_unfinished(entry, name):
                    os.unlink(os.path.join(folder, entry))

    def remove(self) -> None:
        """The update is complete."""
        for path in (self.previous, self.path):
            with suppress(FileNotFoundError):
                os.unlink(path)


def _arrays(data: memoryview, described: Sequence[Any]) -> Iterable[Array]:
    at = 0
    for kind, shape in described:
        dtype = TYPES[kind]
        count = int(np.prod(shape, dtype=np.int64))
        yield np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize


def digest(parts: Iterable[bytes | Array]) -> str:
    """Which update it is: the same bytes in the same order."""
    check = hashlib.sha256()
    for part in parts:
        data = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else np.ascontiguousarray(part)
        check.update(struct.pack("<Q", data.nbytes))
        check.update(data.reshape(-1).view(np.uint8).data)
    return check.hexdigest()
