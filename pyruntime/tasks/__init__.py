"""Work in the background, when the machine has time, power and coolness for it: Core ML's neighbour BackgroundTasks."""

from __future__ import annotations

from pyruntime.tasks.clock import Clock
from pyruntime.tasks.conditions import Condition, Conditions
from pyruntime.tasks.errors import (
    SchedulerUnavailable,
    TaskNotPermitted,
    TaskSchedulerError,
    TooManyPendingTaskRequests,
)
from pyruntime.tasks.machine import Machine
from pyruntime.tasks.request import ProcessingTaskRequest
from pyruntime.tasks.schedule import schedule_update
from pyruntime.tasks.scheduler import PendingStatus, SchedulerStatus, TaskScheduler, state_folder
from pyruntime.tasks.store import Outcome, Run
from pyruntime.tasks.task import ProcessingTask
from pyruntime.tasks.updates import UpdateTaskHandler

__all__ = [
    "Clock",
    "Condition",
    "Conditions",
    "Machine",
    "Outcome",
    "PendingStatus",
    "ProcessingTask",
    "ProcessingTaskRequest",
    "Run",
    "SchedulerStatus",
    "SchedulerUnavailable",
    "TaskNotPermitted",
    "TaskScheduler",
    "TaskSchedulerError",
    "TooManyPendingTaskRequests",
    "UpdateTaskHandler",
    "schedule_update",
    "state_folder",
]
