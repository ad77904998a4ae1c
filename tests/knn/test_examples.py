"""model.examples(): list, forget, cap, deduplicate, add, convert; in memory, in files and in compiled directories."""

from __future__ import annotations

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.errors import FeatureTypeError, SpecError, UpdateError
from pyruntime.native.knn import NeighborIndex
from tests.compiled.test_interrupted import in_child, kill_at
from tests.knn.models import knn_spec, pipeline_spec
from tests.small_models import WIDTH as INPUT

WIDTH = 3
VECTORS = np.random.default_rng(0).standard_normal((8, WIDTH)).astype(np.float32)
LABELS = ["cat", "dog", "cat", "egg", "dog", "cat", "cat", "egg"]
OLD = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def model() -> MLModel:
    """Eight examples: the first five old, the others new."""
    empty = MLModel(knn_spec(default="none", dimensions=WIDTH, k=2))
    return empty.examples().add(VECTORS[:5], LABELS[:5], when=OLD).examples().add(VECTORS[5:], LABELS[5:])


def left(model: MLModel) -> list[int]:
    return model.examples().ids.tolist()


def test_examples_are_listed(model: MLModel) -> None:
    examples = model.examples()
    assert len(examples) == 8
    assert examples.labels == LABELS
    assert examples.counts == {"cat": 4, "dog": 2, "egg": 2}
    assert list(examples.counts) == ["cat", "dog", "egg"]
    np.testing.assert_array_equal(examples.vectors(), VECTORS)
    np.testing.assert_array_equal(examples.vectors([6, 1]), VECTORS[[1, 6]])
    assert examples.added[0] == np.datetime64("2026-01-01T00:00:00")
    assert [example.added == OLD for example in examples] == [True] * 5 + [False] * 3
    assert repr(examples) == "8 examples of 3 labels, 3 dimensions, float32"
    assert model.model_description.class_labels == ("cat", "dog", "egg")


def test_examples_of_a_file_have_numbers_and_no_time() -> None:
    examples = MLModel(knn_spec(VECTORS, LABELS, dimensions=WIDTH)).examples()
    assert examples.ids.tolist() == list(range(8))
    assert np.isnat(examples.added).all()
    assert {example.added for example in examples} == {None}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"label": "cat"}, [1, 3, 4, 7]),
        ({"labels": ["cat", "egg"]}, [1, 4]),
        ({"ids": [0, 7]}, [1, 2, 3, 4, 5, 6]),
        ({"before": OLD + timedelta(seconds=1)}, [5, 6, 7]),
        ({"before": OLD}, list(range(8))),
        ({"older_than": timedelta(days=1)}, [5, 6, 7]),
        ({"label": "cat", "older_than": timedelta(days=1)}, [1, 3, 4, 5, 6, 7]),
        ({"label": "dog", "ids": [1, 2]}, [0, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_forgetting(model: MLModel, what: dict[str, Any], expected: list[int]) -> None:
    made = model.examples().forget(**what)
    assert left(made) == expected
    assert made.examples().labels == [LABELS[place] for place in expected]
    assert left(model) == list(range(8))
    fresh = MLModel(knn_spec(VECTORS[expected], [LABELS[place] for place in expected], dimensions=WIDTH, k=2))
    assert [made.predict({"vector": v}) for v in VECTORS] == [fresh.predict({"vector": v}) for v in VECTORS]


def test_what_is_not_there_cannot_be_forgotten(model: MLModel) -> None:
    examples = model.examples()
    for what, message in [
        ({}, "what shall be forgotten"),
        ({"label": "cow"}, r"no example has the label 'cow'; there are 'cat', 'dog', 'egg'"),
        ({"label": 3}, "no example has the label 3"),
        ({"ids": [2, 99]}, "no example has the id 99"),
    ]:
        with pytest.raises(UpdateError, match=message):
            examples.forget(**what)  # type: ignore[arg-type]
    once = examples.forget(label="cat").examples()
    with pytest.raises(UpdateError, match="'cat'"):
        once.forget(label="cat")


def test_the_last_example_needs_a_default_label_behind_it(model: MLModel) -> None:
    none = model.examples().forget(labels=["cat", "dog", "egg"])
    assert len(none.examples()) == 0
    assert none.predict({"vector": VECTORS[0]}) == {"label": "none", "labelProbs": {"none": 1.0}}
    assert left(none.examples().add(VECTORS[:1], ["cat"])) == [8]  # numbers are not given again
    with pytest.raises(UpdateError, match="no default label"):
        MLModel(knn_spec(VECTORS, ["a"] * 8, dimensions=WIDTH)).examples().forget(label="a")


@settings(deadline=None, max_examples=30)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=40), most=st.integers(1, 6))
def test_a_cap_keeps_the_newest_of_each_label(labels: list[int], most: int) -> None:
    model = MLModel(knn_spec(np.zeros((len(labels), 2)), labels))
    seen: dict[int, int] = {}
    expected = []
    for place in range(len(labels) - 1, -1, -1):
        seen[labels[place]] = seen.get(labels[place], 0) + 1
        if seen[labels[place]] <= most:
            expected.append(place)
    assert left(model.examples().cap(most)) == expected[::-1]


