"""The epochs and mini-batches of one update, from wherever it stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import UpdateCancelled, UpdateError
from pyruntime.training.features import FeatureStore
from pyruntime.training.trainer import Trainer
from pyruntime.update.checkpoint import CheckpointFile, Progress, digest
from pyruntime.update.context import UpdateEvent
from pyruntime.update.holdout import HoldOut
from pyruntime.update.learner import Control

Floats = NDArray[np.float32]
FIXED = ("miniBatchSize", "epochs", "shuffle", "momentum", "beta1", "beta2", "eps")
"""Parameters that cannot change in progress: a checkpoint belongs to an update with the same ones."""


class NotFinite(UpdateError):
    """The loss is infinite or no number.  `task.context.model` has the last weights with a finite loss."""


class Run:
    """Mini-batches in their order.  With a checkpoint that has its progress, from there on."""

    def __init__(
        self,
        trainer: Trainer,
        store: FeatureStore,
        targets: Floats,
        control: Control,
        checkpoint: CheckpointFile | None,
        held: HoldOut | None = None,
    ) -> None:
        self._trainer, self._store, self._targets, self._control = trainer, store, targets, control
        self._checkpoint, self._held = checkpoint, held
        self.last_epoch: Mapping[str, Any] = {}
        """Metrics of the epoch that ended last."""
        self._random = np.random.default_rng(int(control.parameter("seed") or 0))
        self._size = min(int(control.parameter("miniBatchSize")), len(targets))
        self._epoch, self._batch, self._total = 0, 0, 0.0
        trainer.plan(-(-len(targets) // self._size), int(control.parameter("epochs")))
        self._right: float | None = 0.0
        """Right answers in this epoch; None when some of it was not counted, before it was interrupted."""
        self._update = digest(self._identity()) if checkpoint else ""
        progress = checkpoint.load(self._update) if checkpoint else None
        if progress is None:
            self._order = self._next_order()
        else:
            self._go_on(progress)

    def _next_order(self) -> NDArray[np.int64]:
        """Of the examples in the next epoch: with shuffle, `permutation` of NumPy's default_rng(seed)."""
        count = len(self._targets)
        return self._random.permutation(count) if self._control.parameter("shuffle") else np.arange(count)

    def epochs(self) -> None:
        """What is left of the update.  Raises NotFinite, UpdateCancelled, and UpdateError for a full disk."""
        try:
            while self._epoch < int(self._control.parameter("epochs")):
                self._one_epoch()
        except UpdateCancelled:
            self._save()
            raise

    def _one_epoch(self) -> None:
        """The mean loss of an epoch is that of its examples, each as it was before its own step."""
        while self._batch * self._size < len(self._order):
            self._one_batch()
            if self._checkpoint and self._checkpoint.is_due():
                self._save()
            self._control.check()
        self.last_epoch = self._metrics()
        self._control.report(UpdateEvent.EPOCH_END, self.last_epoch)
        self._epoch, self._batch, self._total, self._right = self._epoch + 1, 0, 0.0, 0.0
        self._order = self._next_order()
        if self._checkpoint:
            self._save()
        self._control.check()

    def _metrics(self) -> dict[str, Any]:
        """Of the epoch that ends."""
        metrics: dict[str, Any] = {"lossValue": self._total / len(self._order), "epochIndex": self._epoch}
        if self._trainer.counts_right and self._right is not None:
            metrics["accuracy"] = self._right / len(self._order)
        return metrics | (self._held.metrics(self._size) if self._held else {})

    def _one_batch(self) -> None:
        start = self._batch * self._size
        chosen = self._order[start : start + self._size]
        loss = self._step(chosen)
        if not math.isfinite(loss):
            raise NotFinite(
                f"the loss became {loss} in epoch {self._epoch}, mini-batch {self._batch} (both count from 0); "
                "a smaller learningRate may help; the original is unchanged, context.model has the last weights with a "
                "finite loss"
            )
        metrics = {"lossValue": loss, "epochIndex": self._epoch, "miniBatchIndex": self._batch}
        self._batch, self._total = self._batch + 1, self._total + loss * len(chosen)
        if self._right is not None:
            self._right += self._trainer.runner(len(chosen)).right
        self._control.report(UpdateEvent.MINI_BATCH_END, metrics)

    def _step(self, chosen: NDArray[np.int64]) -> float:
        runner = self._trainer.runner(len(chosen))
        self._store.take(chosen, runner.features)
        np.take(self._targets, chosen, axis=0, out=runner.target, mode="clip")
        self._trainer.steer(self._control.parameter)
        return runner.run()

    # checkpoints

    def _identity(self) -> Iterator[bytes | NDArray[Any]]:
        """What makes this update the one that it is."""
        yield from self._trainer.identity()
        for name in FIXED:
            yield repr(self._control.parameter(name)).encode()
        yield from self._store.arrays
        yield self._targets

    def _save(self) -> None:
        if not self._checkpoint:
            return
        weights = self._trainer.weights
        names = ("learningRate", "seed")
        parameters = {
            name: self._control.parameter(name) for name in names if self._control.parameter(name) is not None
        }
        right = self._right if self._trainer.counts_right else None
        progress = Progress(
            self._epoch, self._batch, self._total, right, self._order.astype(np.int64),
            self._random.bit_generator.state, weights.at, parameters, weights.now(), weights.states_now(),
        )  # fmt: skip
        self._checkpoint.save(self._update, progress)

    def _go_on(self, progress: Progress) -> None:
        self._epoch, self._batch, self._total = progress.epoch, progress.batch, progress.total
        self._right = progress.right if progress.batch else 0.0
        self._order = np.array(progress.order)
        self._random.bit_generator.state = progress.random
        self._trainer.weights.restore(progress.step, progress.weights, progress.states)
        self._control.restore(progress.parameters)
