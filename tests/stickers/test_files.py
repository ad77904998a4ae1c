"""The demo's files: what stands in them, and that the network in them is worth shipping.

Oracles: coremltools reads the file; PyTorch runs the layers that stand in it; k-NN on raw pixels is what the
network has to beat.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pyruntime.spec import load_spec

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "examples" / "stickers" / "Sticker.mlmodel"
DRAWINGS = ROOT / "examples" / "stickers" / "drawings.npz"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package tools/sticker, which needs PyTorch."""
    pytest.importorskip("torch", reason="the sticker tools run layers with PyTorch, which is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import sticker.drawings
    import sticker.measure

    assert Path(sticker.__file__ or "").is_relative_to(ROOT)
    return sys.modules["sticker"]


def test_coremltools_reads_the_model_as_an_updatable_pipeline_with_an_empty_knn() -> None:
    utils = pytest.importorskip("coremltools.models.utils", reason="coremltools is not installed")
    spec = utils.load_spec(str(MODEL))
    assert (spec.specificationVersion, spec.isUpdatable) == (4, True)
    assert [each.name for each in spec.description.trainingInput] == ["sketch", "label"]
    assert spec.description.predictedFeatureName == "label"
    network, classifier = spec.pipelineClassifier.pipeline.models
    assert not network.isUpdatable
    assert classifier.isUpdatable
    nearest = classifier.kNearestNeighborsClassifier
    width = network.description.output[0].type.multiArrayType.shape[0]
    assert nearest.nearestNeighborsIndex.numberOfDimensions == width
    assert len(nearest.nearestNeighborsIndex.floatSamples) == 0
    assert nearest.numberOfNeighbors.defaultValue == 5
    assert nearest.defaultStringLabel == "unknown"


def test_every_feature_and_model_is_described() -> None:
    utils = pytest.importorskip("coremltools.models.utils", reason="coremltools is not installed")
    spec = utils.load_spec(str(MODEL))
    for model in (spec, *spec.pipelineClassifier.pipeline.models):
        about = model.description
        assert about.metadata.shortDescription
        assert about.metadata.author == "pyruntime"
        assert "CC BY 4.0" in about.metadata.license
        for feature in (*about.input, *about.output, *about.trainingInput):
            assert feature.shortDescription, feature.name


def test_the_model_is_small_enough_to_ship() -> None:
    assert MODEL.stat().st_size < 500_000


def test_forty_drawings_of_each_sticker_are_shipped(tools: ModuleType) -> None:
    shipped = tools.drawings.load(DRAWINGS)
    names, counts = np.unique(shipped.labels, return_counts=True)
    assert set(names) == {*tools.drawings.STICKERS, *tools.drawings.LATER_STICKERS}
    assert set(counts) == {40}


@pytest.mark.parametrize("later", [False, True], ids=["first stickers", "with the later ones"])
def test_five_examples_tell_stickers_apart_far_better_than_raw_pixels_do(tools: ModuleType, later: bool) -> None:
    names = tools.drawings.STICKERS + (tools.drawings.LATER_STICKERS if later else ())
    shipped = tools.drawings.load(DRAWINGS).of(names)
    model = load_spec(MODEL)
    draw = tools.measure.Episodes(ways=len(names), shots=5, count=50, seed=0)

    def share(vectors: np.ndarray) -> float:
        return float(np.mean(tools.measure.random_episodes(vectors, shipped.labels, draw).shares))

    network = share(tools.measure.embed(model, shipped.images))
    raw = share(tools.measure.raw_pixels(shipped.images))
    assert network > raw + 0.25, (network, raw)


def test_the_measured_knn_answers_as_scikit_learn_does(tools: ModuleType) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors", reason="scikit-learn is not installed")
    random = np.random.default_rng(3)
    known, asked = random.normal(size=(40, 8)), random.normal(size=(200, 8))
    labels = np.repeat(np.arange(4), 10)
    oracle = neighbors.KNeighborsClassifier(5, weights="distance", algorithm="brute").fit(known, labels)
    answers = tools.measure.nearest(known, labels, asked, inverse=True)
    assert (answers == oracle.predict(asked)).all()
