"""What an update learns: answers of scikit-learn, new labels, saving, swapping."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from pyruntime.model import MLModel
from pyruntime.providers import ArrayBatchProvider
from pyruntime.spec import load_spec
from pyruntime.update import MLUpdateTask
from tests.small_models import WIDTH, linear_answer


def learned(model: Any, data: Any) -> MLModel:
    task = MLUpdateTask(model, data)
    task.resume()
    assert task.wait(60)
    assert task.error is None, task.error
    assert task.context is not None
    return task.context.model


def test_a_pipeline_answers_as_scikit_learn_does_on_numpys_embeddings(stickers: Path, examples: Any) -> None:
    model = learned(stickers, examples)
    embeddings = np.array([linear_answer(x=example["x"]) for example in examples])
    oracle = KNeighborsClassifier(3).fit(embeddings, [example["label"] for example in examples])
    rng = np.random.default_rng(1)
    for x in (rng.normal(size=(40, WIDTH)) * 2).astype(np.float32):
        answer = model.predict({"x": x})
        expected = dict(zip("abc", oracle.predict_proba([linear_answer(x=x)])[0], strict=True))
        assert answer["labelProbs"] == pytest.approx(expected)
        if max(expected.values()) > 0.5:
            assert answer["label"] == oracle.predict([linear_answer(x=x)])[0]


def test_the_drawing_classifier_answers_as_scikit_learn_does_on_its_embeddings(
    models_dir: Path, data_dir: Path
) -> None:
    path = models_dir / "UpdatableDrawingClassifier.mlmodel"
    with np.load(data_dir / "quickdraw_20x100.npz") as data:
        images, labels = data["images"], data["labels"].astype(str)
    train, test = np.arange(len(images)) % 2 == 0, np.arange(len(images)) % 2 == 1
    model = learned(path, ArrayBatchProvider({"drawing": images[train], "label": labels[train]}))
    network = MLModel(load_spec(path).pipelineClassifier.pipeline.models[0])
    embeddings = np.array([network.predict({"drawing": image})["embedding"] for image in images], np.float64)
    oracle = KNeighborsClassifier(5, weights="distance").fit(embeddings[train], labels[train])
    answers = model.predict([{"drawing": image} for image in images[test]])
    got = np.array([[answer["labelProbs"][name] for name in oracle.classes_] for answer in answers])
    np.testing.assert_allclose(got, oracle.predict_proba(embeddings[test]), atol=1e-5)
    expected = oracle.predict(embeddings[test])
    np.testing.assert_array_equal([answer["label"] for answer in answers], expected)
    assert (expected == labels[test]).mean() > 0.35  # 20 classes as drawn; chance is 0.05


def test_learning_in_two_steps_is_learning_at_once(stickers: Path, examples: Any) -> None:
    at_once = learned(stickers, examples)
    in_steps = learned(learned(stickers, examples[:10]), examples[10:])
    assert in_steps.get_spec() == at_once.get_spec()


def test_new_labels_are_accepted_at_any_time(stickers: Path, examples: Any) -> None:
    first = learned(stickers, examples)
    unseen = np.full(WIDTH, -9, np.float32)
    added = learned(first, [{"x": unseen, "label": "neu é"}] * 3)
    assert added.predict({"x": unseen})["label"] == "neu é"
    assert added.model_description.class_labels == ("a", "b", "c", "neu é")
    assert "neu é" not in first.predict({"x": unseen})["labelProbs"]


@pytest.mark.parametrize("form", ["mlmodel", "mlmodelc"])
def test_saved_and_loaded_it_gives_the_same_bits(stickers: Path, examples: Any, tmp_path: Path, form: str) -> None:
    model = learned(stickers, examples)
    path = tmp_path / f"Mine.{form}"
    model.save(path) if form == "mlmodel" else model.write(path)
    again = MLModel(path)
    assert again.get_spec() == model.get_spec()
    rng = np.random.default_rng(2)
    queries = [{"x": x} for x in rng.normal(size=(50, WIDTH)).astype(np.float32)]
    assert again.predict(queries) == model.predict(queries)


def test_networks_are_not_compiled_again(stickers: Path, examples: Any) -> None:
    model = MLModel(stickers)
    before = model.engine.engines[0].program  # type: ignore[attr-defined]
    assert learned(model, examples).engine.engines[0].program is before  # type: ignore[attr-defined]


def test_the_live_model_answers_while_it_is_swapped(stickers: Path, examples: Any) -> None:
    live = [learned(stickers, examples[:9])]
    known = {"a", "b", "c", "d"}
    problems: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = live[0].predict({"x": examples[0]["x"]})
            if answer["label"] not in known or abs(sum(answer["labelProbs"].values()) - 1) > 1e-9:
                problems.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for i in range(12):
            live[0] = learned(live[0], [{"x": examples[i]["x"] + 1, "label": "d"}])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert len(live[0].engine.engines[-1].neighbors.labels) == 9 + 12  # type: ignore[attr-defined]


def test_two_updates_of_one_model_at_once_do_not_meet(stickers: Path, examples: Any) -> None:
    model = MLModel(stickers)
    tasks = [MLUpdateTask(model, [dict(example, label=f"{n}") for example in examples]) for n in range(4)]
    for task in tasks:
        task.resume()
    for n, task in enumerate(tasks):
        assert task.wait(60)
        assert task.context is not None
        assert task.context.model.model_description.class_labels == (f"{n}",)
    assert model.predict({"x": examples[0]["x"]})["label"] == "unknown"


def test_hold_out_examples_of_a_knn_are_asked_once_at_the_end(stickers: Path, examples: Any) -> None:
    held = [*examples[20:], examples[0] | {"label": "never seen"}]
    asked = []

    class Counted:
        def __len__(self) -> int:
            return len(held)

        def __getitem__(self, index: int) -> Any:
            asked.append(index)
            return held[index]

    task = MLUpdateTask(stickers, examples[:20], validation_data=Counted())
    task.resume()
    assert task.wait(60)
    assert task.error is None, task.error
    assert asked == list(range(11))
    answers = [task.context.model.predict({"x": e["x"]})["label"] for e in held]
    share = np.mean([answer == e["label"] for answer, e in zip(answers, held, strict=True)])
    assert dict(task.context.metrics) == {"validationAccuracy": share}
    assert 0.5 < share < 1


def test_a_hold_out_example_that_does_not_fit_a_knn_is_named(stickers: Path, examples: Any) -> None:
    task = MLUpdateTask(stickers, examples, validation_data=[examples[0], {"x": examples[1]["x"]}])
    task.resume()
    assert task.wait(60)
    assert str(task.error).startswith("validation example 1: feature 'label'")
    assert task.context.model.predict({"x": examples[0]["x"]})["label"] == "unknown"
