"""Parameter keys and the check of values that replace the file's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import ParametersError
from pyruntime.parameters import ParameterKey, check_parameters, describe_parameters
from pyruntime.spec import messages
from tests.knn.models import knn_spec, pipeline_spec


def trainable(optimizer: str = "adamOptimizer") -> Any:
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    update = spec.neuralNetwork.updateParams
    chosen = getattr(update.optimizer, optimizer)
    chosen.learningRate.defaultValue, chosen.learningRate.range.maxValue = 0.1, 1.0
    chosen.miniBatchSize.defaultValue = 8
    chosen.miniBatchSize.set.values.extend([16, 8])
    if optimizer == "adamOptimizer":
        chosen.beta1.defaultValue, chosen.beta2.defaultValue, chosen.eps.defaultValue = 0.9, 0.999, 1e-8
    update.epochs.defaultValue = 3
    update.shuffle.defaultValue = True
    return spec


def test_keys_are_values_with_a_text_form() -> None:
    key = ParameterKey.WEIGHTS.scoped("dense").scoped("embedding")
    assert str(key) == "embedding/dense:weights"
    assert ParameterKey.of("embedding/dense:weights") == ParameterKey.of(key) == key
    assert ParameterKey.of("embedding/dense/weights") == key
    assert ParameterKey.of("weights") == ParameterKey.WEIGHTS == ParameterKey("weights")
    assert {key: 1}[ParameterKey.of("embedding/dense:weights")] == 1
    assert ParameterKey.WEIGHTS.scope == ""
    with pytest.raises(ParametersError, match=r"got a int"):
        ParameterKey.of(3)  # type: ignore[arg-type]


def test_networks_describe_their_optimizer_and_epochs() -> None:
    described = {str(key): d for key, d in describe_parameters(trainable()).items()}
    assert list(described) == ["learningRate", "miniBatchSize", "beta1", "beta2", "eps", "epochs", "shuffle", "seed"]
    assert [name for name, d in described.items() if d.adjustable_in_progress] == ["learningRate"]
    rate, batch, epochs = (described[name] for name in ("learningRate", "miniBatchSize", "epochs"))
    assert (rate.kind, rate.default_value, str(rate.numeric_constraint)) == ("Double", 0.1, "0.0 to 1.0")
    assert (batch.kind, batch.default_value, str(batch.numeric_constraint)) == ("Int64", 8, "one of 8, 16")
    assert epochs.numeric_constraint is None
    assert describe_parameters(messages.Model(neuralNetwork={}, specificationVersion=1)) == {}


def test_linked_models_describe_file_and_search_path() -> None:
    spec = messages.Model(specificationVersion=4)
    spec.linkedModel.linkedModelFile.linkedModelFileName.defaultValue = "A.mlmodelc"
    spec.linkedModel.linkedModelFile.linkedModelSearchPath.SetInParent()
    described = describe_parameters(spec)
    assert described[ParameterKey.LINKED_MODEL_FILE_NAME].default_value == "A.mlmodelc"
    assert check_parameters({"linkedModelSearchPath": "a:b"}, described) == {"linkedModelSearchPath": "a:b"}


@pytest.mark.parametrize("key", ["numberOfNeighbors", "stickers:numberOfNeighbors", "stickers/numberOfNeighbors"])
def test_in_a_pipeline_the_scope_may_be_left_out_when_one_model_has_the_key(key: str) -> None:
    described = describe_parameters(pipeline_spec())
    assert check_parameters({key: np.int64(4)}, described) == {"stickers/numberOfNeighbors": 4}


def test_in_a_pipeline_the_scope_is_needed_when_two_models_have_the_key() -> None:
    spec = pipeline_spec()
    spec.pipelineClassifier.pipeline.models[0].CopyFrom(knn_spec(default="a"))
    described = describe_parameters(spec)
    with pytest.raises(
        ParametersError, match=r"several models.*embedding:numberOfNeighbors, stickers:numberOfNeighbors"
    ):
        check_parameters({"numberOfNeighbors": 4}, described)
    assert check_parameters({"embedding:numberOfNeighbors": 4}, described) == {"embedding/numberOfNeighbors": 4}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"rate": 1}, "'rate' does not exist; this model has learningRate, miniBatchSize"),
        ({"learningRate": 1.5}, "'learningRate': expected a finite number, 0.0 to 1.0, got 1.5"),
        ({"learningRate": float("nan")}, "got nan"),
        ({"learningRate": "0.1"}, "got '0.1'"),
        ({"learningRate": True}, "got True"),
        ({"miniBatchSize": 9}, "'miniBatchSize': expected a whole number, one of 8, 16, got 9"),
        ({"miniBatchSize": 8.0}, "got 8.0"),
        ({"epochs": 2**70}, "'epochs'"),
        ({"shuffle": 1}, "'shuffle': expected True or False, got 1"),
        ({"dense:weights": [1]}, "'dense:weights' is weights of the model: they can be read but not set"),
        ({"epochs": 1, ParameterKey.EPOCHS: 2}, "'epochs' is given twice"),
    ],
)
def test_a_wrong_override_is_refused_by_key(overrides: Any, message: str) -> None:
    with pytest.raises(ParametersError, match=message):
        check_parameters(overrides, describe_parameters(trainable()))


def test_good_overrides_become_plain_values() -> None:
    given = {ParameterKey.LEARNING_RATE: 1, "miniBatchSize": np.int32(16), "shuffle": np.bool_(False), "epochs": 9}
    checked = check_parameters(given, describe_parameters(trainable("sgdOptimizer")))
    assert checked == {"learningRate": 1.0, "miniBatchSize": 16, "shuffle": False, "epochs": 9}
    assert [type(value) for value in checked.values()] == [float, int, bool, int]
