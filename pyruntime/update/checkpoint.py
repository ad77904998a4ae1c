"""Checkpoints: all that an update needs to go on as if it had never stopped, in one file.

A file is a mark, the SHA-256 of what follows, the length of a JSON header, the header, and the arrays one after the
other.  It is written beside its place and renamed, so it is there as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import ModelIOError, UpdateError
from pyruntime.spec.writer import write_atomically

MARK = b"pyruntime update 1\n"
HEADER = struct.Struct("<Q")
TYPES: dict[str, np.dtype[Any]] = {"<f4": np.dtype("<f4"), "<i8": np.dtype("<i8")}
Array = NDArray[Any]


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


class CheckpointFile:
    """Where an update keeps its progress.  seconds: between two checkpoints inside an epoch."""

    def __init__(self, path: str | os.PathLike[str], seconds: float) -> None:
        self.path = os.fspath(path)
        self._seconds = seconds
        self._last = time.monotonic()

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
            write_atomically(self.path, [MARK, check.digest(), *pieces])
        except ModelIOError as error:
            raise UpdateError(f"the checkpoint: {error}") from None
        self._last = time.monotonic()

    def load(self, update: str) -> Progress | None:
        """The progress that is there; None without a file.  Raises UpdateError when it is damaged or another's."""
        try:
            with open(self.path, "rb") as file:
                data = memoryview(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UpdateError(f"the checkpoint {self.path} cannot be read: {error.strerror}") from None
        body = data[len(MARK) + 32 :]
        if data[: len(MARK)] != MARK or hashlib.sha256(body).digest() != data[len(MARK) : len(MARK) + 32]:
            raise UpdateError(
                f"{self.path} is no checkpoint, or a damaged one; remove it to begin anew, or give another path"
            )
        (length,) = HEADER.unpack_from(body)
        header = json.loads(bytes(body[HEADER.size : HEADER.size + length]))
        if header["update"] != update:
            raise UpdateError(
                f"{self.path} is the checkpoint of another update: model, examples or parameters differ; remove it to "
                "begin anew, or give another path"
            )
        arrays = list(_arrays(body[HEADER.size + length :], header["arrays"]))
        count = header["weights"]
        return Progress(
            header["epoch"], header["batch"], float.fromhex(header["total"]), header.get("right"), arrays[0],
            header["random"],
            header["step"], header["parameters"], arrays[1 : 1 + count], arrays[1 + count :],
        )  # fmt: skip

    def remove(self) -> None:
        """The update is complete."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)


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
