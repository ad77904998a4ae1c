"""Time as a scheduler needs it: dates from the wall clock, waiting by a clock that nobody sets."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Clock:
    """Wall time jumps (a board without a battery for its clock starts in the past); time since boot does not."""

    def __init__(self, root: str | os.PathLike[str] = "/") -> None:
        self._boot_id = Path(root) / "proc/sys/kernel/random/boot_id"

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def since_boot(self) -> float:
        """Seconds since boot, sleep included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        """An identifier of this boot."""
        try:
            return self._boot_id.read_text(encoding="ascii").strip()
        except OSError:
            return "unknown"
