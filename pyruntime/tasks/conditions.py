"""Whether a request may run now.

What must hold to start is stricter than what must hold to go on, so that a task does not start and stop on the same
border: heat, memory and storage have two limits, idleness looks at a minute to start and at ten seconds to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyruntime.tables import nbytes
from pyruntime.tasks.machine import Machine
from pyruntime.tasks.request import ProcessingTaskRequest

COOLER = 10.0
"""Degrees below the limit at which a task starts."""
IDLE_PRESSURE, BUSY_PRESSURE = 10.0, 40.0
"""Per cent of the time that tasks waited for a processor: below to start, above to stop."""
IDLE_LOAD, BUSY_LOAD = 0.5, 1.75
"""Tasks per processor, where the kernel has no pressure information: our own keep every processor busy."""
MEMORY_PRESSURE, MEMORY_STALLED = 5.0, 20.0
"""Per cent of the time that tasks waited for memory."""
NEARLY_FULL = 0.02
"""Share of a file system that stays free, whatever the request says."""
CALM = 60.0
"""Seconds without a throttling event."""


@dataclass(frozen=True)
class Condition:
    """One of a request's.  detail: what was found, for people."""

    name: str
    holds: bool
    detail: str


class Conditions:
    """Asks a machine.  It remembers when the machine was throttled last, so keep one while a task runs.

    storage_path: for requests that name none.
    """

    def __init__(self, machine: Machine, storage_path: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.machine, self._storage_path, self._monotonic = machine, storage_path, monotonic
        self._events = machine.throttle_events()
        self._throttled_at: float | None = None

    def check(self, request: ProcessingTaskRequest, *, running: bool = False) -> list[Condition]:
        """All conditions of a request.  running: whether it may go on, instead of start."""
        return list(self._all(request, running))

    def unmet(self, request: ProcessingTaskRequest, *, running: bool = False) -> list[Condition]:
        """Those that do not hold."""
        return [one for one in self._all(request, running) if not one.holds]

    def _all(self, request: ProcessingTaskRequest, running: bool) -> Iterator[Condition]:
        if request.requires_external_power:
            yield self._power()
        if request.requires_network_connectivity:
            yield self._network()
        if request.requires_idle:
            yield self._idle(running)
        if request.max_temperature is not None:
            yield self._temperature(request.max_temperature - (0 if running else COOLER))
        if not request.allows_throttling:
            yield self._throttling()
        yield self._memory(request.min_free_memory, running)
        yield self._storage(request, running)

    def _power(self) -> Condition:
        power = self.machine.external_power()
        said = {True: "on mains", False: "on battery", None: "the power supply cannot be read"}
        return Condition("external power", power is True, said[power])

    def _network(self) -> Condition:
        there = self.machine.network()
        said = {True: "there is a default route", False: "no default route over a link that is up"}
        return Condition("network", there is True, "routes cannot be read" if there is None else said[there])

    def _idle(self, running: bool) -> Condition:
        pressure = self.machine.pressure("cpu")
        if pressure is not None:
            found, limit = (pressure.avg10, BUSY_PRESSURE) if running else (pressure.avg60, IDLE_PRESSURE)
            detail = f"programs waited {found:g} % of the time for a processor, at most {limit:g} %"
            return Condition("idle", found <= limit, detail)
        load, limit = self.machine.load(), BUSY_LOAD if running else IDLE_LOAD
        if load is None:
            return Condition("idle", False, "neither pressure nor load can be read")
        return Condition("idle", load <= limit, f"load {load:.2f} per processor, at most {limit:g}")

    def _temperature(self, limit: float) -> Condition:
        found = self.machine.temperature()
        if found is None:
            return Condition("temperature", True, "there is no sensor")
        degrees, zone = found
        return Condition("temperature", degrees <= limit, f"{degrees:.1f} °C ({zone}), at most {limit:g} °C")

    def _throttling(self) -> Condition:
        now, events = self._monotonic(), self.machine.throttle_events()
        if events > self._events:
            self._throttled_at = now
        self._events = events
        reasons = self.machine.throttling()
        if not reasons and self._throttled_at is not None and now - self._throttled_at < CALM:
            reasons = [f"throttled {now - self._throttled_at:.0f} s ago"]
        return Condition("throttling", not reasons, ", ".join(reasons) or "none")

    def _memory(self, needed: int, running: bool) -> Condition:
        pressure, limit = self.machine.pressure("memory"), MEMORY_STALLED if running else MEMORY_PRESSURE
        if pressure is not None and pressure.avg10 > limit:
            detail = f"programs waited {pressure.avg10:g} % of the time for memory, at most {limit:g} %"
            return Condition("memory", False, detail)
        free, wanted = self.machine.free_memory(), needed // 2 if running else needed
        if free is None:
            return Condition("memory", True, "free memory cannot be read")
        return Condition("memory", free >= wanted, f"{nbytes(free)} free, {nbytes(wanted)} needed")

    def _storage(self, request: ProcessingTaskRequest, running: bool) -> Condition:
        place = request.storage_path or self._storage_path
        found = self.machine.storage(place)
        if found is None:
            return Condition("storage", False, f"the file system of {place} cannot be asked")
        free, size = found
        share = 2 if running else 1
        wanted = max(request.min_free_storage, min(int(size * NEARLY_FULL), 1 << 30)) // share
        return Condition("storage", free >= wanted, f"{nbytes(free)} free at {place}, {nbytes(wanted)} needed")
