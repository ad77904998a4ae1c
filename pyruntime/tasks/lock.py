"""One scheduler at a time runs tasks of a file of requests."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pyruntime.tasks.errors import SchedulerUnavailable


@contextmanager
def exclusive(path: str) -> Iterator[bool]:
    """Whether this holder alone has the lock file; it does not wait.  The system frees it when the process ends."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SchedulerUnavailable(f"the lock file {path} cannot be opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
