"""Predictions of whole models, as a user asks for them: features in, features out.  Threads: one per core."""

from __future__ import annotations

import pytest
from networks import STICKER, THIRD_PARTY, WITHOUT_FOLDER, models_folder, open_network
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("name", [STICKER.stem, *THIRD_PARTY])
def test_predict(name: str, benchmark: BenchmarkFixture) -> None:
    """The outputs are those that the model declares; how fast is for the reader."""
    path = STICKER
    if name != STICKER.stem:
        folder = models_folder()
        if folder is None:
            pytest.skip(WITHOUT_FOLDER)
        path = folder / f"{name}.mlmodel"
        if not path.exists():
            pytest.skip(f"{path} is not there")
    entry = open_network(path)
    outputs = benchmark(entry.model.predict, entry.features)
    assert {feature.name for feature in entry.model.model_description.outputs} <= outputs.keys()
