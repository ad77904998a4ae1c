"""The metrics of an update's epochs, kept: as numbers, as a table, as a picture."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from pyruntime.errors import ModelIOError, UpdateError
from pyruntime.update.context import MetricKey, MLUpdateContext, MLUpdateProgressHandlers, UpdateEvent

COLUMNS = (
    MetricKey.EPOCH_INDEX,
    MetricKey.LOSS_VALUE,
    MetricKey.VALIDATION_LOSS,
    MetricKey.ACCURACY,
    MetricKey.VALIDATION_ACCURACY,
)


class TrainingHistory(MLUpdateProgressHandlers):
    """Progress handlers that remember what each epoch told; not Core ML's.

    then: handlers that are called as well.

        history = TrainingHistory()
        task = MLUpdateTask(model, examples, validation_data=others, progress_handlers=history)
        …
        history.save_plot("curve.png")
    """

    def __init__(self, then: MLUpdateProgressHandlers | None = None) -> None:
        events = UpdateEvent.EPOCH_END | (then.events if then else UpdateEvent(0))
        super().__init__(events, self._note, then.completion_handler if then else None)
        object.__setattr__(self, "_then", then)
        object.__setattr__(self, "_epochs", [])

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    _then: MLUpdateProgressHandlers | None
    _epochs: list[dict[str, Any]]

    def _note(self, context: MLUpdateContext) -> None:
        if context.event is UpdateEvent.EPOCH_END:
            self.add(context.metrics)
        then = self._then
        if then is not None and then.progress_handler is not None and context.event & then.events:
            then.progress_handler(context)

    def add(self, metrics: Any) -> None:
        """Note the metrics of an epoch.  Of one that was told before an interruption, the new ones count."""
        row = {str(getattr(key, "value", key)): value for key, value in metrics.items()}
        self._epochs[:] = [e for e in self._epochs if e.get("epochIndex") != row.get("epochIndex")]
        self._epochs.append(row)

    @property
    def epochs(self) -> tuple[dict[str, Any], ...]:
        """The metrics of each epoch that has ended, by text: see MetricKey."""
        return tuple(dict(epoch) for epoch in self._epochs)

    def series(self, key: MetricKey | str) -> list[tuple[int, float]]:
        """(epoch from 1, value) of the epochs that have this metric."""
        name = key.value if isinstance(key, MetricKey) else key
        return [(int(e["epochIndex"]) + 1, float(e[name])) for e in self._epochs if name in e]

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """A row per epoch, a column per metric, all digits; also written to `path`.  Raises ModelIOError."""
        columns = [key.value for key in COLUMNS if any(key.value in epoch for epoch in self._epochs)]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._epochs)
        if path is not None:
            _write(path, text.getvalue().encode())
        return text.getvalue()

    def save_plot(self, path: str | os.PathLike[str]) -> None:
        """Curves of loss and accuracy as a picture, .png or .svg.

        Raises ValueError for another name, UpdateError when no epoch has ended, ModelIOError when it cannot be written.
        """
        from pyruntime.update.plot import picture

        name = os.fspath(path)
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in (".png", ".svg"):
            raise ValueError(f"{name}: a plot is a picture, expected a name that ends in .png or .svg")
        if not self._epochs:
            raise UpdateError("there is nothing to plot: no epoch has ended (a k-NN learns without epochs)")
        _write(name, picture(self, suffix))

    def __repr__(self) -> str:
        return f"TrainingHistory({len(self._epochs)} epochs)"


def _write(path: str | os.PathLike[str], data: bytes) -> None:
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise ModelIOError(f"cannot write {os.fspath(path)}: {error.strerror}") from None
