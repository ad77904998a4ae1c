"""What an update tells about itself: provenance for the generation that it is written as, and the locks it holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pyruntime.compiled.examples import detached
from pyruntime.compiled.lineage import Lineage
from pyruntime.compiled.locks import UpdateLock, model_lock
from pyruntime.compiled.provenance import MOST_UPDATES, Update, now
from pyruntime.compiled.reading import newest_number
from pyruntime.errors import UpdateLocked
from pyruntime.parameters import ParameterKey
from pyruntime.spec.writer import model_pieces
from pyruntime.update.checkpoint import CheckpointFile
from pyruntime.update.examples import Examples

if TYPE_CHECKING:
    from pyruntime.model import MLModel
    from pyruntime.training.options import TrainingOptions


class Record:
    """Of one update of `model` with `examples`, from `start` on.

    metrics, guard: as Update has them; whoever measures puts them here.
    """

    def __init__(self, model: MLModel, examples: Examples, options: TrainingOptions | None) -> None:
        self._model, self._examples = model, examples
        given = {} if options is None else {f.name: (getattr(options, f.name), f.default) for f in fields(options)}
        self._options = {name: str(value) for name, (value, default) in given.items() if repr(value) != repr(default)}
        self._start = time.monotonic()
        self.metrics: Mapping[str, Any] = {}
        self.guard: Mapping[str, Any] = {}

    def start(self) -> None:
        """The hash by which the result will name the model that it comes from, while nothing has changed it yet."""
        self._start = time.monotonic()
        lineage = self._model._lineage
        if lineage.model is None:
            self._model._lineage = lineage._replace(model=model_hash(self._model))

    def lineage(self, parameters: Mapping[ParameterKey, Any]) -> Lineage:
        """Of the model as the update has made it by now."""
        base = self._model._lineage
        update = Update(
            now(), time.monotonic() - self._start, len(self._examples), self._examples.digest,
            {str(key): value for key, value in parameters.items()}, dict(self.metrics), dict(self.guard), self._options,
        )  # fmt: skip
        updates = (*base.updates, update)[-MOST_UPDATES:]
        return base._replace(provenance={}, updates=updates)


def model_hash(model: MLModel) -> str:
    """SHA-256 of the model as a compiled directory has it."""
    digest = sha256()
    for piece in model_pieces(detached(model._lean)[0]):
        digest.update(piece)
    return digest.hexdigest()


class Locks:
    """Of one update: on the compiled model that it comes from, if it may be written, and on its checkpoint.

    newest: the update is to begin with the newest generation, not with a model that somebody holds.
    """

    def __init__(self, model: MLModel, checkpoint: CheckpointFile | None, *, exclusive: bool, newest: bool) -> None:
        self._locks: list[UpdateLock] = []
        self._lineage = model._lineage if exclusive and newest else None
        if model._lineage.path is not None and exclusive:
            self._locks.append(model_lock(model._lineage.path))
        if checkpoint is not None:
            self._locks.append(UpdateLock(f"{checkpoint.path}.lock", f"the checkpoint {checkpoint.path}"))

    def acquire(self) -> None:
        """Raises UpdateLocked when another update holds one of them, or has just been at work; then it holds none."""
        try:
            for lock in self._locks:
                lock.acquire()
            if self._lineage is not None and self._lineage.path is not None:
                _check_newest(self._lineage.path, self._lineage)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        for lock in self._locks:
            lock.release()


def _check_newest(path: str, lineage: Lineage) -> None:
    number = newest_number(path)
    if number is not None and number > lineage.seen:
        raise UpdateLocked(
            f"{path} got generation {number} after this task opened generation {lineage.number}; nothing was started: "
            "make the task again, to learn on top of the newest one"
        )
