"""An update task with a progress bar, stopped cleanly by Ctrl-C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.curves import curves
from pyruntime.cli.training_data import Examples
from pyruntime.errors import UpdateError
from pyruntime.model import MLModel
from pyruntime.tables import counted
from pyruntime.training.options import TrainingOptions
from pyruntime.update import (
    MLUpdateContext,
    MLUpdateProgressHandlers,
    MLUpdateTask,
    TrainingHistory,
    UpdateEvent,
    UpdateGuard,
)

POLL = 0.2  # seconds between looks at the keyboard


@dataclass(frozen=True)
class Learned:
    """history: of the epochs, empty for models without.  parameters: as used, by key."""

    model: MLModel
    history: TrainingHistory
    parameters: dict[str, Any]


def learn(
    model: MLModel, examples: Examples, held: Examples, console: Console, *, guard: UpdateGuard | None = None,
    options: TrainingOptions | None = None,
) -> Learned:  # fmt: skip
    """What the model becomes with the examples; it and its file stay.  Raises MLModelError or KeyboardInterrupt.

    The caller holds the lock of the model, until it has saved the result.

    held: measured at the end of each epoch, may be empty.
    """
    epochs = _epochs(model)
    history = TrainingHistory()

    def picture(width: int, colour: bool, encoding: str) -> str:
        return curves(history, width, colour=colour, encoding=encoding)

    what = f"Learning {counted(len(examples), 'example')}"
    with console.progress(what, epochs or len(examples), picture if epochs else None) as progress:
        data = examples if epochs else Examples(examples.items, console.note_once, read=progress)

        def tell(context: MLUpdateContext) -> None:
            history.add(context.metrics)
            progress(float(context.metrics["epochIndex"]) + 1, _note(context.metrics))

        handlers = MLUpdateProgressHandlers(UpdateEvent.EPOCH_END, tell)
        hold_out = held if epochs and len(held) else None
        task = MLUpdateTask(
            model, data, progress_handlers=handlers, validation_data=hold_out, guard=guard, options=options,
            exclusive=False,
        )  # fmt: skip
        task.resume()
        try:
            while not task.wait(POLL):
                pass
        except KeyboardInterrupt:
            task.cancel()
            task.wait()
            raise
    if task.error:
        raise task.error
    if task.context is None:
        raise UpdateError("the update ended without a result; nothing was saved")
    return Learned(task.context.model, history, {str(key): value for key, value in task.context.parameters.items()})


def _note(metrics: Mapping[str, Any]) -> str:
    """The metrics of an epoch, in a line."""
    pieces = [f"loss {metrics['lossValue']:.4g}"]
    if "accuracy" in metrics:
        pieces.append(f"accuracy {metrics['accuracy']:.1%}")
    if "validationLoss" in metrics:
        pieces.append(f"hold-out loss {metrics['validationLoss']:.4g}")
    if "validationAccuracy" in metrics:
        pieces.append(f"hold-out accuracy {metrics['validationAccuracy']:.1%}")
    return ", ".join(pieces)


def _epochs(model: MLModel) -> int:
    """Passes over the data; 0 for models that learn in one."""
    keys = [key for key in model.model_description.parameter_descriptions_by_key if key.name == "epochs"]
    return int(model.parameter_value(keys[0])) if keys else 0
