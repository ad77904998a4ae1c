"""Rules of legal models: a file for each that breaks just this one, and files that break none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime.errors import SpecError
from pyruntime.models import datatypes
from pyruntime.models.nearest_neighbors import KNearestNeighborsClassifierBuilder
from pyruntime.models.neural_network import AdamParams, NeuralNetworkBuilder, SgdParams
from pyruntime.models.pipeline import Pipeline, PipelineClassifier
from pyruntime.spec import load_lean, messages, save_spec
from pyruntime.spec.legality import RULES, broken_rules, check_spec
from tests.builder.test_training import network


def learner(mode: str | None = None) -> Any:
    """x -> dense1 -> dense2 -> softmax -> y, cross entropy: legal."""
    b = network((NeuralNetworkBuilder, datatypes), mode, disable_rank5_shape_mapping=False)
    if mode:
        b.set_class_labels(["cat", "dog"])
    b.make_updatable(["dense1", "dense2"])
    b.set_categorical_cross_entropy_loss("loss", "y")
    b.set_sgd_optimizer(SgdParams())
    b.set_epochs(3)
    return b.spec


def regressor() -> Any:
    """x -> dense1 -> relu -> dense2 -> y, squared error: legal."""
    b = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", datatypes.Array(2))], disable_rank5_shape_mapping=True)
    w = np.ones(6, np.float32)
    b.add_inner_product("dense1", w.reshape(2, 3), w[:2], 3, 2, True, "x", "h")
    b.add_activation("act", "RELU", "h", "a")
    b.add_inner_product("dense2", w[:4].reshape(2, 2), w[:2], 2, 2, True, "a", "y")
    b.make_updatable(["dense1"])
    b.set_mean_squared_error_loss("loss", ("y", datatypes.Array(2)))
    b.set_adam_optimizer(AdamParams())
    b.set_epochs(3)
    return b.spec


def knn() -> Any:
    b = KNearestNeighborsClassifierBuilder("x", "label", 2, "none", index_type="kd_tree")
    b.add_samples(np.ones((2, 2)), ["a", "b"])
    return b.spec


def pipeline() -> Any:
    """x -> y by a network, then k-NN over y: learns, legal."""
    front = network((NeuralNetworkBuilder, datatypes)).spec
    back = knn()
    for feature in (*back.description.input, *back.description.trainingInput):
        feature.name = "y" if feature.name == "x" else feature.name
    p = PipelineClassifier([("x", datatypes.Array(3))], ["a"], ["label", "labelProbs"])
    p.add_model(front)
    p.add_model(back)
    p.make_updatable()
    p.set_training_input([("x", datatypes.Array(3)), ("label", datatypes.String())])
    p.spec.pipelineClassifier.pipeline.names.extend(["front", "back"])
    return p.spec


def net(spec: Any) -> Any:
    return getattr(spec, spec.WhichOneof("Type"))


def parts(spec: Any) -> Any:
    return spec.pipelineClassifier.pipeline


def _quantize(spec: Any) -> None:
    weights = net(spec).layers[0].innerProduct.weights
    weights.ClearField("floatValue")
    weights.rawValue = bytes(6)
    weights.quantization.linearQuantization.scale.append(1)


def _second_loss(spec: Any) -> None:
    net(spec).updateParams.lossLayers.add(name="more").CopyFrom(net(spec).updateParams.lossLayers[0])
    net(spec).updateParams.lossLayers[1].name = "more"


def _set(path: str, value: Any) -> Callable[[Any], None]:
    """Set a field by its path: names, and places of lists."""

    def change(spec: Any) -> None:
        *way, last = path.split(".")
        message = spec if way and way[0] in ("description", "specificationVersion") else net(spec)
        for step in way:
            message = message[int(step)] if step.isdigit() else getattr(message, step)
        setattr(message, last, value)

    return change


def _clear(path: str) -> Callable[[Any], None]:
    def change(spec: Any) -> None:
        *way, last = path.split(".")
        message = spec if way and way[0] == "description" else net(spec)
        for step in way:
            message = message[int(step)] if step.isdigit() else getattr(message, step)
        message.ClearField(last)

    return change


def _label_type(spec: Any) -> None:
    feature = next(f for f in spec.description.trainingInput if f.name == "classLabel")
    feature.type.int64Type.SetInParent()


def _short_example(spec: Any) -> None:
    net(spec).nearestNeighborsIndex.floatSamples[1].vector.pop()


def _text_input(spec: Any) -> None:
    spec.description.input[0].type.stringType.SetInParent()


def _freeze_all(spec: Any) -> None:
    for layer in net(spec).layers:
        layer.isUpdatable = False


def _activation(kind: str) -> Callable[[Any], None]:
    return lambda spec: getattr(net(spec).layers[1].activation, kind).SetInParent()


SGD = "updateParams.optimizer.sgdOptimizer"
LOSS = "updateParams.lossLayers.0.categoricalCrossEntropyLossLayer"
INDEX = "nearestNeighborsIndex"
BREACHES: list[tuple[str, Callable[[], Any], Callable[[Any], Any], str]] = [
    ("models that learn have version 4", learner, lambda s: setattr(s, "specificationVersion", 3), "version 3"),
    (
        "models that learn are networks k nn or pipelines",
        lambda: messages.Model(specificationVersion=4, isUpdatable=True, identity=messages.Identity()),
        lambda s: None,
        "type identity",
    ),
    ("some layer learns", learner, _freeze_all, "none of its layers"),
    ("only layers with weights learn", learner, _set("layers.2.isUpdatable", True), "'softmax' is updatable"),
    ("weights and bias learn together", learner, _set("layers.0.innerProduct.bias.isUpdatable", False), "bias"),
    ("weights that learn are not quantized", learner, _quantize, "'dense1' .* quantized"),
    ("names of layers and losses are distinct", learner, _set("layers.1.name", "dense1"), "2 layers .* 'dense1'"),
    ("names of layers and losses are distinct", learner, _set("layers.1.name", "loss"), "'loss'"),
    ("one loss", learner, _second_loss, r"2 losses \(loss, more\)"),
    ("one loss", learner, _clear("updateParams.lossLayers"), "0 losses"),
    ("cross entropy is of a softmax", learner, _set(f"{LOSS}.input", "z"), "'z' comes from a innerProduct layer"),
    (
        "squared error is of a layer",
        regressor,
        _set("updateParams.lossLayers.0.meanSquaredErrorLossLayer.input", "x"),
        "no layer gives its input 'x'",
    ),
    ("target of the loss comes from outside", learner, _set(f"{LOSS}.target", "h"), "'h' is computed"),
    ("gradients reach what learns", regressor, _activation("ELU"), "'act', activation ELU"),
    ("gradients reach what learns", regressor, lambda s: net(s).layers[1].softmax.SetInParent(), "not directly under"),
    ("there is an optimizer", learner, _clear("updateParams.optimizer"), "without an optimizer"),
    ("the optimizer has its parameters", learner, _clear(f"{SGD}.miniBatchSize"), "sgdOptimizer has no miniBatchSize"),
    ("the number of epochs is set", learner, _clear("updateParams.epochs"), "no epochs"),
    ("defaults are allowed values", learner, _set(f"{SGD}.learningRate.defaultValue", 2.0), "range 0.0 to 1.0"),
    ("defaults are allowed values", learner, _set("updateParams.epochs.defaultValue", 4), r"own set \[3\]"),
    ("two training inputs", learner, lambda s: s.description.trainingInput.pop(), "training inputs are 'x'"),
    ("a training input is an input", learner, _set("description.trainingInput.0.name", "q"), "is an input of"),
    ("the target is a training input", learner, _set("description.trainingInput.1.name", "q"), "loss: 'y_true'"),
    ("the label to learn has the labels type", lambda: learner("classifier"), _label_type, "the output is str"),
    ("the number of neighbors is allowed", knn, _set("numberOfNeighbors.defaultValue", 0), "at least 1"),
    ("the number of neighbors is allowed", knn, _set("numberOfNeighbors.defaultValue", 1001), "1 to 1000"),
    ("votes are weighted", knn, _clear("uniformWeighting"), "weighting scheme"),
    ("there is an index", knn, _clear(f"{INDEX}.singleKdTreeIndex"), "kind of index"),
    ("there is an index", knn, _set(f"{INDEX}.singleKdTreeIndex.leafSize", 0), "leafSize 0"),
    ("there is a distance", knn, _clear(f"{INDEX}.squaredEuclideanDistance"), "distance"),
    ("each example has a label", knn, lambda s: net(s).stringClassLabels.vector.pop(), "2 examples and 1 labels"),
    ("each example has all dimensions", knn, _short_example, "example 1 has 1"),
    (
        "without examples there is a default label",
        lambda: KNearestNeighborsClassifierBuilder("x", "label", 2, "none").spec,
        _clear("defaultStringLabel"),
        "nothing to answer",
    ),
    ("labels are of one type", knn, _set("defaultInt64Label", 3), "defaultInt64Label"),
    ("a pipeline has models", lambda: Pipeline([], []).spec, lambda s: s.pipeline.SetInParent(), "no models"),
    ("features flow by name", pipeline, lambda s: setattr(s.description.input[0], "name", "q"), "model 0 reads 'x'"),
    ("features flow by name", pipeline, lambda s: setattr(s.description.output[0], "name", "q"), "no model gives"),
    ("features flow by name", pipeline, _text_input, "which is stringType"),
    ("only the last model learns", pipeline, lambda s: setattr(parts(s).models[1], "isUpdatable", False), r"got \[\]"),
    ("no model learns alone", pipeline, lambda s: setattr(s, "isUpdatable", False), r"models \[1\]"),
    ("names of models are distinct", pipeline, lambda s: parts(s).names.pop(), "2 models and 1 names"),
    ("names of models are distinct", pipeline, lambda s: parts(s).names.__setitem__(1, "front"), "all different"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "make", "change", "words"), BREACHES)
def test_breach_is_named_and_not_saved(rule, make, change, words, tmp_path):
    spec = make()
    change(spec)
    names = [broken.rule for broken in broken_rules(spec)]
    assert rule in names
    path = tmp_path / "m.mlmodel"
    with pytest.raises(SpecError, match=f"the rule '{names[0]}' is broken"):
        save_spec(spec, path)
    assert not path.exists()
    sentences = " ".join(broken.sentence for broken in broken_rules(spec) if broken.rule == rule)
    import re

    assert re.search(words, sentences), sentences


def test_every_rule_has_a_breach():
    assert {rule.name for rule in RULES} == {rule for rule, *_ in BREACHES}


@pytest.mark.parametrize("make", [learner, lambda: learner("classifier"), regressor, knn, pipeline])
def test_legal_models_are_saved(make, tmp_path):
    assert not broken_rules(make())
    path = tmp_path / "m.mlmodel"
    save_spec(make(), path)
    assert pyruntime.load_spec(path) == make()


def test_a_layer_that_passes_no_gradients_may_lie_before_all_that_learns():
    spec = regressor()
    _freeze_all(spec)
    _activation("ELU")(spec)
    net(spec).layers[2].isUpdatable = True
    for weight in (net(spec).layers[2].innerProduct.weights, net(spec).layers[2].innerProduct.bias):
        weight.isUpdatable = True
    check_spec(spec)


def test_model_inside_a_pipeline_is_named():
    spec = pipeline()
    parts(spec).models[1].kNearestNeighborsClassifier.numberOfNeighbors.defaultValue = 0
    with pytest.raises(SpecError, match="model 'back' of the pipeline: numberOfNeighbors is 0"):
        check_spec(spec)


def test_large_examples_of_an_opened_file_are_measured(tmp_path):
    b = KNearestNeighborsClassifierBuilder("x", "label", 400, "none")
    b.add_samples(np.ones((3, 400)), ["a", "b", "c"])
    save_spec(b.spec, tmp_path / "m.mlmodel")
    model = pyruntime.MLModel(tmp_path / "m.mlmodel")
    model.author = "me"
    model.save(tmp_path / "copy.mlmodel")
    b.spec.kNearestNeighborsClassifier.nearestNeighborsIndex.floatSamples[1].vector.append(0)
    save_spec(b.spec, tmp_path / "bad.mlmodel", check=False)
    lean = load_lean(tmp_path / "bad.mlmodel")
    assert [broken.sentence for broken in broken_rules(lean.spec, lean.payloads)] == [
        "example 1 has 401 numbers, expected 400"
    ]


def test_files_of_others_are_legal(models_dir: Path):
    paths = sorted(models_dir.glob("*.mlmodel"))
    assert paths
    for path in paths:
        lean = load_lean(path)
        assert not broken_rules(lean.spec, lean.payloads), path.name
