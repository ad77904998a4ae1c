"""The card: its text, its JSON, and models that cannot run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import models
from .conftest import Run

CARD = """\
Sticker
  Type           Pipeline: Neural Network → K Nearest Neighbors Classifier
  Size           {size} bytes ({size} bytes)
  Author         A. Tester
  Description    Learns drawings.
  License        CC0
  Version        1.2
  Specification  version 4, iOS 13 and newer
  Updatable      yes

Prediction
  Inputs   drawing  Image (Grayscale 4 x 4)       A drawing
  Outputs  label    String
           scores   Dictionary (String → Double)

Update
  Inputs  drawing  Image (Grayscale 4 x 4)  A drawing
          label    String

Parameters
  Name                         Type   Default  Allowed  Description
  neighbors:numberOfNeighbors  Int64  3        1…9      How many of the nearest samples vote

Class labels
  none yet: an update adds them

K nearest neighbors neighbors
  Examples          0
  Dimensions        3
  Index             linearIndex
  Weighting         uniformWeighting
  Without examples  answers 'unknown'

Neural Network embedding: 2 layers, 48 float32 (192 bytes)
  Type          Layers  Weights
  flatten            1
  innerProduct       1  48 float32 (192 bytes)
"""


def test_the_card_of_an_updatable_pipeline(run: Run, sticker: str) -> None:
    size = Path(sticker).stat().st_size
    assert 192 < size < 1000
    assert run("describe", sticker, "--file-only").out == CARD.format(size=size)


def test_the_card_says_what_a_prediction_takes_here(run: Run, sticker: str) -> None:
    text = run("describe", sticker).out
    assert text.startswith(CARD.format(size=Path(sticker).stat().st_size))
    assert "\nOn this machine\n  Units                CPU, " in text
    assert "Memory of embedding" in text


def test_json_has_the_card_under_stable_keys(run: Run, sticker: str) -> None:
    card = run("describe", sticker, "--json").json
    assert list(card) == [
        "name", "path", "kind", "type", "nbytes", "specification_version", "author", "description", "license",
        "version", "user_defined", "updatable", "inputs", "outputs", "training_inputs", "parameters", "labels",
        "networks", "neighbors", "run",
    ]  # fmt: skip
    assert card["kind"] == "pipelineClassifier"
    assert card["inputs"] == [
        {"name": "drawing", "type": "Image (Grayscale 4 x 4)", "description": "A drawing", "optional": False}
    ]
    assert card["parameters"][0]["key"] == "neighbors:numberOfNeighbors"
    assert card["networks"][0]["layers"][1]["weights"] == [{"form": "float32", "count": 48, "nbytes": 192}]
    memory = card["run"]["memory"][0]
    assert card["run"]["runs"]
    assert 0 < memory["peak"] <= memory["arena"]


def test_layers_lists_each_layer(run: Run, sticker: str) -> None:
    lines = run("describe", sticker, "--layers", "--file-only").out.splitlines()
    assert any(line.split() == ["0", "flatten", "flatten", "drawing", "→", "pixels"] for line in lines)
    assert any(line.split()[:3] == ["1", "dense_vector", "innerProduct"] for line in lines)


def test_graph_shows_the_operators_that_run(run: Run, sticker: str) -> None:
    outcome = run("describe", sticker, "--graph")
    assert outcome.out.startswith("embedding:\nin  in:drawing:u8[")
    assert " = gemm(" in outcome.out
    assert "embedding" in run("describe", sticker, "--graph", "--json").json["graphs"]


def test_a_model_that_cannot_run_here_has_a_card_with_the_reason(run: Run, private: str) -> None:
    outcome = run("describe", private)
    assert outcome.code == 0
    assert "  Type           Serialized Model" in outcome.out
    assert "Does not run  the model is a model in a private format (serializedModel)" in outcome.out
    run_card = run("describe", private, "--json").json["run"]
    assert run_card["runs"] is False
    assert "serializedModel" in run_card["reason"]


def test_names_from_the_file_cannot_command_the_terminal(run: Run, tmp_path: Path) -> None:
    spec = models.linear()
    spec.description.metadata.author = "\x1b[31mred\x07 \u202eback\nline"
    out = run("describe", models.saved(spec, tmp_path / "m.mlmodel")).out
    assert r"\x1b[31mred\x07 \u202eback line" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("form", "fill", "expected"),
    [
        ("float16", lambda w: setattr(w, "float16Value", bytes(8)), ("float16", 4, 8)),
        ("table", lambda w: _quantized(w, 4, table=True), ("4-bit table", 4, 2)),
        ("linear", lambda w: _quantized(w, 8, table=False), ("8-bit linear", 4, 4)),
    ],
)
def test_weights_are_counted_in_the_form_they_are_stored_in(
    run: Run, tmp_path: Path, form: str, fill: object, expected: tuple[str, int, int]
) -> None:
    spec = models.linear()
    weights = spec.neuralNetwork.layers[0].innerProduct.weights
    weights.ClearField("floatValue")
    fill(weights)  # type: ignore[operator]
    card = run("describe", models.saved(spec, tmp_path / "m.mlmodel"), "--json").json
    found = card["networks"][0]["layers"][0]["weights"]
    assert [(w["form"], w["count"], w["nbytes"]) for w in found] == [expected]


def _quantized(weights: object, bits: int, *, table: bool) -> None:
    weights.rawValue = bytes(bits * 4 // 8)  # type: ignore[attr-defined]
    quantization = weights.quantization  # type: ignore[attr-defined]
    quantization.numberOfBits = bits
    if table:
        quantization.lookupTableQuantization.floatValue.extend(range(1 << bits))
    else:
        quantization.linearQuantization.scale.append(1.0)


@pytest.mark.parametrize(
    ("name", "kind", "layers", "weights"),
    [
        ("UpdatableDrawingClassifier", "Pipeline: Neural Network → K Nearest Neighbors Classifier", 12, 97152),
        ("FlowerMNISTUpdatable", "Neural Network", 11, 585958),
        ("DeepLabV3Int8LUT", "Neural Network", 218, 2097019),
        ("HandGestureSqueezeNet", "Neural Network Classifier", 65, 724035),
        ("GestureLSTMClassifier", "Neural Network Classifier", 9, 246500),
        ("SentimentPolarity", "Pipeline: (Dict Vectorizer → Feature Vectorizer) → GLM Classifier", 0, 0),
        ("ImproveTreeClassifier", "Tree Ensemble Classifier", 0, 0),
    ],
)
def test_cards_of_files_by_others_agree_with_coremltools_count_of_them(
    run: Run, models_dir: Path, name: str, kind: str, layers: int, weights: int
) -> None:
    card = run("describe", models_dir / f"{name}.mlmodel", "--json", "--file-only").json
    assert card["type"] == kind
    found = [layer for network in card["networks"] for layer in network["layers"]]
    assert len(found) == layers
    assert sum(weight["count"] for layer in found for weight in layer["weights"]) == weights


def test_types_without_an_engine_say_why_they_do_not_run(run: Run, models_dir: Path) -> None:
    outcome = run("describe", models_dir / "NSFWFeaturePrint.mlmodel")
    assert outcome.code == 0
    assert "Does not run" in outcome.out
