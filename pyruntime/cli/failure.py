"""What went wrong, in one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from pyruntime.cli.console import Console
from pyruntime.errors import MLModelError


class UsageError(Exception):
    """The command line asks for something that cannot be meant: exit code 2."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence and say where help is."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


@contextmanager
def warnings_as_lines(console: Console) -> Iterator[None]:
    """What is damaged, and what was opened or written in its place, is said even where all else is quiet."""
    import warnings

    from pyruntime.errors import DamageWarning, GenerationWarning

    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, DamageWarning | GenerationWarning):
            console.error(f"warning: {message}")
        else:
            shown(message, category, *place, **more)

    with warnings.catch_warnings():
        for category in (DamageWarning, GenerationWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        yield


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
