"""What is to run in the background, and when it may."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

from pyruntime.tasks.errors import TaskSchedulerError

MIB = 1 << 20
LONGEST = 255  # characters of an identifier


@dataclass(frozen=True)
class ProcessingTaskRequest:
    """BGProcessingTaskRequest: a wish to run the launch handler of `identifier` when the conditions hold.

    requires_external_power: run on mains only.  A machine without a battery is always on mains.
    requires_network_connectivity: run only with a default route over a link that is up.
    earliest_begin_date: a datetime (naive: local time) or seconds since 1970; not before it, no promise when after.

    The others are ours.
    requires_idle: run only while other programs leave the processor free, as Core ML's neighbour does.
    max_temperature: degrees Celsius of the hottest zone at which it stops; it starts 10 degrees below.
    allows_throttling: run also when the machine is throttled or its supply is too weak.
    min_free_memory, min_free_storage: bytes that must be free to start; with less than half of it, it stops.
    storage_path: where storage is needed; by default where the scheduler keeps its requests.
    max_duration: seconds after which it expires.
    grace: seconds that it has to end after it expired.
    max_attempts: how often a task that crashes is tried.
    handler, payload: for handlers that one program registers and another asks for: `payload` is what JSON can hold.

    Raises TaskSchedulerError for what cannot be meant.
    """

    identifier: str
    requires_external_power: bool = False
    requires_network_connectivity: bool = False
    earliest_begin_date: datetime | float | None = None
    requires_idle: bool = True
    max_temperature: float | None = 75.0
    allows_throttling: bool = False
    min_free_memory: int = 64 * MIB
    min_free_storage: int = 128 * MIB
    storage_path: str | None = None
    max_duration: float | None = 3600.0
    grace: float = 30.0
    max_attempts: int = 10
    handler: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.identifier, str) or not 0 < len(self.identifier) <= LONGEST:
            raise TaskSchedulerError(
                f"identifier: expected a text of 1 to {LONGEST} characters, got {self.identifier!r}"
            )
        for name in ("max_temperature", "max_duration", "grace", "min_free_memory", "min_free_storage", "max_attempts"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise TaskSchedulerError(
                    f"{name} of request {self.identifier!r}: expected a number from 0, got {value!r}"
                )
        if self.max_attempts < 1:
            raise TaskSchedulerError(f"max_attempts of request {self.identifier!r}: expected 1 or more")
        if self.storage_path is not None:
            object.__setattr__(self, "storage_path", os.path.abspath(self.storage_path))
        self.begin_time()
        try:
            json.dumps(dict(self.payload), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TaskSchedulerError(f"payload of request {self.identifier!r}: JSON cannot hold it: {error}") from None

    def begin_time(self) -> float | None:
        """The earliest begin in seconds since 1970."""
        date = self.earliest_begin_date
        try:
            seconds = date.timestamp() if isinstance(date, datetime) else None if date is None else float(date)
        except (TypeError, ValueError, OverflowError, OSError):
            seconds = math.nan
        if seconds is not None and not math.isfinite(seconds):
            raise TaskSchedulerError(
                f"earliest_begin_date of request {self.identifier!r}: expected a datetime or seconds since 1970, "
                f"got {date!r}"
            )
        return seconds

    def to_json(self) -> str:
        """As the scheduler keeps it."""
        values = asdict(self)
        values["earliest_begin_date"] = self.begin_time()
        return json.dumps(values, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ProcessingTaskRequest:
        """Keys that a newer release wrote are left out.  Raises TaskSchedulerError for anything but a request."""
        try:
            known = {one.name for one in fields(cls)}
            values = {key: value for key, value in json.loads(text).items() if key in known}
            begin = values.get("earliest_begin_date")
            if begin is not None:
                values["earliest_begin_date"] = datetime.fromtimestamp(begin, timezone.utc)
            return cls(**values)
        except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise TaskSchedulerError(f"a stored request cannot be read: {error}") from None
