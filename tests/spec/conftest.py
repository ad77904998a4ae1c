"""Models written by coremltools, as bytes: the outside view of what a file looks like."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

logging.getLogger("coremltools").setLevel(logging.ERROR)  # says which optional parts it lacks


def dense_network(width: int = 600) -> Any:
    """Inner product (width to 4), then softmax; classifier with string labels."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    rng = np.random.default_rng(1)
    builder = NeuralNetworkBuilder([("x", datatypes.Array(width))], [("p", datatypes.Array(4))], mode="classifier")
    weights, bias = rng.normal(size=(4, width)), rng.normal(size=4)
    builder.add_inner_product("dense", weights, bias, width, 4, True, "x", "y")
    builder.add_softmax("softmax", "y", "p")
    builder.set_class_labels(["a", "b", "c", "d"])
    return builder.spec


def nearest_neighbours(samples: int = 20, width: int = 300) -> Any:
    from coremltools.models.nearest_neighbors import KNearestNeighborsClassifierBuilder

    builder = KNearestNeighborsClassifierBuilder("x", "label", width, "none", number_of_neighbors=3)
    rng = np.random.default_rng(2)
    builder.add_samples(rng.normal(size=(samples, width)), [f"l{i % 3}" for i in range(samples)])
    return builder.spec


def trees() -> Any:
    from coremltools.models import datatypes
    from coremltools.models.tree_ensemble import TreeEnsembleRegressor

    builder = TreeEnsembleRegressor([("x", datatypes.Array(1))], "y")
    builder.add_branch_node(0, 0, 0, 0.5, "BranchOnValueLessThanEqual", 1, 2)
    builder.add_leaf_node(0, 1, 1.5)
    builder.add_leaf_node(0, 2, -2.5)
    builder.set_default_prediction_value([0.25])
    return builder.spec


def program() -> Any:
    """An mlProgram with a constant that is large enough to be kept outside the messages."""
    from coremltools.proto import MIL_pb2, Model_pb2

    model = Model_pb2.Model(specificationVersion=7)
    function = model.mlProgram.functions["main"]
    function.opset = "CoreML6"
    operation = function.block_specializations["CoreML6"].operations.add(type="const")
    value = operation.attributes["val"]
    value.type.tensorType.dataType = MIL_pb2.FLOAT32
    value.immediateValue.tensor.floats.values.extend(np.arange(2000.0))
    return model


def pipeline() -> Any:
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
    models = model.pipelineClassifier.pipeline
    models.models.extend([dense_network(), nearest_neighbours()])
    models.names.extend(["network", "neighbours"])
    model.description.metadata.userDefined.update({"b": "2", "a": "1", "ü": "ß"})
    return model


def small_type(which: int) -> Any:
    """A small model of one of the types without a builder."""
    from coremltools.proto import Model_pb2

    models = [Model_pb2.Model(specificationVersion=1) for _ in range(12)]
    models[0].glmRegressor.weights.add().value.extend([1.0, 2.0])
    models[0].glmRegressor.offset.append(0.5)
    models[1].scaler.shiftValue.extend([1.0, -1.0])
    models[2].oneHotEncoder.stringCategories.vector.extend(["u", "v"])
    models[3].dictVectorizer.int64ToIndex.vector.extend([5, -6])
    models[4].supportVectorClassifier.denseSupportVectors.vectors.add().values.extend([0.5] * 9)
    models[5].categoricalMapping.int64ToStringMap.map.update({3: "three", -1: "minus"})
    models[6].imputer.imputedDoubleArray.vector.extend([0.0] * 300)
    models[7].featureVectorizer.inputList.add(inputColumn="c", inputDimensions=3)
    models[8].customModel.parameters["p"].bytesValue = bytes(range(256)) * 8
    models[9].serializedModel.model = b"\0\xff" * 3000
    models[10].identity.SetInParent()
    models[11].linkedModel.linkedModelFile.linkedModelFileName.defaultValue = "part"
    return models[which]


MODELS: dict[str, Callable[[], Any]] = {
    "dense": dense_network,
    "neighbours": nearest_neighbours,
    "trees": trees,
    "program": program,
    "pipeline": pipeline,
    **{f"small{i}": partial(small_type, i) for i in range(12)},
}


@pytest.fixture(params=MODELS)
def foreign(request: pytest.FixtureRequest) -> Any:
    """A Model message of coremltools."""
    return MODELS[request.param]()
