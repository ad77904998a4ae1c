"""A model that learns in the background: MLUpdateTask as a task of the scheduler.

Nothing is lost at any moment.  Before the end there is the checkpoint of the update; then what was learned is saved
beside it as a whole, and only then written to its place: a run that finds it there has nothing left to do but that.
"""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyruntime.errors import ModelIOError, UpdateCancelled, UpdateError
from pyruntime.tasks.options import from_payload, to_payload
from pyruntime.tasks.request import ProcessingTaskRequest
from pyruntime.tasks.scheduler import TaskScheduler
from pyruntime.tasks.task import ProcessingTask

if TYPE_CHECKING:
    from pyruntime.model import MLModel
    from pyruntime.training.options import TrainingOptions

# Models, and NumPy with them, are imported when an update runs: a timer asks every few minutes whether one may.

NAME = "pyruntime.update"
"""Of the handler, in requests."""
SUFFIXES = (".mlmodel", ".mlmodelc")
UPDATES = "updates"
"""The folder of checkpoints, beside the requests."""


class UpdateTaskHandler:
    """The launch handler of requests that `schedule_update` makes: `scheduler.register_handler(NAME, …)`.

    When it expires, the update is cancelled at the end of its mini-batch, which saves a checkpoint, and the same
    request waits again; the next run goes on from there, to the bits that a run without a pause would have ended with.
    """

    def __init__(self, scheduler: TaskScheduler) -> None:
        self._scheduler = scheduler

    def __call__(self, task: ProcessingTask) -> None:
        """Raises what MLModel and MLUpdateTask raise; the scheduler then tries again later."""
        from pyruntime.model import MLModel

        payload = task.request.payload
        files = _Files(self._scheduler.folder, payload)
        self._sweep()
        if not files.learned.exists() and not self._learn(task, files, payload):
            return
        _write(MLModel(files.learned), files.output)
        self._withdraw(task)
        task.after = files.forget
        task.set_task_completed(True)

    def _submit_again(self, task: ProcessingTask) -> None:
        """Unless somebody wants another update under this name by now."""
        if all(one.identifier != task.identifier for one in self._scheduler.pending()):
            self._scheduler.submit(task.request)

    def _withdraw(self, task: ProcessingTask) -> None:
        """What was submitted again, when it could end after all."""
        if any(one.payload.get("token") == task.request.payload["token"] for one in self._scheduler.pending()):
            self._scheduler.cancel(task.identifier)

    def _sweep(self) -> None:
        """Files of updates that nobody waits for any more: cancelled, replaced, or killed in their last moment."""
        wanted = {str(request.payload.get("token")) for request in self._scheduler.known_requests()}
        for path in Path(self._scheduler.folder, UPDATES).glob("*.*"):
            if path.stem not in wanted and path.suffix in (".checkpoint", ".mlmodel"):
                path.unlink(missing_ok=True)

    def _learn(self, task: ProcessingTask, files: _Files, payload: Mapping[str, Any]) -> bool:
        """Go on, and save what was learned beside the checkpoint.  False: it was cancelled, and is pending again."""
        from pyruntime.update.checkpoint import CheckpointError

        try:
            learned = self._update(task, files, payload)
        except CheckpointError:  # the examples are others than when it stopped, or it is damaged: begin anew
            files.checkpoint.unlink(missing_ok=True)
            learned = self._update(task, files, payload)
        if learned is None:
            task.set_task_completed(False, f"stopped, goes on later: {task.expiration_reason}")
            return False
        os.makedirs(files.learned.parent, mode=0o700, exist_ok=True)
        learned.save(files.learned)
        return True

    def _update(self, task: ProcessingTask, files: _Files, payload: Mapping[str, Any]) -> MLModel | None:
        """What the model becomes; None when it was cancelled."""
        from pyruntime.config import MLModelConfiguration
        from pyruntime.model import MLModel
        from pyruntime.update import MLUpdateTask

        model = MLModel(payload["model"], configuration=MLModelConfiguration(parameters=payload["parameters"]))
        keeps = _learns_in_epochs(model)
        os.makedirs(files.checkpoint.parent, mode=0o700, exist_ok=True)
        update = MLUpdateTask(
            model, read_examples(payload["data"], model), checkpoint=files.checkpoint if keeps else None,
            checkpoint_seconds=payload["checkpoint_seconds"], options=from_payload(payload.get("options")),
        )  # fmt: skip

        def expired() -> None:
            try:
                self._submit_again(task)  # first: what follows may take longer than there is time
            finally:
                update.cancel()

        task.expiration_handler = expired
        with suppress(UpdateError):  # it has been cancelled already: `error` says so
            update.resume()
        update.wait()
        if isinstance(update.error, UpdateCancelled) and task.is_expired:
            return None
        if update.error or update.context is None:
            raise update.error or UpdateError("the update ended without a result")
        return update.context.model


