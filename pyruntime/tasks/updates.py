"""A model that learns in the background: MLUpdateTask as a task of the scheduler.

Nothing is lost at any moment.  Before the end there is the checkpoint of the update; then what was learned is written
beside it as a whole, and only then to its place: a run that finds it there has nothing left to do but that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyruntime.errors import MLModelError, UpdateCancelled, UpdateError, UpdateRefused
from pyruntime.tasks.options import from_payload
from pyruntime.tasks.scheduler import TaskScheduler
from pyruntime.tasks.task import ProcessingTask

if TYPE_CHECKING:
    from pyruntime.model import MLModel

# Models, and NumPy with them, are imported when an update runs: a timer asks every few minutes whether one may.

NAME = "pyruntime.update"
"""Of the handler, in requests."""
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
        payload = task.request.payload
        files = _Files(self._scheduler.folder, payload)
        self._sweep()
        learned = files.read_learned()
        if learned is None:
            learned = self._learn(task, files, payload)
        if learned is None:
            return
        _write(learned, files.output, payload.get("keep_generations"))
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
            if path.name.split(".")[0] not in wanted:
                _remove(path)

    def _learn(self, task: ProcessingTask, files: _Files, payload: Mapping[str, Any]) -> MLModel | None:
        """Go on, and keep what was learned beside the checkpoint.  None: the task is over without it."""
        from pyruntime.update.checkpoint import CheckpointError, CheckpointFile
        from pyruntime.update.run import NotFinite

        try:
            try:
                learned = self._update(task, files, payload)
            except CheckpointError:  # the examples are others than when it stopped, or it is damaged: begin anew
                CheckpointFile(files.checkpoint, 0).remove()
                learned = self._update(task, files, payload)
        except (UpdateRefused, NotFinite) as error:  # it would end in the same way again
            self._withdraw(task)
            task.after = files.forget
            task.set_task_completed(False, str(error))
            return None
        if learned is None:
            task.set_task_completed(False, f"stopped, goes on later: {task.expiration_reason}")
        else:
            learned.write(files.learned)
        return learned

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
            guard=_guard(payload.get("guard"), model),
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


def register_updates(scheduler: TaskScheduler) -> None:
    """Let a scheduler run what `schedule_update` submits; asked twice, once is enough."""
    if not scheduler.handles(NAME):
        scheduler.register_handler(NAME, UpdateTaskHandler(scheduler))


def read_examples(path: str, model: MLModel) -> Any:
    """Examples of a folder or file, read one by one as they are needed, in the order of `pyruntime update --data`.

    Raises UpdateError, FeatureTypeError.
    """
    from pyruntime.cli.training_data import Examples, split
    from pyruntime.cli.training_data import read_examples as read

    def silent(text: str) -> None:
        """What was changed in pictures is not told anybody."""

    items, _ = split(read(path, model.model_description, silent), 0.0)
    return Examples(items, silent)


def _guard(wanted: Mapping[str, Any] | None, model: MLModel) -> Any:
    from pyruntime.update import UpdateGuard

    if wanted is None:
        return None
    return UpdateGuard(read_examples(wanted["data"], model), wanted["metric"], wanted["tolerance"])


class _Files:
    """Where one update keeps what it has: named after its submission, so that another one finds nothing of it."""

    def __init__(self, folder: str, payload: Mapping[str, Any]) -> None:
        own = Path(folder) / UPDATES / str(payload["token"])
        self.output = Path(payload["output"])
        self.checkpoint = Path(payload["checkpoint"] or own.with_suffix(".checkpoint"))
        self.learned = own.with_suffix(".mlmodelc")

    def read_learned(self) -> MLModel | None:
        """What a run before this one learned; None when there is none, or a part of it."""
        from pyruntime.model import MLModel

        try:
            return MLModel(self.learned) if self.learned.exists() else None
        except MLModelError:
            _remove(self.learned)
            return None

    def forget(self) -> None:
        from pyruntime.update.checkpoint import CheckpointFile

        CheckpointFile(self.checkpoint, 0).remove()
        for path in (Path(f"{self.checkpoint}.lock"), self.learned):
            _remove(path)


def _remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _learns_in_epochs(model: MLModel) -> bool:
    """Others read each example once, and have nothing to go on from."""
    return any(key.name == "epochs" for key in model.model_description.parameter_descriptions_by_key)


def _write(model: MLModel, target: Path, keep: int | None) -> None:
    if target.suffix.lower() == ".mlmodel":
        model.save(target)
    elif not _is_there(model, target):
        model.write(target, keep_generations=keep)


def _is_there(model: MLModel, target: Path) -> bool:
    """Whether a run that was killed had written it already: another generation would push an older one out."""
    from pyruntime.compiled.generations import generations
    from pyruntime.update.record import model_hash

    try:
        return target.exists() and generations(target)[-1].model_hash == model_hash(model)
    except (MLModelError, IndexError):
        return False
