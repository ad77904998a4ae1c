"""A network as extractor and head: same predictions, the head learns, the extractor stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import MLModel, MLUpdateTask, split_for_update
from pyruntime.errors import BuildError
from pyruntime.models.neural_network import NeuralNetworkBuilder
from pyruntime.models.neural_network.quantization_utils import quantize_spec
from pyruntime.samples import sample_features
from pyruntime.spec import load_spec
from pyruntime.spec.legality import broken_rules
from pyruntime.spec.weights import weight_form

from ..layers.network import layer, model, says, scalar
from ..training.networks import activation, as_examples, convolution, dense, update
from .nets import Net, converted, kinds, layers_of, values


def parts(made: MLModel) -> list[Any]:
    spec = made.get_spec()
    kind = spec.WhichOneof("Type")
    return list((spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models)


def same(before: MLModel, after: MLModel, features: dict[str, Any]) -> None:
    first, second = before.predict(features), after.predict(features)
    assert first.keys() == second.keys()
    for name, wanted in first.items():
        if isinstance(wanted, np.ndarray):
            assert second[name].shape == wanted.shape
            np.testing.assert_allclose(second[name], wanted, atol=2e-6)
        elif isinstance(wanted, dict):
            assert second[name] == pytest.approx(wanted, abs=2e-6)
        else:
            assert second[name] == wanted


def image_net(labels: list[str] | None = None) -> Any:
    net = Net(1, 1, 8, 8, mode="classifier" if labels else None, classes=3)
    return net.conv(4).relu().pool().reshape(1, 36).matmul(8).relu().matmul(3).softmax().end(labels)


def legacy_net() -> Any:
    """Five axes: (C, H, W) -> convolution, pooling, flatten, two dense layers, softmax; a classifier."""
    layers = [
        convolution("c", "x", "a", 2, 3, learns=False), activation("ReLU", "a", "b"),
        layer("pooling", "b", "p", "pool", kernelSize=[2, 2], stride=[2, 2], valid={}),
        layer("flatten", "p", "f", "flat"),
        dense("d1", "f", "h", 27, 5, learns=False), activation("tanh", "h", "t"),
        dense("d2", "t", "z", 5, 3, learns=False), layer("softmax", "z", "y", "softmax"),
    ]  # fmt: skip
    outputs = [scalar("label", "string"), scalar("scores", "dictionary")]
    outputs[1].type.dictionaryType.stringKeyType.SetInParent()
    spec = model({"x": (2, 8, 8)}, layers, outputs, kind="neuralNetworkClassifier")
    spec.description.predictedFeatureName, spec.description.predictedProbabilitiesName = "label", "scores"
    spec.neuralNetworkClassifier.stringClassLabels.vector.extend("abc")
    spec.neuralNetworkClassifier.labelProbabilityLayerName = "y"
    return spec


@pytest.mark.parametrize("labels", [None, ["a", "b", "c"]])
@pytest.mark.parametrize("at", [None, "pooling3", "b4", "activation2", "batched_mat_mul5"])
def test_predictions_stay_and_the_head_learns(at: str | None, labels: list[str] | None) -> None:
    spec = image_net(labels)
    before = MLModel(spec)
    made = before_split = split_for_update(spec, at, epochs=2, mini_batch_size=4, seed=1)
    assert broken_rules(made.get_spec()) == []
    x = values(8, 1, 1, 8, 8, scale=1)
    for picture in x[:3]:
        same(before, made, {"x": picture})
    front, head = parts(made)
    assert (front.isUpdatable, head.isUpdatable) == (False, True)
    target = next(f.name for f in made.model_description.training_inputs if f.name != "x")
    wanted = list("abcaabca") if labels else [[i % 3] for i in range(8)]
    task, _ = update(made.get_spec(), as_examples(**{"x": list(x), target: wanted}), **{"head:learningRate": 0.5})
    after = parts(task.context.model)
    assert after[0] == front
    assert after[1] != head
    assert before_split.get_spec() == made.get_spec()


@pytest.mark.parametrize("at", [None, "pool", "c", "flat", "d1"])
def test_networks_of_five_axes(at: str | None) -> None:
    spec = legacy_net()
    made = split_for_update(spec, at, epochs=1)
    same(MLModel(spec), made, {"x": values(2, 8, 8, scale=1)})
    update(made.get_spec(), as_examples(x=list(values(4, 2, 8, 8)), label=list("abca")))


def test_the_head_has_all_that_can_learn_unless_told_otherwise() -> None:
    spec = image_net()
    names = ["batched_mat_mul5", "batched_mat_mul7"]
    head = parts(split_for_update(spec, "pooling3"))[1]
    assert [one.name for one in layers_of(head) if one.isUpdatable] == names
    head = parts(split_for_update(spec, "pooling3", layers=names[1]))[1]
    assert [one.name for one in layers_of(head) if one.isUpdatable] == names[1:]


def test_outputs_of_the_extractor_stay_outputs() -> None:
    spec = image_net()
    spec.description.output.add(name="b2").type.multiArrayType.dataType = 65568
    made = split_for_update(spec, "pooling3", output="scores")
    same(MLModel(spec), made, {"x": values(1, 1, 8, 8)})


def test_several_blobs_at_once() -> None:
    net = Net(1, 6).relu("TANH")
    first = net.blob
    net.matmul(6, bias=False).add("add_broadcastable", sources=[net.blob, first]).matmul(3).softmax()
    spec = net.end()
    with pytest.raises(BuildError) as caught:
        split_for_update(spec, "b2")
    says(caught.value, BuildError, ["do not separate the network", "layers behind also read 'b1'", "at=['b2', 'b1']"])
    made = split_for_update(spec, ["b2", "b1"])
    same(MLModel(spec), made, {"x": values(1, 6)})


def flexible() -> Any:
    """Any number of rows."""
    spec = converted()
    rows = spec.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    rows.add(lowerBound=1, upperBound=-1)
    rows.add(lowerBound=6, upperBound=6)
    return spec


def test_open_sizes_stay_open() -> None:
    spec = flexible()
    made = split_for_update(spec, epochs=1)
    for rows in (1, 4):
        same(MLModel(spec), made, {"x": values(rows, 6)})
    update(made.get_spec(), as_examples(x=list(values(3, 1, 6)), scores_true=[[0], [1], [2]]))
    with pytest.raises(BuildError, match="a k-NN compares arrays of one size"):
        split_for_update(spec, head="knn")


@pytest.mark.parametrize("at", ["branch", "chosen", "activation7"])
def test_control_flow_stays_in_one_part(at: str) -> None:
    net = Net(1, 6)
    condition = net.constant(np.ones(1, np.float32))
    branch = net.b.add_branch("branch", condition).branch
    for kind, side in (("RELU", branch.ifBranch), ("TANH", branch.elseBranch)):
        inner = NeuralNetworkBuilder(nn_spec=side, disable_rank5_shape_mapping=True)
        inner.add_activation(kind, kind, "x", "chosen")
    net.blob, net.count = "chosen", 5
    spec = net.matmul(4).relu().matmul(3).softmax().end()
    made = split_for_update(spec, at)
    same(MLModel(spec), made, {"x": values(1, 6)})
    assert [kinds(part).count("branch") for part in parts(made)] == [1, 0]


def test_a_constant_that_both_parts_read_is_in_both() -> None:
    net = Net(1, 3)
    constant = net.constant(values(3))
    net.add("multiply_broadcastable", sources=["x", constant]).relu()
    net.add("multiply_broadcastable", sources=[net.blob, constant]).matmul(3).softmax()
    spec = net.end()
    made = split_for_update(spec, "activation3")
    same(MLModel(spec), made, {"x": values(1, 3)})
    assert ["loadConstantND" in kinds(part) for part in parts(made)] == [True, True]


@pytest.mark.parametrize("bits", [8, 16])
def test_the_extractor_keeps_its_compressed_weights(bits: int) -> None:
    spec = quantize_spec(image_net(), bits)
    with pytest.raises(BuildError, match="dequantize=True"):
        split_for_update(spec)
    made = split_for_update(spec, dequantize=True)
    same(MLModel(spec), made, {"x": values(1, 1, 8, 8)})
    front, head = parts(made)
    forms = {weight_form(layers_of(front)[0].convolution.weights)}
    assert forms == {"float16Value" if bits == 16 else "rawValue"}
    assert all(weight_form(one.innerProduct.weights) == "floatValue" for one in layers_of(head) if one.isUpdatable)


def test_the_last_network_of_a_pipeline_is_split() -> None:
    first = split_for_update(image_net(["a", "b", "c"]), "pooling3")
    spec = first.get_spec()
    spec.isUpdatable = spec.pipelineClassifier.pipeline.models[1].isUpdatable = False
    made = split_for_update(spec, replace=True)
    assert list(made.get_spec().pipelineClassifier.pipeline.names) == ["extractor", "extractor2", "head"]
    same(first, made, {"x": values(1, 1, 8, 8)})


# k-NN


@pytest.mark.parametrize("default", ["unknown", 0])
@pytest.mark.parametrize("net", [image_net, legacy_net])
def test_an_extractor_with_an_empty_k_nn_learns_new_classes(net: Any, default: Any) -> None:
    spec = net()
    at = "activation6" if net is image_net else "tanh of h"
    made = split_for_update(spec, at, head="knn", number_of_neighbors=1, default_class_label=default)
    assert broken_rules(made.get_spec()) == []
    shape = (1, 1, 8, 8) if net is image_net else (2, 8, 8)
    pictures = values(3, *shape, scale=1)
    assert made.predict({"x": pictures[0]})["label"] == default
    labels: list[Any] = ["cat", "dog", "egg"] if default == "unknown" else [4, 5, 6]
    task = MLUpdateTask(made, [{"x": x, "label": label} for x, label in zip(pictures, labels, strict=True)])
    task.resume()
    assert task.wait(60)
    assert task.error is None
    learned = task.context.model
    assert [learned.predict({"x": x})["label"] for x in pictures] == labels
    neighbors = parts(learned)[1].kNearestNeighborsClassifier.nearestNeighborsIndex
    assert neighbors.numberOfDimensions == (8 if net is image_net else 5)


def test_the_k_nn_compares_the_features_that_the_network_makes() -> None:
    """Of the last layer but one by default: those of the whole network, asked for as an output."""
    spec = image_net()
    made = split_for_update(spec, head="knn")
    spec.description.output.add(name="b6").type.multiArrayType.dataType = 65568
    x = values(1, 1, 8, 8)
    wanted = MLModel(spec).predict({"x": x})["b6"].ravel()
    front = MLModel(parts(made)[0])
    np.testing.assert_allclose(next(iter(front.predict({"x": x}).values())), wanted, atol=1e-6)


# refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"at": "pooling"}, ["no layer or blob 'pooling'", "did you mean 'pooling3'"]),
        ({"at": "x"}, ["'x' is an input", "nothing before it"]),
        ({"at": []}, ["at is empty"]),
        ({"at": "softmax_nd8"}, ["'scores' does not depend on 'scores'", "cut before"]),
        ({"head": "tree"}, ["expected 'network' or 'knn'"]),
        ({"head": "knn", "at": ["b2", "b3"]}, ["compares one array", "2 blobs"]),
        ({"head": "knn", "epochs": 3}, ["'epochs' is no option of a k-NN head"]),
        ({"head": "knn", "label": "x"}, ["an input of that name"]),
        ({"head": "knn", "number_of_neighbors": 0}, ["number_of_neighbors is 0"]),
    ],
    ids=str,
)  # fmt: skip
def test_refused(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(BuildError) as caught:
        split_for_update(image_net(), **options)
    says(caught.value, BuildError, words)


def test_refused_models() -> None:
    with pytest.raises(BuildError, match="nothing to leave frozen"):
        split_for_update(Net(1, 6).matmul(3).softmax().end())
    with pytest.raises(BuildError, match="updatable already"):
        split_for_update(MLModel(converted()).make_updatable())
    shared = Net(1, 6).relu()
    shared.matmul(6).add("add_broadcastable", sources=[shared.blob, "x"]).matmul(3).softmax()
    with pytest.raises(BuildError, match="read the input 'x', too"):
        split_for_update(shared.end(), "batched_mat_mul2")


# files that others made


@pytest.mark.parametrize(("name", "at"), [("HandGestureSqueezeNet", "pool10"), ("MNISTClassifier", None)])
def test_third_party_models(models_dir: Path, name: str, at: str | None) -> None:
    spec = load_spec(models_dir / f"{name}.mlmodel")
    made = split_for_update(spec, at, add_softmax=True)
    features = sample_features(spec)
    before, after = MLModel(spec).predict(features), made.predict(features)
    label = spec.description.predictedFeatureName
    assert before[label] == after[label]
    neighbors = pyruntime.split_for_update(spec, at, head="knn")
    assert neighbors.predict(features)["label"] == "unknown"
    task = MLUpdateTask(neighbors, [{**features, "label": "mine"}])  # a picture, through its network
    task.resume()
    assert task.wait(60)
    assert task.error is None
    assert task.context.model.predict(features)["label"] == "mine"
