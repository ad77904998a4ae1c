"""Work on several examples at a time, results in order: networks of one example are small for all cores together."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")
Features = Mapping[str, Any]
FIRST = 4
"""Examples that are worked on one by one, to see how long one takes; the first binds sizes and does not count."""
WORTH = 100e-6
"""Seconds of work on one example from which on threads pay.  Measured on two cores with an embedding network that takes
140 us: one by one 0.34 ms with all that is around it, singly handed to threads 0.25 ms, in chunks 0.18 ms."""
CHUNK, LONG = 8, 2e-3
"""Examples that a thread gets at once; one, where it takes longer than LONG seconds."""
PLAIN = (str, int, float, bool, bytes, type(None), np.generic)


def in_order(
    examples: Iterable[tuple[int, Features]], work: Callable[[int, Features], Result], threads: int
) -> Generator[Result, None, None]:
    """work(index, features) of each example, in order.  Examples are read here, one by one, `work` runs on threads.

    An example's arrays may change when the next one is read.  Of several errors, that of the first example is raised.
    """
    iterator = iter(examples)
    if threads > 1:
        seconds = []
        for _ in range(FIRST):
            for index, features in iterator:
                start = time.perf_counter()
                result = work(index, features)
                seconds.append(time.perf_counter() - start)
                yield result
                break
        if len(seconds) == FIRST and min(seconds[1:]) >= WORTH:
            chunk = 1 if min(seconds[1:]) > LONG else CHUNK
            yield from _on_threads(iterator, work, threads, chunk)
            return
    for index, features in iterator:
        yield work(index, features)


def _on_threads(
    examples: Iterator[tuple[int, Features]], work: Callable[[int, Features], Result], threads: int, size: int
) -> Generator[Result, None, None]:
    pending: deque[Future[tuple[list[Result], BaseException | None]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="features")
    try:
        for chunk, failed in _chunks(examples, size):
            pending.append(pool.submit(_work_on, chunk, work))
            if len(pending) > 2 * threads:
                yield from _results(pending.popleft())
            if failed:  # but an example before may have failed: its error comes first
                while pending:
                    yield from _results(pending.popleft())
                raise failed
        while pending:
            yield from _results(pending.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(
    examples: Iterator[tuple[int, Features]], size: int
) -> Iterator[tuple[list[tuple[int, Features]], BaseException | None]]:
    """Examples that nobody changes any more, `size` at a time; with the last ones what reading the next one raised."""
    while True:
        chunk: list[tuple[int, Features]] = []
        try:
            for index, features in islice(examples, size):
                chunk.append((index, {name: _own(value) for name, value in features.items()}))
        except BaseException as raised:
            yield chunk, raised
            return
        if not chunk:
            return
        yield chunk, None


def _work_on(
    chunk: list[tuple[int, Features]], work: Callable[[int, Features], Result]
) -> tuple[list[Result], BaseException | None]:
    """Results up to the first error, and that."""
    done: list[Result] = []
    try:
        for index, features in chunk:
            done.append(work(index, features))
    except BaseException as raised:
        return done, raised
    return done, None


def _results(future: Future[tuple[list[Result], BaseException | None]]) -> Iterator[Result]:
    done, raised = future.result()
    yield from done
    if raised:
        raise raised


def _own(value: Any) -> Any:
    """The value, or a copy of what may change."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, np.ndarray) or type(value).__module__.startswith("PIL."):
        return value.copy()
    return copy.deepcopy(value)
