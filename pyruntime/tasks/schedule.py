"""schedule_update: an update as a request."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyruntime.errors import ModelIOError, UpdateError
from pyruntime.tasks.options import to_payload
from pyruntime.tasks.request import ProcessingTaskRequest
from pyruntime.tasks.scheduler import TaskScheduler
from pyruntime.tasks.updates import NAME, register_updates

if TYPE_CHECKING:
    from pyruntime.training.options import TrainingOptions

AnyPath = str | os.PathLike[str]
SUFFIXES = (".mlmodel", ".mlmodelc")
METRICS = ("accuracy", "loss")


def schedule_update(
    model: AnyPath,
    data: AnyPath,
    output: AnyPath,
    *,
    identifier: str | None = None,
    scheduler: TaskScheduler | None = None,
    checkpoint: AnyPath | None = None,
    checkpoint_seconds: float = 30.0,
    parameters: Mapping[str, Any] | None = None,
    options: TrainingOptions | None = None,
    guard: AnyPath | None = None,
    guard_metric: str = "accuracy",
    guard_tolerance: float = 0.0,
    keep_generations: int | None = None,
    **conditions: Any,
) -> ProcessingTaskRequest:
    """Let a model learn in the background, and write what it became to `output` (.mlmodelc or .mlmodel).

    data: a folder with a folder of pictures per class, or a JSON-lines file, read when the task runs.
    identifier: by default one that belongs to `output`: another update for the same output replaces the pending one.
    scheduler: by default TaskScheduler.shared.  It, or `pyruntime tasks run`, runs it.
    checkpoint: by default a file beside the scheduler's requests.
    parameters: of the update, such as {"epochs": 20}.
    options: of MLUpdateTask; not of Core ML.
    guard, guard_metric, guard_tolerance: examples as in `data` for an UpdateGuard: a worse model is not written.
    keep_generations: of `output`, as for MLModel.write.
    conditions: more arguments of ProcessingTaskRequest, such as requires_external_power=True.

    Gives the request.  Raises what can be wrong at once: the model cannot be read or is not updatable, parameters are
    not allowed, data or the folder of `output` is not there.
    """
    scheduler = scheduler or TaskScheduler.shared
    register_updates(scheduler)
    target = _target(output)
    wanted = None if guard is None else _guard(guard, guard_metric, guard_tolerance)
    payload = {
        "model": os.path.abspath(model), "data": _examples(data, "data"), "output": str(target), "guard": wanted,
        "checkpoint": None if checkpoint is None else os.path.abspath(checkpoint),
        "checkpoint_seconds": float(checkpoint_seconds), "keep_generations": keep_generations,
        "parameters": _parameters(model, dict(parameters or {})), "options": to_payload(options),
        "token": uuid.uuid4().hex,
    }  # fmt: skip
    request = ProcessingTaskRequest(
        identifier or f"update:{str(target)[-200:]}",
        handler=NAME,
        payload=payload,
        **{"storage_path": str(target.parent), **conditions},
    )
    scheduler.submit(request)
    return request


def _target(output: AnyPath) -> Path:
    target = Path(os.path.abspath(output))
    if target.suffix.lower() not in SUFFIXES:
        raise UpdateError(f"output {os.fspath(output)}: a learned model is saved as {' or '.join(SUFFIXES)}")
    if not os.access(target.parent, os.W_OK):
        raise ModelIOError(f"output {os.fspath(output)}: cannot write into the folder {target.parent}")
    return target


def _examples(path: AnyPath, what: str) -> str:
    if not os.path.exists(path):
        raise UpdateError(f"{what} {os.fspath(path)}: there is no such folder or file")
    return os.path.abspath(path)


def _guard(path: AnyPath, metric: str, tolerance: float) -> dict[str, Any]:
    if metric not in METRICS:
        raise UpdateError(f"guard_metric {metric!r}: expected {' or '.join(METRICS)}")
    if not 0 <= tolerance < float("inf"):
        raise UpdateError(f"guard_tolerance {tolerance!r}: expected a number from 0")
    return {"data": _examples(path, "guard"), "metric": metric, "tolerance": float(tolerance)}


def _parameters(model: AnyPath, parameters: dict[str, Any]) -> dict[str, Any]:
    """Checked, and with a seed: an update that is killed before its first checkpoint begins with the same numbers."""
    from pyruntime.config import MLModelConfiguration
    from pyruntime.model import MLModel

    opened = MLModel(model, configuration=MLModelConfiguration(parameters=parameters))
    if not opened.is_updatable:
        raise UpdateError(
            f"{os.fspath(model)} is not updatable: it was not made to learn; of a network, "
            "pyruntime.make_updatable(model, layers) makes one that can"
        )
    for key in opened.model_description.parameter_descriptions_by_key:
        if key.name == "seed" and opened.parameter_value(key) is None:
            parameters[str(key)] = secrets.randbelow(1 << 31)
    return parameters