def by_hand(vectors: Any, labels: list[Any], within: float) -> list[int]:
    kept: list[int] = []
    for i, vector in enumerate(vectors.astype(np.float64)):
        near = [j for j in kept if labels[j] == labels[i] and ((vector - vectors[j]) ** 2).sum() <= within**2]
        if not near:
            kept.append(i)
    return kept


@pytest.mark.parametrize("within", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("count", [1, 40, 600])
def test_duplicates_go_and_the_oldest_stays(within: float, count: int) -> None:
    rng = np.random.default_rng(count)
    vectors = rng.integers(-2, 3, (count, 4)).astype(np.float32)  # exact distances
    vectors[vectors == 0] *= rng.choice([1, -1], (vectors == 0).sum()).astype(np.float32)  # 0 and -0 are equal
    labels = rng.integers(0, 2, count).tolist()
    model = MLModel(knn_spec(vectors, labels, dimensions=4))
    assert left(model.examples().deduplicate(within)) == by_hand(vectors, labels, within)


def test_unfit_arguments_are_refused(model: MLModel) -> None:
    examples = model.examples()
    with pytest.raises(UpdateError, match="at least 1"):
        examples.cap(0)
    for within in (-1.0, float("nan")):
        with pytest.raises(UpdateError, match="distance from 0"):
            examples.deduplicate(within)
    with pytest.raises(ValueError, match="expected one of float32, int8"):
        examples.converted("int4")
    for vectors, labels, message in [
        (VECTORS[:2], ["a"], r"shape \(1, 3\), one row per label, got float32 of shape \(2, 3\)"),
        (VECTORS[:1, :2], ["a"], r"shape \(1, 3\)"),
        ([[1, 2, np.nan]], ["a"], "row 0 has NaN"),
        ([[1, 2, 1e39]], ["a"], "row 0 has NaN or infinite"),
        ([["1", "2", "3"]], ["a"], "expected numbers"),
        (VECTORS[:1], [3], "expected a text, got 3"),
    ]:
        with pytest.raises(FeatureTypeError, match=message):
            examples.add(vectors, labels)
    numbers = MLModel(knn_spec(default=0, dimensions=WIDTH)).examples()
    for label in ("a", True, 2**63):
        with pytest.raises(FeatureTypeError, match="whole number of 64 bits"):
            numbers.add(VECTORS[:1], [label])


def test_models_without_a_k_nn_or_without_permission_say_so() -> None:
    with pytest.raises(UpdateError, match="no k-NN"):
        MLModel(pipeline_spec().pipelineClassifier.pipeline.models[0]).examples()
    spec = knn_spec(VECTORS, LABELS, dimensions=WIDTH)
    spec.isUpdatable = False
    examples = MLModel(spec).examples()
    assert len(examples) == 8
    with pytest.raises(UpdateError, match="not updatable"):
        examples.cap(1)


@pytest.mark.parametrize("form", ["float32", "int8", "int8+float32"])
def test_a_compiled_model_keeps_everything(model: MLModel, form: str, tmp_path: Any) -> None:
    path = tmp_path / "m.mlmodelc"
    model = model.examples().converted(form)
    model.write(path)
    again = MLModel(path, verify=True)
    assert list(again.examples()) == list(model.examples())
    assert again.examples().form == form
    np.testing.assert_array_equal(again.examples().vectors(), model.examples().vectors())
    assert [again.predict({"vector": v}) for v in VECTORS] == [model.predict({"vector": v}) for v in VECTORS]
    again.save(tmp_path / "m.mlmodel")
    file = MLModel(tmp_path / "m.mlmodel")
    assert list(file.examples()) == list(model.examples())
    np.testing.assert_array_equal(file.examples().vectors(), model.examples().vectors())
    assert again.get_spec() == file.get_spec()


def test_an_update_adds_a_file_and_touches_no_other(model: MLModel, tmp_path: Any) -> None:
    path = tmp_path / "m.mlmodelc"
    many = model.examples().add(np.zeros((500, WIDTH)), ["zero"] * 500)
    many.write(path)
    before = {name: os.stat(path / name).st_mtime_ns for name in os.listdir(path) if name.endswith(".examples")}
    task = MLUpdateTask(path, [{"vector": VECTORS[0] + 1, "label": "new"}])
    start = int(time.time())
    task.resume()
    task.wait()
    assert task.error is None
    assert task.context is not None
    task.context.model.write(path)
    after = {name: os.stat(path / name).st_mtime_ns for name in os.listdir(path) if name.endswith(".examples")}
    assert before.items() < after.items()
    *_, last = MLModel(path).examples()
    assert (last.id, last.label) == (508, "new")
    assert last.added is not None
    assert start <= last.added.timestamp() <= time.time()


def test_what_is_forgotten_is_not_on_the_disk(model: MLModel, tmp_path: Any) -> None:
    path = tmp_path / "m.mlmodelc"
    marked = np.full((1, WIDTH), 1234.5678, np.float32)
    model.examples().add(marked, ["secret"]).write(path)
    found = lambda: any(marked.tobytes() in file.read_bytes() for file in path.iterdir())  # noqa: E731
    assert found()
    MLModel(path).examples().forget(label="secret").write(path, keep_generations=1)
    assert not found()
    assert not any(b"secret" in file.read_bytes() for file in path.iterdir())


def test_a_damaged_or_missing_segment_is_named(model: MLModel, tmp_path: Any) -> None:
    path = tmp_path / "m.mlmodelc"
    model.write(path)
    (segment,) = path.glob("segment-*.examples")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:20] + b"\xff" + whole[21:])
    with pytest.raises(SpecError, match=segment.name):
        MLModel(path)
    segment.unlink()
    with pytest.raises(SpecError, match=segment.name):
        MLModel(path)
    (inner,) = path.glob("model-*.mlmodel")
    with pytest.raises(SpecError, match="in the compiled model"):
        MLModel(inner)


