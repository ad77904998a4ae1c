"""One update of a model at a time.

A lock is held by an open file, and the system drops it when the process dies, however it dies.  What the file says
(who, since when) is for messages only, and never believed about whether somebody is at work.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from pyruntime.compiled.folder import UPDATE_LOCK
from pyruntime.compiled.provenance import now
from pyruntime.compiled.reading import is_compiled
from pyruntime.errors import ModelIOError, UpdateLocked

_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES, _PAUSE = 20, 0.01  # s, for those who hold it but for a moment and have not said who they are
_own: dict[str, int] = {}
"""Locks of this process by path, with its number: a child of it has its own."""


class UpdateLock:
    """A lock file at `path`, for the update of `what`."""

    def __init__(self, path: str, what: str) -> None:
        self.path, self._what = path, what
        self._handle: int | None = None

    def acquire(self) -> None:
        """Raises UpdateLocked when somebody else is at work.

        Where nobody may write, or the system has no locks, there is none to hold.
        """
        for attempt in range(_TRIES):
            try:
                handle = os.open(self.path, _FLAGS, 0o666)
            except OSError as error:
                if error.errno in _NOT_WRITABLE:
                    return
                raise UpdateLocked(f"cannot lock {self.path}: {error.strerror}") from None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                process, since = _holder(handle)
                os.close(handle)
                if process is None and attempt < _TRIES - 1:
                    time.sleep(_PAUSE)
                    continue
                raise UpdateLocked(self._sentence(process, since), process, since) from None
            except OSError as error:
                os.close(handle)
                if error.errno in _NO_LOCKS:
                    return
                raise UpdateLocked(f"cannot lock {self.path}: {error.strerror}") from None
            if _is_at(handle, self.path):
                self._hold(handle)
                return
            os.close(handle)  # the one who held it removed the file

    def _sentence(self, process: int | None, since: str | None) -> str:
        own = process == os.getpid()
        who = "another process" if process is None else f"{'this' if own else 'the'} process {process}"
        return (
            f"{self._what} is being updated by {who}{f' since {since}' if since else ''}; nothing was started: wait "
            "until that update is over, or cancel it"
        )

    def _hold(self, handle: int) -> None:
        self._handle = handle
        _own[self.path] = os.getpid()
        with suppress(OSError):  # on a full disk nobody is named
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()} {now()}\n".encode(), 0)

    def release(self) -> None:
        """Let others in.  A process that was forked meanwhile does not hold it either."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        _own.pop(self.path, None)
        with suppress(OSError):
            os.unlink(self.path)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def model_lock(directory: str) -> UpdateLock:
    return UpdateLock(os.path.join(directory, UPDATE_LOCK), directory)


@contextmanager
def updating(*paths: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the locks of those paths that are compiled models, from before they are opened until they are written.

    Tasks inside need exclusive=False.  Raises UpdateLocked.
    """
    with ExitStack() as held:
        for path in dict.fromkeys(map(os.path.realpath, filter(is_compiled, paths))):
            lock = model_lock(path)
            lock.acquire()
            held.callback(lock.release)
        yield


def check_unlocked(directory: str) -> None:
    """Raises ModelIOError when another process is updating the compiled model `directory`."""
    path = os.path.join(directory, UPDATE_LOCK)
    if _own.get(path) == os.getpid():
        return
    with suppress(OSError):  # none is there, or nobody may hold one
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            process, since = _holder(handle)
            who = "another process" if process is None else f"process {process}"
            when = f" since {since}" if since else ""
            raise ModelIOError(
                f"cannot write the compiled model {directory}: {who} is updating it{when}; wait until it is done, or "
                "write to another path"
            ) from None
        finally:
            os.close(handle)


def _holder(handle: int) -> tuple[int | None, str | None]:
    """Who says that it holds the lock, and since when; (None, None) when that one is not alive."""
    try:
        process, _, since = os.pread(handle, 100, 0).decode("ascii").strip().partition(" ")
        os.kill(int(process), 0)
    except PermissionError:
        pass  # alive, somebody else's
    except (OSError, ValueError, OverflowError):
        return None, None
    return int(process), "".join(c for c in since if c.isalnum() or c in "-:") or None


def _is_at(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False
