"""Files from compiled models are the files that coremltools wrote."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime import MLModel, compile_model
from tests.small_models import X, linear_answer, weights

coremltools = pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")


@pytest.fixture
def written(tmp_path):
    """A network written by coremltools' builder."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    w, b = weights(1)
    x, y = ("x", datatypes.Array(40)), ("y", datatypes.Array(3))
    builder = NeuralNetworkBuilder([x], [y], disable_rank5_shape_mapping=True)
    builder.add_inner_product("dense", w, b, 40, 3, True, "x", "y")
    coremltools.models.utils.save_spec(builder.spec, str(tmp_path / "m.mlmodel"))
    return tmp_path / "m.mlmodel"


def test_saved_from_a_compiled_model_reads_equal_in_coremltools(written, tmp_path):
    path = compile_model(written, tmp_path / "m.mlmodelc")
    model = MLModel(path)
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(), rtol=1e-5)
    model.save(tmp_path / "again.mlmodel")
    before, after = map(coremltools.models.utils.load_spec, (str(written), str(tmp_path / "again.mlmodel")))
    assert after == before
    assert model.get_spec().SerializeToString(deterministic=True) == before.SerializeToString(deterministic=True)