def test_a_configuration_chooses_how_vectors_are_kept_while_it_runs(model: MLModel, tmp_path: Any) -> None:
    model.write(tmp_path / "m.mlmodelc")
    small = MLModel(tmp_path / "m.mlmodelc", configuration=MLModelConfiguration(vectors="int8"))
    assert small.examples().form == "float32"
    assert small.engine._index._samples[0].floats is None  # type: ignore[attr-defined]
    both = MLModel(tmp_path / "m.mlmodelc", configuration=MLModelConfiguration(vectors="int8+float32"))
    assert [both.predict({"vector": v}) for v in VECTORS] == [model.predict({"vector": v}) for v in VECTORS]
    with pytest.raises(ValueError, match="vectors is 'int4'"):
        MLModelConfiguration(vectors="int4")


def test_the_k_nn_of_a_pipeline_keeps_what_comes_to_it(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    data = [{"x": rng.standard_normal(INPUT), "label": name} for name in ("a", "b", "a")]
    task = MLUpdateTask(MLModel(pipeline_spec()), data)
    task.resume()
    task.wait()
    assert task.context is not None
    model = task.context.model
    assert model.examples().counts == {"a": 2, "b": 1}
    smaller = model.examples().forget(label="b")
    smaller.write(tmp_path / "p.mlmodelc")
    again = MLModel(tmp_path / "p.mlmodelc")
    assert again.examples().counts == {"a": 2}
    assert again.predict({"x": data[1]["x"]})["labelProbs"] == {"a": 1.0}


def test_a_list_of_inputs_gives_what_each_gives(model: MLModel) -> None:
    items = [{"vector": v} for v in np.concatenate([VECTORS, VECTORS[::-1] * 0.5])]
    assert model.predict(items) == [model.predict(item) for item in items]
    with pytest.raises(FeatureTypeError, match=r"item 1 of the list.*shape 2"):
        model.predict([items[0], {"vector": [1, 2]}])


def test_a_list_for_a_pipeline_is_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    data = [{"x": rng.standard_normal(INPUT), "label": "ab"[i % 2]} for i in range(12)]
    task = MLUpdateTask(MLModel(pipeline_spec(k=3)), data)
    task.resume()
    task.wait()
    assert task.context is not None
    model = task.context.model
    items = [{"x": rng.standard_normal(INPUT)} for _ in range(9)]
    expected = [model.predict(item) for item in items]
    searches = []
    real = NeighborIndex.search
    monkeypatch.setattr(NeighborIndex, "search", lambda *given: searches.append(given) or real(*given))
    assert model.predict(items) == expected
    assert len(searches) == 1
    with pytest.raises(FeatureTypeError, match="item 2 of the list"):
        model.predict([*items[:2], {"x": [1, 2]}])


def test_threads_that_meet_while_the_tree_is_made_get_the_same_answers() -> None:
    rng = np.random.default_rng(2)
    vectors, labels = rng.standard_normal((3000, WIDTH)).astype(np.float32), rng.integers(0, 5, 3000).tolist()
    queries = [{"vector": v} for v in rng.standard_normal((120, WIDTH))]
    plain = MLModel(knn_spec(vectors, labels, dimensions=WIDTH))
    model = MLModel(knn_spec(vectors, labels, dimensions=WIDTH, leaf_size=20))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(model.predict, queries * 3))
    assert answers == [plain.predict(query) for query in queries] * 3
    assert model.engine._index._patience == 0  # type: ignore[attr-defined]


def test_a_writer_killed_at_any_step_leaves_the_old_examples_or_the_new(model: MLModel, tmp_path: Any) -> None:
    old = list(model.examples())
    changed = model.examples().forget(label="cat").examples().add(VECTORS[:1], ["new"])
    new = list(changed.examples())
    seen, step, path = set(), 0, tmp_path / "m.mlmodelc"
    while True:
        shutil.rmtree(path, ignore_errors=True)
        model.write(path)

        def work(count: int = step) -> None:
            kill_at(count)
            changed.write(path, keep_generations=1)

        code = in_child(work)
        found = list(MLModel(path, verify=True).examples())
        assert found in (old, new)
        seen.add(found == new)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        step += 3  # others are met in test_interrupted.py
    assert step > 20
    assert seen == {False, True}
