"""Runs many damaged plans in a process of its own, which may die or hang without taking the tests along."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pyruntime.errors import MLModelError
from pyruntime.native import lib

from .networks import at_the_edge

MEMORY = 1 << 20
HANG = 60.0
"""Seconds after which one run counts as endless.  A run of these networks takes less than a millisecond."""

_fork = multiprocessing.get_context("fork")


class Outcome(Counter[str]):
    """How many plans were `refused`, and how many `ran`."""


def run_all(
    plans: Callable[[], Iterable[tuple[str, bytes]]], weights: np.ndarray, inputs: list[np.ndarray], outputs: int,
    *, levels: int = lib.ALL_LEVELS,
) -> Outcome:  # fmt: skip
    """Open, bind and run (what was done, plan) pairs.  AssertionError with the pair's name when one of them ends the
    process, does not end, or raises what is no MLModelError."""
    tried = _fork.Value("Q", 0)
    receive, send = _fork.Pipe(duplex=False)

    def work() -> None:
        try:
            send.send(_run_all(plans(), weights, inputs, outputs, levels, tried))
        except BaseException as error:
            send.send(error)
            raise

    process = _fork.Process(target=work)
    process.start()
    send.close()
    result = _wait(process, receive, tried)
    if isinstance(result, Outcome):
        return result
    names = [name for i, (name, _) in enumerate(plans()) if i == tried.value - 1]
    raise AssertionError(f"plan {tried.value - 1} ({names}): {result!r}")


def _run_all(
    plans: Iterable[tuple[str, bytes]],
    weights: np.ndarray,
    inputs: list[np.ndarray],
    outputs: int,
    levels: int,
    tried: Any,
) -> Outcome:
    context = lib.Context(threads=1, levels=levels)
    outcome = Outcome()
    for _, plan in plans:
        tried.value += 1
        try:
            session = lib.Session(context, at_the_edge(plan), weights, MEMORY)
            session.limit_iterations(100)
            session.run(inputs, outputs)
            outcome["ran"] += 1
        except MLModelError as error:
            assert str(error), "an error without a sentence"
            outcome["refused"] += 1
    return outcome


def _wait(process: Any, receive: Any, tried: Any) -> object:
    """What the process sent, or a sentence about its end."""
    last, since = -1, time.monotonic()
    while not receive.poll(0.1):
        if tried.value != last:
            last, since = tried.value, time.monotonic()
        if not process.is_alive() and not receive.poll(0):
            return f"the process ended with {process.exitcode}"
        if time.monotonic() - since > HANG:
            os.kill(process.pid, 9)
            return f"still running after {HANG:.0f} seconds"
    try:
        result = receive.recv()
    except EOFError:
        process.join()
        return f"the process ended with {process.exitcode}"
    process.join()
    return result
