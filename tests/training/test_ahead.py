"""Examples are read in order on one thread, worked on by several, and nobody sees a difference."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.errors import FeatureTypeError, UpdateError
from pyruntime.update import ahead
from pyruntime.update.ahead import in_order

from ..layers.network import array, layer
from .networks import as_examples, convolution, dense, updatable, values

COUNT = 60


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads from the fifth example on, whatever the work."""
    monkeypatch.setattr(ahead, "WORTH", 0.0)


def numbers(fail_at: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    for i in range(COUNT):
        if i == fail_at:
            raise OSError("no more")
        yield i, {"x": np.full(3, i)}


def collect(found: Iterator[int], done: list[int]) -> None:
    for result in found:
        done.append(result)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_order_from_several_threads(threads: int) -> None:
    readers: set[int] = set()
    workers: set[int] = set()
    meet = threading.Barrier(min(threads, 2))

    def read() -> Iterator[tuple[int, dict[str, Any]]]:
        for example in numbers():
            readers.add(threading.get_ident())
            yield example

    def work(index: int, features: Any) -> int:
        workers.add(threading.get_ident())
        if index in (ahead.FIRST, ahead.FIRST + ahead.CHUNK):
            meet.wait(30)  # two are at work at the same time
        return index * 10 + int(features["x"][1])

    assert list(in_order(read(), work, threads)) == [11 * i for i in range(COUNT)]
    assert readers == {threading.get_ident()}
    assert (workers == readers) is (threads == 1)


@pytest.mark.usefixtures("eager")
def test_what_takes_no_time_gets_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "WORTH", 1e9)
    found = set(in_order(numbers(), lambda index, features: threading.get_ident(), 4))
    assert found == {threading.get_ident()}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("fail_at", [2, 5, 30])
def test_the_first_error_is_raised_and_no_later_one(fail_at: int) -> None:
    def work(index: int, features: Any) -> int:
        if index >= fail_at:
            raise ValueError(index)
        return index

    done: list[int] = []
    with pytest.raises(ValueError, match=f"^{fail_at}$"):
        collect(in_order(numbers(fail_at + 2), work, 3), done)
    assert done == list(range(fail_at))
    done.clear()
    with pytest.raises(OSError, match="no more"):
        collect(in_order(numbers(fail_at - 1), work, 3), done)
    assert done == list(range(fail_at - 1)), "what came before an example that cannot be read is not lost"


@pytest.mark.usefixtures("eager")
def test_who_stops_early_leaves_no_threads() -> None:
    before = threading.active_count()
    with closing(in_order(numbers(), lambda index, features: index, 3)) as found:
        for result in found:
            if result == 20:
                break
    assert threading.active_count() == before


@pytest.mark.usefixtures("eager")
def test_buffers_may_be_used_again_for_the_next_example() -> None:
    buffer, picture, numbers = np.zeros(3), Image.new("L", (2, 2)), [0, 0]

    def read() -> Iterator[tuple[int, dict[str, Any]]]:
        for i in range(COUNT):
            buffer[:] = i
            picture.putpixel((0, 0), i)
            numbers[0] = i
            yield i, {"a": buffer, "p": picture, "n": numbers, "label": f"{i}"}

    wait = threading.Event()

    def work(index: int, features: Any) -> tuple[Any, ...]:
        if index > ahead.FIRST:
            wait.wait(0.002)
        return features["a"][2], features["p"].getpixel((0, 0)), features["n"][0], features["label"]

    assert list(in_order(read(), work, 3)) == [(i, i, i, f"{i}") for i in range(COUNT)]


def network() -> Any:
    layers = [
        convolution("frozen", "x", "a", 1, 4, learns=False), layer("flatten", "a", "f", "flat"),
        dense("d", "f", "y", 4 * 16, 2),
    ]  # fmt: skip
    return updatable({"x": (1, 6, 6)}, layers, target=array("y_true", (2,)), rate=0.001, momentum=0.5)


def learned(examples: Any, threads: int) -> MLUpdateTask:
    task = MLUpdateTask(MLModel(network(), configuration=MLModelConfiguration(threads=threads)), examples)
    task.resume()
    assert task.wait(60)
    return task


@pytest.mark.usefixtures("eager")
def test_updates_learn_the_same_bits_and_name_the_same_examples() -> None:
    examples = as_examples(x=values(COUNT, 1, 6, 6), y_true=values(COUNT, 2, seed=1))
    weights = [learned(examples, n).context.model.parameter_value("d:weights").tobytes() for n in (1, 3)]
    assert weights[0] == weights[1]
    wrong = [*examples[:20], {"x": np.zeros(3), "y_true": [0, 0]}, *examples[:7], {"y_true": [0, 0]}]
    for threads in (1, 3):
        task = learned(wrong, threads)
        assert type(task.error) is FeatureTypeError
        assert str(task.error).startswith("example 20: feature 'x'")

    class Broken:
        def __len__(self) -> int:
            return 40

        def __getitem__(self, index: int) -> Any:
            if index == 25:
                raise OSError("the card was pulled")
            return examples[index]

    task = learned(Broken(), 3)
    assert type(task.error) is UpdateError
    assert "example 25: reading it raised OSError" in str(task.error)
