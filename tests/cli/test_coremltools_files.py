"""Models that coremltools wrote: their cards and answers through the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Run

WEIGHTS = np.array([[1, -2, 0.5], [0, 3, -1]], np.float32)
BIAS = np.array([0.5, -0.5], np.float32)


@pytest.fixture(scope="module")
def coremltools() -> Any:
    return pytest.importorskip("coremltools", reason="coremltools, which writes the models of this file, is not here")


@pytest.fixture
def network(coremltools: Any, tmp_path: Path) -> str:
    """Updatable: x (3) -> softmax(WEIGHTS x + BIAS), cross entropy, SGD."""
    arrays = coremltools.models.datatypes.Array
    builder = coremltools.models.neural_network.NeuralNetworkBuilder([("x", arrays(3))], [("y", arrays(2))])
    builder.add_inner_product(
        name="dense",
        W=WEIGHTS,
        b=BIAS,
        input_channels=3,
        output_channels=2,
        has_bias=True,
        input_name="x",
        output_name="z",
    )
    builder.add_softmax(name="softmax", input_name="z", output_name="y")
    builder.make_updatable(["dense"])
    builder.set_categorical_cross_entropy_loss(name="loss", input="y")
    params = coremltools.models.neural_network.SgdParams(lr=0.25, batch=8, momentum=0)
    params.set_batch(8, allowed_set=[8, 16])
    builder.set_sgd_optimizer(params)
    builder.set_epochs(10, allowed_set=[10, 20])
    builder.spec.description.metadata.author = "coremltools"
    path = str(tmp_path / "Written.mlmodel")
    coremltools.utils.save_spec(builder.spec, path)
    return path


def test_the_card_has_the_recipe_of_an_updatable_network(run: Run, network: str) -> None:
    card = run("describe", network, "--json", "--file-only").json
    assert card["type"] == "Neural Network"
    assert card["author"] == "coremltools"
    assert {row["key"]: (row["type"], row["default"], row["allowed"]) for row in card["parameters"]} == {
        "learningRate": ("Double", 0.25, "0…1"),
        "miniBatchSize": ("Int64", 8, "8, 16"),
        "momentum": ("Double", 0.0, "0…1"),
        "epochs": ("Int64", 10, "10, 20"),
        "shuffle": ("Bool", True, "any"),
        "seed": ("Int64", None, "any"),
    }
    assert [row["key"] for row in card["parameters"] if row["in_progress"]] == ["learningRate"]
    assert [layer["updatable"] for layer in card["networks"][0]["layers"]] == [True, False]
    lines = run("describe", network, "--file-only").out.splitlines()
    assert any("learningRate" in line and "Adjustable in progress" in line for line in lines)


def test_predictions_are_numpys(run: Run, network: str) -> None:
    x = np.array([0.25, 1, -2], np.float32)
    z = WEIGHTS @ x + BIAS
    y = run("predict", network, "--input", "0.25,1,-2", "--json").json["predictions"][0]["outputs"]["y"]
    np.testing.assert_allclose(y, np.exp(z) / np.exp(z).sum(), rtol=1e-5)
