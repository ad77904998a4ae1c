"""pyruntime make-updatable and pyruntime split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel
from pyruntime.spec import load_spec, save_spec
from pyruntime.spec.legality import broken_rules

from ..updatable.nets import Net, converted
from .conftest import Run


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    path = tmp_path / "Flowers.mlmodel"
    save_spec(converted(["rose", "tulip", "daisy"]), path)
    return path


def test_without_an_output_it_lists(run: Run, flowers: Path) -> None:
    done = run("make-updatable", flowers)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()[1:3]] == [
        ["batched_mat_mul4", "batchedMatmul"], ["batched_mat_mul1", "batchedMatmul"],
    ]  # fmt: skip
    assert "56 numbers" in done.out
    listed = run("make-updatable", flowers, "--json").json
    assert listed["candidates"][1] == {
        "name": "batched_mat_mul1", "type": "batchedMatmul", "numbers": 56, "stored": "float32", "core_ml": True,
    }  # fmt: skip


def test_the_last_layer_learns_and_the_file_updates(run: Run, flowers: Path, tmp_path: Path) -> None:
    target = tmp_path / "Learner.mlmodel"
    done = run("make-updatable", flowers, "--output", target, "--epochs", 3, "--seed", 1, "--allow", "epochs=1..9")
    assert done.code == 0, done.err
    assert "* batched_mat_mul4" in done.out
    assert "learning: batched_mat_mul4; training inputs: x, label" in done.out
    spec = load_spec(target)
    assert broken_rules(spec) == []
    assert spec.neuralNetworkClassifier.updateParams.epochs.range.maxValue == 9
    rows = [{"x": [[float(i == j) for j in range(6)]], "label": ["rose", "tulip", "daisy"][i % 3]} for i in range(6)]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(str(row).replace("'", '"') for row in rows), encoding="utf-8")
    learned = run("update", target, "--data", data, "--output", tmp_path / "Mine.mlmodel")
    assert learned.code == 0, learned.err
    assert load_spec(tmp_path / "Mine.mlmodel") != spec


def test_chosen_layers_and_options(run: Run, flowers: Path, tmp_path: Path) -> None:
    target = tmp_path / "Learner.mlmodelc"
    result = run(
        "make-updatable", flowers, "--layers", "batched_mat_mul1", "batched_mat_mul4", "--optimizer", "adam",
        "--learning-rate", 0.002, "--mini-batch-size", 4, "--allow", "miniBatchSize=4,8", "--no-shuffle", "--output",
        target, "--json",
    ).json  # fmt: skip
    assert result["layers"] == ["batched_mat_mul1", "batched_mat_mul4"]
    update = MLModel(target).get_spec().neuralNetworkClassifier.updateParams
    assert update.optimizer.adamOptimizer.learningRate.defaultValue == 0.002
    assert list(update.optimizer.adamOptimizer.miniBatchSize.set.values) == [4, 8]
    assert not update.shuffle.defaultValue


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--layers", "batched_mat_mul9", "--output", "A.mlmodel"], 1, ["did you mean"]),
        (["--output", "A.txt"], 2, [".mlmodel or .mlmodelc"]),
        (["--output", "A.mlmodel", "--allow", "epochs=many"], 2, ["--allow epochs=many", "epochs=1..50"]),
        (["--output", "A.mlmodel", "--allow", "beta1=0..1"], 1, ["'beta1' is no parameter"]),
        (["--output", "missing/A.mlmodel"], 1, ["does not exist"]),
    ],
)
def test_refused(run: Run, flowers: Path, monkeypatch: Any, arguments: list[str], code: int, words: list[str]) -> None:
    monkeypatch.chdir(flowers.parent)
    done = run("make-updatable", flowers, *arguments)
    assert done.code == code
    assert all(word in done.err for word in words), done.err
    assert [path.name for path in flowers.parent.glob("*.mlmodel")] == ["Flowers.mlmodel"]


def test_beyond_core_ml_is_noted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "Net.mlmodel"
    save_spec(Net(1, 6).matmul(4).relu("LEAKYRELU").matmul(3).softmax().end(), path)
    arguments = ["make-updatable", path, "--layers", "batched_mat_mul1", "--output", tmp_path / "Out.mlmodel"]
    assert run(*arguments).code == 1
    done = run(*arguments, "--beyond-core-ml")
    assert done.code == 0, done.err
    assert "only this package trains the model" in done.err


def test_split(run: Run, flowers: Path, tmp_path: Path) -> None:
    target = tmp_path / "Split.mlmodel"
    done = run("split", flowers, "--output", target)
    assert done.code == 0, done.err
    assert "models: extractor, head, in which batched_mat_mul4 learn; training inputs: x, label" in done.out
    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(1, 6)
    assert MLModel(target).predict({"x": x})["label"] == MLModel(flowers).predict({"x": x})["label"]
    stickers = run(
        "split", flowers, "--at", "activation2", "--head", "knn", "--number-of-neighbors", 3, "--default-label", 7,
        "--output", target, "--json",
    ).json  # fmt: skip
    assert stickers["models"] == ["extractor", "neighbors"]
    model = MLModel(target)
    assert model.predict({"x": x})["label"] == 7
    assert model.parameter_value("neighbors:numberOfNeighbors") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--head", "knn", "--epochs", "3"], 2, "--epochs is no option of --head knn"),
        (["--default-label", "a"], 2, "--default-label is no option of --head network"),
        (["--at", "nowhere"], 1, "no layer or blob 'nowhere'"),
    ],
)
def test_split_refused(run: Run, flowers: Path, tmp_path: Path, arguments: list[str], code: int, word: str) -> None:
    done = run("split", flowers, "--output", tmp_path / "Split.mlmodel", *arguments)
    assert done.code == code
    assert word in done.err
    assert not (tmp_path / "Split.mlmodel").exists()
