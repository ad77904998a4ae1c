"""Errors of the scheduler.  `scheduler_code` is that of Core ML's neighbour, BGTaskScheduler.Error."""

from __future__ import annotations

from typing import ClassVar

from pyruntime.errors import MLModelError


class TaskSchedulerError(MLModelError):
    """A request was not accepted, or the scheduler cannot do its work.  Nothing was changed."""

    scheduler_code: ClassVar[int] = 0


class SchedulerUnavailable(TaskSchedulerError):
    """The file of requests cannot be read or written."""

    scheduler_code = 1


class TooManyPendingTaskRequests(TaskSchedulerError):
    """More requests wait than a scheduler keeps."""

    scheduler_code = 2


class TaskNotPermitted(TaskSchedulerError):
    """Nobody registered a launch handler for this identifier, or somebody did already."""

    scheduler_code = 3
