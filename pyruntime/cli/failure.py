"""What went wrong, in one sentence."""

from __future__ import annotations

from pyruntime.errors import MLModelError


class UsageError(Exception):
    """The command line asks for something that cannot be meant: exit code 2."""


def sentence(error: Exception) -> str:
    """What a person needs to know about `error`; never a traceback."""
    if isinstance(error, MLModelError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"there is not enough memory{f' ({error})' if str(error) else ''}: try a smaller input or a smaller model"
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror or error}"
    return (
        f"a fault of pyruntime itself ({type(error).__name__}: {error}); "
        "run again with --debug and report what it prints together with the model"
    )
