"""What this machine can do at most, measured: the lines that a roofline is drawn with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pyruntime.native import lib
from pyruntime.native._native import ffi
from pyruntime.native._native import lib as _c

READ = 64 << 20
"""Bytes read at a time: more than the caches of boards hold."""
TURN = 0.003
TURNS = 40
"""Short turns, and many: on a busy machine some of them are not interrupted."""


@dataclass(frozen=True)
class Peak:
    """operations: floating-point operations a second, on all threads of a context, with the level it uses, in
    registers.  bandwidth: bytes a second, read from memory by the same threads."""

    operations: float
    bandwidth: float


def measure_peak(context: lib.Context) -> Peak:
    """The best of many short turns, a fifth of a second in all."""
    data = lib.aligned(READ)
    data[:] = 0  # pages that were never written are all the same one
    pointer = ffi.cast("float *", data.ctypes.data)

    def multiply(rounds: int) -> float:
        return float(_c.pr_peak_multiply(context.handle, rounds))

    def read(floats: int) -> float:
        _c.pr_peak_read(context.handle, pointer, floats)
        return 4.0 * floats

    rounds = 64
    while _timed(multiply, rounds)[1] < TURN:
        rounds *= 2
    return Peak(_best(multiply, rounds), _best(read, READ // 4))


def _timed(work: Callable[[int], float], size: int) -> tuple[float, float]:
    """What it did, and seconds."""
    start = time.perf_counter()
    done = work(size)
    return done, time.perf_counter() - start


def _best(work: Callable[[int], float], size: int) -> float:
    return max(done / seconds for done, seconds in (_timed(work, size) for _ in range(TURNS)))
