"""An update task with a progress bar, stopped cleanly by Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.cli.console import Console, Progress
from pyruntime.cli.training_data import Examples
from pyruntime.errors import UpdateError
from pyruntime.model import MLModel
from pyruntime.update import MLUpdateContext, MLUpdateProgressHandlers, MLUpdateTask, UpdateEvent

POLL = 0.2  # seconds between looks at the keyboard


@dataclass(frozen=True)
class Learned:
    """losses: per epoch, empty for models without epochs.  parameters: as used, by key."""

    model: MLModel
    losses: list[float]
    parameters: dict[str, Any]


def learn(path: str, model: MLModel, examples: Examples, console: Console) -> Learned:
    """Train a copy of the model at `path`; the file stays.  Raises UpdateError, or KeyboardInterrupt."""
    epochs = _epochs(model)
    done: list[MLUpdateContext] = []
    losses: list[float] = []
    with console.progress(f"Learning {len(examples)} examples", epochs or len(examples)) as progress:
        if not epochs:
            examples = Examples(examples.items, console.note_once, read=progress)
        handlers = MLUpdateProgressHandlers(
            UpdateEvent.EPOCH_END,
            lambda context: _epoch(context, losses, progress),
            completion_handler=done.append,
        )
        task = MLUpdateTask(path, examples, model.configuration, progress_handlers=handlers)
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
    if not done:
        raise UpdateError("the update ended without a result; nothing was saved")
    context = done[-1]
    return Learned(context.model, losses, {str(key): value for key, value in context.parameters.items()})


def _epoch(context: MLUpdateContext, losses: list[float], progress: Progress) -> None:
    loss = context.metrics.get("lossValue")
    if loss is not None:
        losses.append(float(loss))
    progress(float(context.metrics["epochIndex"]) + 1, "" if loss is None else f"loss {float(loss):.4g}")


def _epochs(model: MLModel) -> int:
    """Passes over the data; 0 for models that learn in one."""
    from pyruntime.parameters import describe_parameters

    parameters = describe_parameters(model.engine.part.spec)
    epochs = [parameter for key, parameter in parameters.items() if key.name == "epochs"]
    return int(model.parameter_value(epochs[0].key)) if epochs else 0
