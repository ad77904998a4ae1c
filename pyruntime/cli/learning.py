"""An update task with a progress bar, stopped cleanly by Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.cli.console import Console, Progress
from pyruntime.cli.training_data import Examples
from pyruntime.errors import UpdateError
from pyruntime.model import MLModel
from pyruntime.tables import counted
from pyruntime.update import MLUpdateContext, MLUpdateProgressHandlers, MLUpdateTask, UpdateEvent, UpdateGuard

POLL = 0.2  # seconds between looks at the keyboard


@dataclass(frozen=True)
class Learned:
    """losses: per epoch, empty for models without epochs.  parameters: as used, by key."""

    model: MLModel
    losses: list[float]
    parameters: dict[str, Any]


def learn(model: MLModel, examples: Examples, console: Console, guard: UpdateGuard | None = None) -> Learned:
    """What the model becomes with the examples; it and its file stay.  Raises MLModelError or KeyboardInterrupt."""
    epochs = _epochs(model)
    losses: list[float] = []
    with console.progress(f"Learning {counted(len(examples), 'example')}", epochs or len(examples)) as progress:
        data = examples if epochs else Examples(examples.items, console.note_once, read=progress)
        handlers = MLUpdateProgressHandlers(UpdateEvent.EPOCH_END, lambda context: _epoch(context, losses, progress))
        task = MLUpdateTask(model, data, progress_handlers=handlers, guard=guard)
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
    return Learned(task.context.model, losses, {str(key): value for key, value in task.context.parameters.items()})


def _epoch(context: MLUpdateContext, losses: list[float], progress: Progress) -> None:
    """Note the loss, and move the bar by one pass over the examples."""
    loss = float(context.metrics["lossValue"])
    losses.append(loss)
    progress(float(context.metrics["epochIndex"]) + 1, f"loss {loss:.4g}")


def _epochs(model: MLModel) -> int:
    """Passes over the data; 0 for models that learn in one."""
    keys = [key for key in model.model_description.parameter_descriptions_by_key if key.name == "epochs"]
    return int(model.parameter_value(keys[0])) if keys else 0
