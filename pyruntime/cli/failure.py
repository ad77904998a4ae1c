"""What went wrong, in one sentence."""

from __future__ import annotations

import argparse
from typing import NoReturn

from pyruntime.errors import MLModelError


class UsageError(Exception):
    """The command line asks for something that cannot be meant: exit code 2."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence and say where help is."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def sentence(error: Exception) -> str:
    """What a person needs to know about `error`; never a traceback."""
    if isinstance(error, MLModelError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory: try a smaller input, a smaller model, or fewer programs beside it"
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror or error}"
    return (
        f"a fault of pyruntime itself ({type(error).__name__}: {error}); "
        "run again with --debug and report what it prints together with the model"
    )
