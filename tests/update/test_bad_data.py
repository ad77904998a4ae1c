"""Training data that cannot be learned from: the error names example and feature, and nothing is learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import FeatureTypeError, MLModelError, ParametersError, UpdateError
from pyruntime.model import MLModel
from pyruntime.providers import DictionaryFeatureProvider
from pyruntime.update import MLUpdateTask, TaskState
from tests.knn.models import knn_spec
from tests.small_models import WIDTH

GOOD = {"x": np.zeros(WIDTH), "label": "a"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "it is empty"),
        (GOOD, "got one dict; .*ArrayBatchProvider"),
        ((example for example in [GOOD]), "with a length, got a generator"),
        (None, "got a NoneType"),
        ("text", "got one str"),
        (7, "got a int"),
    ],
    ids=["empty", "one example", "generator", "nothing", "text", "number"],
)
def test_what_is_no_list_of_examples_is_refused_at_construction(stickers: Path, data: Any, message: str) -> None:
    with pytest.raises(UpdateError, match=f"training data: .*{message}"):
        MLUpdateTask(stickers, data)


def failure(model: Any, data: Any) -> MLModelError:
    task = MLUpdateTask(model, data)
    task.resume()
    assert task.wait(30)
    assert task.state is TaskState.FAILED
    assert task.error is not None
    assert task.context is not None
    assert task.context.model.get_spec() == MLModel(model).get_spec()
    return task.error


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"label": "a"}, "'x': .*missing; given: label"),
        ({"x": np.zeros(WIDTH)}, "'label': .*missing; given: x"),
        (GOOD | {"x": np.zeros(3)}, "'x'.*shape 3"),
        (GOOD | {"x": np.full(WIDTH, np.nan)}, "'x'.*NaN"),
        (GOOD | {"x": ["b"] * WIDTH}, "'x'.*numbers"),
        (GOOD | {"label": 3}, r"'label': expected a text as label, got 3 \(int\)"),
        (GOOD | {"label": b"a"}, "'label'.*bytes"),
        (GOOD | {"y": 3}, "'y' is none of the training inputs, x .*label"),
        (None, "got a NoneType"),
        ([1, 2], "got a list"),
    ],
)
def test_a_bad_example_fails_the_task_by_number_and_feature(stickers: Path, example: Any, message: str) -> None:
    error = failure(stickers, [GOOD, GOOD, example])
    assert isinstance(error, FeatureTypeError)
    assert str(error).startswith("example 2: ")
    with pytest.raises(FeatureTypeError, match=message):
        raise error


def test_a_vector_that_overflows_in_the_network_fails_the_task(stickers: Path) -> None:
    error = failure(stickers, [{"x": np.full(WIDTH, 3e38), "label": "a"}])
    assert isinstance(error, FeatureTypeError)
    assert "example 0: feature 'vector'" in str(error)


@pytest.mark.parametrize("label", [True, 1.0, "1", 2**63])
def test_labels_of_another_type_are_not_converted(tmp_path: Path, label: Any) -> None:
    (tmp_path / "k.mlmodel").write_bytes(knn_spec(default=0).SerializeToString())
    error = failure(tmp_path / "k.mlmodel", [{"vector": [0, 0], "label": label}])
    assert "example 0: feature 'label': expected a whole number of 64 bits" in str(error)


def test_data_that_raises_fails_the_task_and_keeps_the_cause(stickers: Path) -> None:
    class Broken(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            raise OSError("disk gone")

    error = failure(stickers, Broken([GOOD]))
    assert type(error) is UpdateError
    assert "example 0: reading it raised OSError: disk gone" in str(error)
    assert isinstance(error.__cause__, OSError)


def test_data_that_ends_early_fails_the_task(stickers: Path) -> None:
    class Short:
        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Iterator[Any]:
            return iter([GOOD, GOOD])

    assert "example 2: the data says it has 3 examples, but ended here" in str(failure(stickers, Short()))


def test_providers_and_iterables_with_a_length_are_taken(stickers: Path) -> None:
    class Provider:
        feature_names = {"x", "label", "not asked for"}  # noqa: RUF012

        def feature_value(self, name: str) -> Any:
            return GOOD[name]

    class Lazy:
        def __len__(self) -> int:
            return 2

        def __iter__(self) -> Iterator[Any]:
            yield DictionaryFeatureProvider(GOOD | {"extra": 1})
            yield Provider()

    task = MLUpdateTask(stickers, Lazy())
    task.resume()
    assert task.wait(30)
    assert task.state is TaskState.COMPLETED, task.error
    assert task.context is not None
    assert task.context.model.predict({"x": GOOD["x"]})["label"] == "a"


def test_arrays_may_change_after_they_were_given(tmp_path: Path) -> None:
    (tmp_path / "k.mlmodel").write_bytes(knn_spec(default="none", k=1).SerializeToString())
    buffer = np.zeros(2, np.float32)

    class OneBuffer:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            buffer[:] = index
            return {"vector": buffer, "label": f"{index}"}

    task = MLUpdateTask(tmp_path / "k.mlmodel", OneBuffer())
    task.resume()
    assert task.wait(30)
    assert task.context is not None
    assert [task.context.model.predict({"vector": [i, i]})["label"] for i in range(3)] == ["0", "1", "2"]


def test_one_example_is_enough_for_a_knn_and_its_label_is_new(stickers: Path) -> None:
    task = MLUpdateTask(stickers, [GOOD])
    task.resume()
    assert task.wait(30)
    assert task.error is None
    answer = task.context.model.predict({"x": GOOD["x"]})
    assert answer["label"] == "a"
    assert answer["labelProbs"] == {"a": 1.0}


def test_bounds_of_the_file_hold_for_a_knn(stickers: Path) -> None:
    for wrong in (0, -1, 10**6, 2.5, "3", None):
        with pytest.raises(ParametersError, match="numberOfNeighbors"):
            MLUpdateTask(stickers, [GOOD], MLModelConfiguration(parameters={"numberOfNeighbors": wrong}))
