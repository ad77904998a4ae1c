"""Models made by others, compiled: bit for bit the answers of the file."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime import MLModel, compile_model, load_spec
from pyruntime.samples import sample_features

NAMES = (
    "DeepLabV3Int8LUT", "FlowerMNISTUpdatable", "GestureLSTMClassifier", "HandGestureSqueezeNet", "HousePriceUpdatable",
    "LinearUpdatable", "MNISTClassifier", "PoseHourglass", "UpdatableDrawingClassifier", "Waifu2xAnimeNoise0",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_compiled_model_is_the_model(name, models_dir, tmp_path):
    path = models_dir / f"{name}.mlmodel"
    compiled = MLModel(compile_model(path, tmp_path / "m.mlmodelc"), verify=True)
    features = sample_features(load_spec(path))
    before, after = MLModel(path).predict(features), compiled.predict(features)
    assert before.keys() == after.keys()
    for key, value in before.items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(after[key]))
    assert compiled.get_spec() == load_spec(path)