def schedule_update(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    identifier: str | None = None,
    scheduler: TaskScheduler | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 30.0,
    parameters: Mapping[str, Any] | None = None,
    options: TrainingOptions | None = None,
    **conditions: Any,
) -> ProcessingTaskRequest:
    """Let a model learn in the background, and write what it became to `output` (.mlmodelc or .mlmodel).

    data: a folder with a folder of pictures per class, or a JSON-lines file, read when the task runs.
    identifier: by default one that belongs to `output`: another update for the same output replaces the pending one.
    scheduler: by default TaskScheduler.shared.  It, or `pyruntime tasks run`, runs it.
    checkpoint: by default a file beside the scheduler's requests.
    parameters: of the update, such as {"epochs": 20}.
    options: of MLUpdateTask; not of Core ML.
    conditions: more arguments of ProcessingTaskRequest, such as requires_external_power=True.

    Gives the request.  Raises what can be wrong at once: the model cannot be read or is not updatable, parameters are
    not allowed, data or the folder of `output` is not there.
    """
    scheduler = scheduler or TaskScheduler.shared
    register_updates(scheduler)
    target = Path(os.path.abspath(output))
    if target.suffix.lower() not in SUFFIXES:
        raise UpdateError(f"output {os.fspath(output)}: a learned model is saved as {' or '.join(SUFFIXES)}")
    if not os.access(target.parent, os.W_OK):
        raise ModelIOError(f"output {os.fspath(output)}: cannot write into the folder {target.parent}")
    if not os.path.exists(data):
        raise UpdateError(f"data {os.fspath(data)}: there is no such folder or file")
    payload = {
        "model": os.path.abspath(model), "data": os.path.abspath(data), "output": str(target),
        "checkpoint": None if checkpoint is None else os.path.abspath(checkpoint),
        "checkpoint_seconds": float(checkpoint_seconds),
        "parameters": _parameters(model, dict(parameters or {})), "options": to_payload(options),
        "token": uuid.uuid4().hex,
    }  # fmt: skip
    request = ProcessingTaskRequest(
        identifier or _identifier(target),
        handler=NAME,
        payload=payload,
        **{"storage_path": str(target.parent), **conditions},
    )
    scheduler.submit(request)
    return request


def register_updates(scheduler: TaskScheduler) -> None:
    """Let a scheduler run what `schedule_update` submits; asked twice, once is enough."""
    if not scheduler.handles(NAME):
        scheduler.register_handler(NAME, UpdateTaskHandler(scheduler))


def read_examples(path: str, model: MLModel) -> Any:
    """Examples of a folder or file, read one by one as they are needed, as `pyruntime update --data` does.

    Raises UpdateError, FeatureTypeError.
    """
    from pyruntime.cli.training_data import Examples
    from pyruntime.cli.training_data import read_examples as read

    def silent(text: str) -> None:
        """What was changed in pictures is not told anybody."""

    return Examples(read(path, model.model_description, silent), silent)


class _Files:
    """Where one update keeps what it has: named after its submission, so that another one finds nothing of it."""

    def __init__(self, folder: str, payload: Mapping[str, Any]) -> None:
        own = Path(folder) / UPDATES / str(payload["token"])
        self.output = Path(payload["output"])
        self.checkpoint = Path(payload["checkpoint"] or own.with_suffix(".checkpoint"))
        self.learned = own.with_suffix(".mlmodel")

    def forget(self) -> None:
        for path in (self.checkpoint, self.learned):
            with suppress(OSError):
                path.unlink()


def _identifier(target: Path) -> str:
    """One for each output; of a long path its end."""
    return f"update:{str(target)[-200:]}"


def _parameters(model: str | os.PathLike[str], parameters: dict[str, Any]) -> dict[str, Any]:
    """Checked, and with a seed: an update that is killed before its first checkpoint begins with the same numbers."""
    from pyruntime.config import MLModelConfiguration
    from pyruntime.model import MLModel

    opened = MLModel(model, configuration=MLModelConfiguration(parameters=parameters))
    if not opened.is_updatable:
        raise UpdateError(f"{os.fspath(model)} is not updatable: it was not made to learn on the device")
    for key in opened.model_description.parameter_descriptions_by_key:
        if key.name == "seed" and opened.parameter_value(key) is None:
            parameters[str(key)] = secrets.randbelow(1 << 31)
    return parameters


def _learns_in_epochs(model: MLModel) -> bool:
    """Others read each example once, and have nothing to go on from."""
    return any(key.name == "epochs" for key in model.model_description.parameter_descriptions_by_key)


def _write(model: MLModel, target: Path) -> None:
    if target.suffix.lower() == ".mlmodel":
        model.save(target)
    else:
        model.write(target)
