"""MLUpdateTask: states, the worker thread, handlers."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import MLModelError, ParametersError, UpdateCancelled, UpdateError, UpdateRefused
from pyruntime.model import MLModel
from pyruntime.parameters import ParameterKey, describe_parameters, find_parameter
from pyruntime.spec import LeanModel
from pyruntime.training.options import TrainingOptions
from pyruntime.update.checkpoint import CheckpointFile
from pyruntime.update.context import (
    Handler,
    MLUpdateContext,
    MLUpdateProgressHandlers,
    ParameterValues,
    TaskState,
    UpdateEvent,
)
from pyruntime.update.examples import Examples
from pyruntime.update.guard import UpdateGuard
from pyruntime.update.learner import make_learner
from pyruntime.update.models import model_like, open_model, update_error
from pyruntime.update.record import Locks, Record
from pyruntime.update.stream import EventStream, Waiters

ALL_EVENTS = UpdateEvent.TRAINING_BEGIN | UpdateEvent.EPOCH_END | UpdateEvent.MINI_BATCH_END


class MLUpdateTask:
    """MLUpdateTask: train a model with examples, on a thread of its own.  Runs once.

    model: path of an updatable model, or an opened MLModel.  It is never changed: the result is `context.model`.
    training_data: a list of dictionaries, a batch provider, or another thing with a length.
    configuration: as for MLModel; by default that of an opened model.
    completion_handler: called once at the end, also when it failed: look at `task.error`.
    progress_handlers: instead of completion_handler, when events are wanted too.
    validation_data: examples in the same forms that are not learned from.  A network is measured with them at the end
    of each epoch (metrics validationLoss, and accuracy and validationAccuracy of a classifier), a k-NN at the end.
    silent_cancel: no completion handler after `cancel`.
    checkpoint: path of a file that keeps a network's progress at the end of each epoch, after `cancel`, and every
    checkpoint_seconds.  A task for the same update goes on from it, to the same bits; a completed one removes it.
    options: what a network's training does beyond its file, see TrainingOptions; not of Core ML.
    guard: refuses a model that is worse on held-out examples, see UpdateGuard.
    exclusive: while it runs, no other update of the same writable .mlmodelc can; docs/generations.md.

    Nothing starts before `resume`.  Raises what MLModel raises for a bad path or parameter, UpdateError when the model
    is not updatable or the data is empty, SpecError when the file breaks a rule of updatable models, UnsupportedError
    when this release cannot train its type.

        task = MLUpdateTask("Stickers.mlmodelc", [{"drawing": picture, "label": "cat"}, …])
        context = await task                                # or: task.resume(); task.wait()
        context.model.write("Stickers.mlmodelc")
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | MLModel,
        training_data: Any,
        configuration: MLModelConfiguration | None = None,
        *,
        completion_handler: Handler | None = None,
        progress_handlers: MLUpdateProgressHandlers | None = None,
        validation_data: Any = None,
        silent_cancel: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 30.0,
        options: TrainingOptions | None = None,
        guard: UpdateGuard | None = None,
        exclusive: bool = True,
    ) -> None:
        if completion_handler is not None and progress_handlers is not None:
            raise TypeError("give the completion handler inside progress_handlers, or alone, not both")
        self._model = open_model(model, configuration)
        self._lean = self._model._lean
        self._handlers = progress_handlers or MLUpdateProgressHandlers(UpdateEvent(0), None, completion_handler)
        self._silent_cancel = silent_cancel
        self._described = describe_parameters(self._lean.spec)
        self._parameters = {key: self._model.parameter_value(key) for key in self._described}
        for key, value in self._parameters.items():
            if value is None and key.name == ParameterKey.SEED.name:  # drawn, and told to handlers
                self._parameters[key] = secrets.randbelow(1 << 31)
        self._learner = make_learner(self._model, self._lean, self._parameters, options)
        self._examples = Examples(training_data, self._learner.training_inputs)
        if validation_data is not None:
            self._learner.hold_out(Examples(validation_data, self._learner.training_inputs, "validation"))
        self._checkpoint = None if checkpoint is None else CheckpointFile(checkpoint, checkpoint_seconds)
        if self._checkpoint:
            self._learner.keep(self._checkpoint)
        self._guarded = None if guard is None else guard.begin(self._model, self._learner.training_inputs)
        self._record = Record(self._model, self._examples, options)
        self._locks = Locks(self._model, self._checkpoint, exclusive=exclusive, newest=not isinstance(model, MLModel))
        self._identifier = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._state = TaskState.SUSPENDED
        self._error: MLModelError | None = None
        self._thread: threading.Thread | None = None
        self._finished = threading.Event()
        self._stream: EventStream | None = None
        self._waiters = Waiters()
        self._result: MLUpdateContext | None = None

    @property
    def task_identifier(self) -> str:
        """A text that no other task has."""
        return self._identifier

    @property
    def state(self) -> TaskState:
        return self._state

    @property
    def error(self) -> MLModelError | None:
        """Why it failed; UpdateCancelled after `cancel`.  None while it runs and when it completed."""
        return self._error

    @property
    def context(self) -> MLUpdateContext | None:
        """What the completion handler gets; None before the end."""
        return self._result

    def resume(self, parameters: Mapping[Any, Any] | None = None) -> None:
        """Start.  In a progress handler: change parameters that are adjustable in progress, from the next batch on.

        Raises ParametersError for others, and UpdateError when the task is over: a task runs once.
        """
        changed = self._adjusted(parameters or {})
        with self._lock:
            if self._state in (TaskState.COMPLETED, TaskState.FAILED):
                raise UpdateError(f"the update is over ({self._state.name.lower()}); make another task to train again")
            self._parameters.update(changed)
            if self._state is TaskState.SUSPENDED:
                self._state = TaskState.RUNNING
                self._start()

    def _adjusted(self, parameters: Mapping[Any, Any]) -> dict[ParameterKey, Any]:
        changed = {}
        for key, value in parameters.items():
            described = find_parameter(key, self._described)
            value = described.checked(value)
            if not described.adjustable_in_progress and value != self._parameters[described.key]:
                raise ParametersError(
                    f"parameter {str(described.key)!r} cannot change in progress; "
                    "set it in the configuration that the task is made with"
                )
            changed[described.key] = value
        return changed

    def cancel(self) -> None:
        """Ask the task to stop, and return at once.  It fails with UpdateCancelled, unless it is over already."""
        with self._lock:
            if self._state in (TaskState.SUSPENDED, TaskState.RUNNING):
                started = self._state is TaskState.RUNNING
                self._state = TaskState.CANCELLING
                if not started:
                    self._start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the completion handler has returned; whether it has within `timeout` seconds.

        Raises UpdateError when the task was not started, and in its own handlers: both would wait forever.
        """
        if self._state is TaskState.SUSPENDED:
            raise UpdateError("the update was not started: call resume() before wait()")
        if threading.current_thread() is self._thread:
            raise UpdateError("a handler cannot wait for its own task, which waits for the handler")
        return self._finished.wait(timeout)

    def events(self, events: UpdateEvent = ALL_EVENTS) -> Iterator[MLUpdateContext]:
        """Start, and give a context per event as it happens; the task waits while the loop's body runs.

        Raises the task's error at the end when it failed.  Leaving the loop early lets the task go on by itself.
        """
        if self._stream is not None or self._state is not TaskState.SUSPENDED:
            raise UpdateError("events() starts the update, which runs already; use handlers instead")
        stream = self._stream = EventStream(events)
        self.resume()
        try:
            yield from stream
        finally:
            stream.close()
        self.wait()
        if self._error:
            raise self._error

    def __await__(self) -> Generator[Any, None, MLUpdateContext]:
        """Start if need be, and give the final context; raises the task's error.  Cancelling the await cancels it."""
        return self._finish_async().__await__()

    async def _finish_async(self) -> MLUpdateContext:
        if self._state is TaskState.SUSPENDED:
            self.resume()
        try:
            await self._waiters.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if self._error:
            raise self._error
        assert self._result is not None
        return self._result

    def _start(self) -> None:
        """A daemon thread: a program that ends does not wait for it, and nothing of it is half-written."""
        self._thread = threading.Thread(target=self._run, name=f"update-{self._identifier[:8]}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        error: MLModelError | None = None
        model = self._model
        metrics: Mapping[str, Any] = {}
        try:
            self.check()
            self._locks.acquire()
            self._record.start()
            if self._guarded:
                self._guarded.before(self.check)
            self._learner.learn(self._examples, self)
            model = self._with(self._learner.snapshot())
            metrics = self._record.metrics = self._learner.final_metrics(model, self)
            self._judge(model)
            self._complete()
        except UpdateRefused as refused:
            self._complete()
            error = refused
        except MLModelError as raised:
            error = raised
        except BaseException as raised:  # a daemon thread that dies of it would leave its waiters alone
            error = update_error("training raised", raised)
        self._finish(model, error, metrics)

    def _judge(self, model: MLModel) -> None:
        """Raises UpdateRefused."""
        if self._guarded:
            self._record.guard = self._guarded.after(model, self.check)
        if model is not self._model:
            model._lineage = self._record.lineage(self._parameters)

    def _complete(self) -> None:
        """Nothing is left to go on from."""
        if self._checkpoint:
            self._checkpoint.remove()

    def check(self) -> None:
        """For the learner: raises UpdateCancelled when somebody called `cancel`."""
        if self._state is TaskState.CANCELLING:
            raise UpdateCancelled("the update was cancelled; the model is unchanged")

    def restore(self, parameters: Mapping[str, Any]) -> None:
        """For the learner: values that its parameters had when it stopped."""
        self._parameters.update({ParameterKey(name, self._learner.scope): v for name, v in parameters.items()})

    def parameter(self, name: str) -> Any:
        """For the learner: the value that one of its parameters has now; None when it has no such parameter."""
        return self._parameters.get(ParameterKey(name, self._learner.scope))

    def report(self, event: UpdateEvent, metrics: Mapping[str, Any]) -> None:
        """For the learner: tell those who subscribed to `event`."""
        if event is UpdateEvent.EPOCH_END:
            self._record.metrics = metrics
        handler = self._handlers.progress_handler if event & self._handlers.events else None
        if handler is None and (self._stream is None or not self._stream.wants(event)):
            return
        snapshot = self._learner.snapshot()
        context = self._context(event, metrics, lambda: self._with(snapshot))
        if handler is not None:
            try:
                handler(context)
            except BaseException as raised:
                raise update_error(f"the progress handler raised at {event.name}", raised) from raised
        if self._stream is not None:
            self._stream.put(context)

    def _context(self, event: UpdateEvent, metrics: Mapping[str, Any], model: Callable[[], MLModel]) -> MLUpdateContext:
        values = ParameterValues(self._parameters, self._described)
        return MLUpdateContext(self, event, metrics, values, model)

    def _with(self, snapshot: Callable[[], LeanModel]) -> MLModel:
        lean = snapshot()
        if lean is self._lean:
            return self._model
        lineage = self._record.lineage(self._parameters)
        return model_like(self._model, lean, self._model.configuration, self._learner.places, lineage)

    def _kept(self) -> MLModel:
        """After a failure: the model as it was, or what the learner could save of it."""
        good = self._learner.last_good()
        return self._model if good is None else self._with(good)

    def _finish(self, model: MLModel, error: MLModelError | None, metrics: Mapping[str, Any]) -> None:
        """The state, then the completion handler, then those who wait."""
        with self._lock:
            if error is None and self._state is TaskState.CANCELLING:
                error = UpdateCancelled("the update was cancelled; the model is unchanged")
            self._error = error
            self._state = TaskState.FAILED if error else TaskState.COMPLETED
        self._result = self._context(
            UpdateEvent(0), {} if error else metrics, lambda: model if error is None else self._kept()
        )
        handler = self._handlers.completion_handler
        silent = self._silent_cancel and isinstance(error, UpdateCancelled)
        try:
            if handler is not None and not silent:
                handler(self._result)
        except BaseException as raised:
            self._error = error or update_error("the completion handler raised", raised)
            self._state = TaskState.FAILED
        finally:
            self._locks.release()
            self._release()

    def _release(self) -> None:
        self._finished.set()
        if self._stream is not None:
            self._stream.end()
        self._waiters.end()

    def __repr__(self) -> str:
        return f"MLUpdateTask({self._identifier[:8]}, {self._state.name.lower()})"
