"""make_updatable: what it writes, and what it refuses."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask, TrainingOptions, make_updatable
from pyruntime import custom as registry
from pyruntime.errors import BuildError, MLModelError, SpecError
from pyruntime.models import datatypes
from pyruntime.models.neural_network import AdamParams, NeuralNetworkBuilder, SgdParams
from pyruntime.models.neural_network.quantization_utils import activate_int8_int8_matrix_multiplications, quantize_spec
from pyruntime.models.updatable import update_candidates
from pyruntime.samples import sample_features
from pyruntime.spec import load_spec, messages, save_spec
from pyruntime.spec.legality import broken_rules
from pyruntime.spec.weights import weight_form

from ..layers.network import layer, model, says
from ..training.networks import as_examples, dense, update
from .nets import Net, converted, kinds, layers_of, values

CLASSES = ["a", "b", "c"]


def network_of(made: MLModel) -> Any:
    spec = made.get_spec()
    return getattr(spec, spec.WhichOneof("Type"))


def learners(made: MLModel) -> list[str]:
    return [one.name for one in network_of(made).layers if one.isUpdatable]


def test_a_classifier() -> None:
    original = MLModel(converted(CLASSES))
    before = original.get_spec()
    made = original.make_updatable()
    assert original.get_spec() == before
    assert made.is_updatable
    assert not original.is_updatable
    spec = made.get_spec()
    assert broken_rules(spec) == []
    assert learners(made) == ["batched_mat_mul4"]
    assert list(spec.neuralNetworkClassifier.stringClassLabels.vector) == CLASSES
    assert [f.name for f in spec.description.trainingInput] == ["x", "label"]
    assert spec.description.trainingInput[1].type.WhichOneof("Type") == "stringType"
    p = spec.neuralNetworkClassifier.layers[3].innerProduct
    assert p.weights.isUpdatable
    assert p.bias.isUpdatable
    loss = spec.neuralNetworkClassifier.updateParams.lossLayers[0]
    assert loss.categoricalCrossEntropyLossLayer.target == "scores_true"
    x = values(1, 6)
    before, after = original.predict({"x": x}), made.predict({"x": x})
    assert before["label"] == after["label"]
    assert before["scores"] == pytest.approx(after["scores"], abs=1e-6)


def test_whole_numbers_as_labels_stay_such() -> None:
    made = make_updatable(converted([3, 5, 8]), epochs=1)
    _, record = update(made.get_spec(), as_examples(x=list(values(3, 1, 6)), label=[3, 5, 8]))
    assert np.isfinite(record.epoch_losses).all()
    with pytest.raises(MLModelError, match="one of the model's 3 class labels"):
        update(made.get_spec(), as_examples(x=list(values(1, 1, 6)), label=[4]))


def test_a_plain_network_with_a_softmax_takes_the_number_of_the_class() -> None:
    made = make_updatable(converted())
    target = made.get_spec().description.trainingInput[1]
    assert target.name == "scores_true"
    assert list(target.type.multiArrayType.shape) == [1]
    assert target.type.multiArrayType.dataType == messages.ArrayFeatureType.ArrayDataType.INT32


def test_a_regressor_learns_numbers() -> None:
    net = Net(1, 6, mode="regressor", classes=1)
    spec = net.matmul(4).relu().matmul(1).end()
    spec.description.predictedFeatureName = "scores"
    made = make_updatable(spec, epochs=2, seed=0)
    assert network_of(made).updateParams.lossLayers[0].WhichOneof("LossLayerType") == "meanSquaredErrorLossLayer"
    assert "expandDims" not in kinds(made.get_spec())
    target = made.get_spec().description.trainingInput[1]
    assert (target.name, list(target.type.multiArrayType.shape)) == ("scores_true", [1])
    update(made.get_spec(), as_examples(x=list(values(4, 1, 6)), scores_true=list(values(4, 1))))


def test_a_network_of_five_axes_keeps_its_layers() -> None:
    layers = [
        dense("a", "x", "h", 4, 3, learns=False), layer("activation", "h", "t", "act", tanh={}),
        dense("b", "t", "y", 3, 2, learns=False),
    ]  # fmt: skip
    spec = model({"x": (4,)}, layers, ["y"])
    made = make_updatable(spec, ["a", "b"])
    assert kinds(made.get_spec()) == ["innerProduct", "activation", "innerProduct"]
    assert made.get_spec().specificationVersion == 4
    update(made.get_spec(), as_examples(x=list(values(8, 4)), y_true=list(values(8, 2))))


def test_the_last_network_of_a_pipeline() -> None:
    front = model({"x": (1, 6)}, [dense("front", "x", "f", 6, 6, learns=False)], ["f"], exact=True)
    spec = messages.Model(specificationVersion=1)
    last = converted(CLASSES)
    last.description.input[0].name = "f"
    last.neuralNetworkClassifier.layers[0].input[0] = "f"
    last.description.input[0].type.multiArrayType.shape[:] = [1, 6]
    del last.neuralNetworkClassifier.layers[4:6]
    last.neuralNetworkClassifier.layers[-1].input[0] = "b4"
    spec.description.input.extend(front.description.input)
    spec.description.output.extend(last.description.output)
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "scores"
    spec.pipelineClassifier.pipeline.models.extend([front, last])
    made = make_updatable(spec, "batched_mat_mul1", learning_rate=0.5)
    result = made.get_spec()
    assert broken_rules(result) == []
    assert [part.isUpdatable for part in result.pipelineClassifier.pipeline.models] == [False, True]
    assert [f.name for f in result.description.trainingInput] == ["x", "label"]
    assert result.specificationVersion == 4
    x = values(6, 1, 6)
    before, after = (one.predict({"x": x[0]}) for one in (MLModel(spec), made))
    assert before["label"] == after["label"]
    assert before["scores"] == pytest.approx(after["scores"], abs=1e-6)
    update(result, as_examples(x=list(x), label=list("abcabc")))


# numbers


def test_defaults_and_what_callers_may_choose() -> None:
    keys = make_updatable(converted()).model_description.parameter_descriptions_by_key
    found = {key.name: one.default_value for key, one in keys.items()}
    assert found == {
        "epochs": 10,
        "miniBatchSize": 8,
        "learningRate": 0.01,
        "momentum": 0.0,
        "shuffle": True,
        "seed": None,
    }
    made = make_updatable(converted(), epochs=2000, allowed={"miniBatchSize": {4, 8, 16}, "learningRate": (0, 0.5)})
    MLModel(made.get_spec(), configuration=MLModelConfiguration(parameters={"epochs": 2000, "miniBatchSize": 16}))
    for name, value in (("miniBatchSize", 5), ("learningRate", 0.6), ("epochs", 0)):
        with pytest.raises(MLModelError, match=name):
            MLModel(made.get_spec(), configuration=MLModelConfiguration(parameters={name: value}))


def test_optimizers() -> None:
    adam = network_of(make_updatable(converted(), optimizer="adam", learning_rate=0.02)).updateParams.optimizer
    assert adam.adamOptimizer.learningRate.defaultValue == 0.02
    assert (adam.adamOptimizer.beta1.defaultValue, adam.adamOptimizer.eps.defaultValue) == (0.9, 1e-8)
    params = SgdParams(lr=0.2, batch=3, momentum=0.5)
    params.set_lr(0.2, 0.1, 0.3)
    sgd = network_of(make_updatable(converted(), optimizer=params, mini_batch_size=6)).updateParams.optimizer
    sgd = sgd.sgdOptimizer
    assert (sgd.learningRate.range.minValue, sgd.learningRate.range.maxValue) == (0.1, 0.3)
    assert (sgd.miniBatchSize.defaultValue, sgd.momentum.defaultValue) == (6, 0.5)
    given = network_of(make_updatable(converted(), optimizer=AdamParams(beta2=0.5))).updateParams.optimizer
    assert given.adamOptimizer.beta2.defaultValue == 0.5


def test_shuffle_and_seed() -> None:
    update_of = network_of(make_updatable(converted(), seed=7)).updateParams
    assert (update_of.shuffle.defaultValue, update_of.seed.defaultValue) == (True, 7)
    update_of = network_of(make_updatable(converted(), shuffle=False)).updateParams
    assert (update_of.shuffle.defaultValue, update_of.HasField("seed")) == (False, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "rmsprop"}, ["'rmsprop'", "'sgd', 'adam'"]),
        ({"epochs": 0}, ["epochs is 0, expected at least 1"]),
        ({"epochs": 2.5}, ["epochs is 2.5", "whole number"]),
        ({"learning_rate": float("nan")}, ["learningRate is nan"]),
        ({"learning_rate": -1}, ["learningRate"]),
        ({"mini_batch_size": 9, "allowed": {"miniBatchSize": {4, 8}}}, ["miniBatchSize is 9", "not in its own set"]),
        ({"allowed": {"epochs": (20, 30)}}, ["epochs is 10, outside its own range 20 to 30"]),
        ({"allowed": {"beta1": (0, 1)}}, ["'beta1' is no parameter"]),
        ({"allowed": {"learningRate": {0.1}}}, ["takes a range"]),
        ({"allowed": {"epochs": "many"}}, ["expected (smallest, largest) or a set"]),
        ({"loss": "hinge"}, ["'hinge'", "'categorical_cross_entropy' or 'mean_squared_error'"]),
        ({"output": "score"}, ["no output 'score'", "did you mean 'scores'"]),
        ({"layers": []}, ["layers is empty"]),
        ({"layers": "batched_matmul1"}, ["no layer 'batched_matmul1'", "did you mean 'batched_mat_mul1'"]),
        ({"layers": "zzz"}, ["no layer 'zzz'; layers are 'batched_mat_mul1'"]),
        ({"layers": "activation2"}, ["'activation2' (activation) has no weights"]),
        ({"layers": "batched_mat_mul4", "output": "b1"}, ["no part in 'b1'", "another output for the loss"]),
        ({"loss": "mean_squared_error"}, ["softmax", "passes no gradients"]),
    ],
    ids=str,
)  # fmt: skip
def test_refused(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(BuildError) as caught:
        make_updatable(converted(), **options)
    says(caught.value, BuildError, words)


# what stands in the way


def test_cross_entropy_without_a_softmax() -> None:
    spec = Net(1, 6, mode="classifier", classes=3).matmul(3).end(CLASSES)
    with pytest.raises(BuildError, match="add_softmax=True"):
        make_updatable(spec)
    made = make_updatable(spec, add_softmax=True, epochs=2)
    x = values(6, 1, 6)
    assert made.predict({"x": x[0]}) == MLModel(spec).predict({"x": x[0]})
    _, record = update(made.get_spec(), as_examples(x=list(x), label=list("abcabc")))
    assert record.epoch_losses[-1] < record.epoch_losses[0]
    by_numbers = make_updatable(spec, loss="mean_squared_error")
    assert by_numbers.get_spec().description.trainingInput[1].name == "scores_true"


def test_a_model_that_is_updatable_already() -> None:
    made = make_updatable(converted())
    with pytest.raises(BuildError, match="updatable already; replace=True"):
        made.make_updatable()
    again = made.make_updatable("batched_mat_mul1", replace=True, optimizer="adam")
    assert learners(again) == ["batched_mat_mul1"]
    assert broken_rules(again.get_spec()) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_compressed_weights(bits: int) -> None:
    spec = quantize_spec(Net(1, 6).matmul(8).relu().matmul(3).softmax().end(), bits)
    with pytest.raises(BuildError) as caught:
        make_updatable(spec)
    words = ["quantized", "dequantize=True"] if bits == 8 else ["16-bit", "dequantize=True", "split_for_update"]
    says(caught.value, BuildError, words)
    made = make_updatable(spec, dequantize=True)
    forms = [weight_form(getattr(one, one.WhichOneof("layer")).weights) for one in layers_of(made.get_spec())
             if one.WhichOneof("layer") in ("innerProduct", "batchedMatmul")]  # fmt: skip
    assert forms == ["rawValue" if bits == 8 else "floatValue", "floatValue"]
    x = values(1, 6)
    np.testing.assert_allclose(made.predict({"x": x})["scores"], MLModel(spec).predict({"x": x})["scores"], atol=2e-6)
    update(made.get_spec(), as_examples(x=list(values(4, 1, 6)), scores_true=[[0], [1], [2], [0]]))


@pytest.mark.parametrize("bits", [8, 16])
def test_compressed_weights_may_stay_beyond_core_ml(bits: int, tmp_path: Path) -> None:
    spec = quantize_spec(Net(1, 6).matmul(8).relu().dense(3).softmax().end(), bits)
    with pytest.warns(UserWarning, match="TrainingOptions"):
        made = make_updatable(spec, core_ml_only=False, epochs=8, learning_rate=0.5, seed=0)
    made.save(tmp_path / "made.mlmodel")
    form = {8: "rawValue", 16: "float16Value"}[bits]
    last = [one for one in network_of(MLModel(tmp_path / "made.mlmodel")).layers if one.isUpdatable]
    assert [weight_form(one.innerProduct.weights) for one in last] == [form]
    examples = as_examples(x=list(values(6, 1, 6)), scores_true=[[i % 3] for i in range(6)])
    with pytest.raises(MLModelError, match="low_precision"):
        update(made.get_spec(), examples)
    _, record = update(made.get_spec(), examples, 1, TrainingOptions(low_precision="adapter"))
    assert record.epoch_losses[-1] < record.epoch_losses[0]


def test_layers_that_core_ml_passes_no_gradients_through_are_named() -> None:
    net = Net(1, 6).matmul(8).relu("LEAKYRELU").matmul(3).softmax()
    spec = net.end()
    with pytest.raises(BuildError) as caught:
        make_updatable(spec, "batched_mat_mul1")
    says(caught.value, BuildError, ["'activation2' (activation leakyReLU)", "core_ml_only=False", "split_for_update"])
    with pytest.warns(UserWarning, match="only this package trains the model"):
        made = make_updatable(spec, "batched_mat_mul1", core_ml_only=False)
    assert broken_rules(made.get_spec()) == []


def test_normalisation_learns_beyond_core_ml() -> None:
    net = Net(1, 6).matmul(8)
    net.add("layer_normalization", normalized_shape=[8], gamma=net.numbers(8) + 1, beta=net.numbers(8))
    spec = net.add("gelu").matmul(3).softmax().end()
    found = [(one.name, one.kind, one.legal) for one in update_candidates(spec)]
    assert found == [
        ("batched_mat_mul4", "batchedMatmul", True), ("layer_normalization2", "layerNormalization", False),
        ("batched_mat_mul1", "batchedMatmul", False),
    ]  # fmt: skip
    with pytest.raises(BuildError, match="is layerNormalization; Core ML trains convolution, innerProduct"):
        make_updatable(spec, "layer_normalization2")
    with pytest.warns(UserWarning, match="of type layerNormalization"):
        made = make_updatable(
            spec, ["batched_mat_mul1", "layer_normalization2", "batched_mat_mul4"], core_ml_only=False, epochs=4, seed=0
        )
    _, record = update(made.get_spec(), as_examples(x=list(values(6, 1, 6)), scores_true=[[i % 3] for i in range(6)]))
    assert record.epoch_losses[-1] < record.epoch_losses[0]


def test_recurrent_layers_are_ours_though_the_rules_let_them_pass() -> None:
    b = NeuralNetworkBuilder([("x", datatypes.Array(5, 1, 4, 1, 1))], [("y", None)], disable_rank5_shape_mapping=True)
    matrices = [[values(6, size, seed=i + size) for i in range(4)] for size in (6, 4)]
    b.add_unilstm(
        "lstm", *matrices, [values(6, seed=i) for i in range(4)], hidden_size=6, input_size=4, input_names=["x"],
        output_names=["h", "state", "cell"],
    )  # fmt: skip
    b.add_inner_product("dense", values(3, 6), values(3), 6, 3, True, "h", "z")
    b.add_softmax("softmax", "z", "y")
    with pytest.raises(BuildError, match="is uniDirectionalLSTM"):
        make_updatable(b.spec, ["lstm", "dense"])
    with pytest.warns(UserWarning, match="its frameworks refuse"):
        made = make_updatable(b.spec, ["lstm", "dense"], core_ml_only=False, epochs=4, seed=0, learning_rate=0.1)
    assert made.user_defined_metadata["pyruntime.training"] == "beyond Core ML"
    examples = as_examples(x=list(values(6, 5, 1, 4, 1, 1)), y_true=[[i % 3] for i in range(6)])
    task, record = update(made.get_spec(), examples)
    assert record.epoch_losses[-1] < record.epoch_losses[0]
    before, after = (
        network_of(model).layers[0].uniDirectionalLSTM.weightParams for model in (made, task.context.model)
    )
    assert before.inputGateWeightMatrix != after.inputGateWeightMatrix


def test_what_goes_beyond_core_ml_is_saved_with_a_mark(tmp_path: Path) -> None:
    layers = [dense("a", "x", "h", 4, 3, learns=False), layer("activation", "h", "t", "act", ELU={"alpha": 1.0}),
              dense("b", "t", "y", 3, 2, learns=False)]  # fmt: skip
    spec = model({"x": (4,)}, layers, ["y"], exact=True)
    with pytest.warns(UserWarning, match="only this package"):
        made = make_updatable(spec, ["a", "b"], core_ml_only=False, epochs=3, seed=1)
    assert made.user_defined_metadata["pyruntime.training"] == "beyond Core ML"
    made.save(tmp_path / "made.mlmodel")
    unmarked = load_spec(tmp_path / "made.mlmodel")
    del unmarked.description.metadata.userDefined["pyruntime.training"]
    with pytest.raises(SpecError, match="passes no gradients"):
        save_spec(unmarked, tmp_path / "unmarked.mlmodel")
    task = MLUpdateTask(tmp_path / "made.mlmodel", as_examples(x=list(values(8, 4)), y_true=list(values(8, 2))))
    task.resume()
    assert task.wait(60)
    assert task.error is None


def test_layers_without_names_of_their_own_get_them() -> None:
    spec = converted()
    for one in spec.neuralNetwork.layers[:2]:
        one.name = "same"
    with pytest.raises(BuildError, match="2 layers have the name 'same'"):
        make_updatable(spec, "same")
    assert broken_rules(make_updatable(spec).get_spec()) == []


def test_other_models() -> None:
    knn = pyruntime.models.nearest_neighbors.KNearestNeighborsClassifierBuilder("x", "label", 4, "none").spec
    knn.isUpdatable = False
    with pytest.raises(BuildError, match="of type kNearestNeighborsClassifier, expected a neural network"):
        make_updatable(knn)
    pipeline = messages.Model(specificationVersion=4)
    pipeline.pipeline.models.add().CopyFrom(knn)
    with pytest.raises(BuildError, match="model 'model0', the last of the pipeline: it is of type kNearest"):
        make_updatable(pipeline)
    with pytest.raises(BuildError, match="the pipeline has no models"):
        make_updatable(messages.Model(specificationVersion=4, pipeline={}))
    with pytest.raises(BuildError, match="expected an MLModel, a path or a Model message, got a int"):
        make_updatable(3)
    net = Net(1, 6).matmul(3)
    net.b.spec.description.output.add(name="b1").type.multiArrayType.dataType = 65568
    spec = net.matmul(2).end()
    with pytest.raises(BuildError, match="2 outputs"):
        make_updatable(spec)


def test_candidates_are_listed_from_the_last_one() -> None:
    net = Net(1, 1, 8, 8).conv(2).relu("LEAKYRELU").reshape(1, 72).matmul(4).matmul_of_constant(3).softmax()
    found = update_candidates(net.end())
    assert [(one.name, one.kind, one.numbers, one.legal) for one in found] == [
        ("batched_mat_mul6", "batchedMatmul", 12, True), ("batched_mat_mul4", "batchedMatmul", 292, True),
        ("convolution1", "convolution", 20, False),
    ]  # fmt: skip
    assert str(found[-1]) == "convolution1 (convolution, 20 numbers, float32, only beyond Core ML)"


def test_layers_before_may_be_anything_custom_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice:
        def __init__(self, parameters: Any) -> None:
            pass

        def set_weight_data(self, weights: Any) -> None:
            pass

        def output_shapes(self, shapes: Any) -> Any:
            return shapes

        def evaluate(self, inputs: Any, outputs: Any) -> None:
            for x, y in zip(inputs, outputs, strict=True):
                np.multiply(x, 2, out=y)

    monkeypatch.setattr(registry, "_LAYERS", {})
    pyruntime.register_custom_layer("Twice")(Twice)
    spec = Net(1, 6).relu().matmul(3).softmax().end()
    spec.neuralNetwork.layers[0].custom.className = "Twice"
    made = make_updatable(spec, epochs=1, seed=0)
    x = values(1, 6)
    np.testing.assert_allclose(made.predict({"x": x})["scores"], MLModel(spec).predict({"x": x})["scores"], atol=1e-6)
    update(made.get_spec(), as_examples(x=list(values(4, 1, 6)), scores_true=[[0], [1], [2], [0]]))


def test_products_that_quantize_their_inputs() -> None:
    spec = activate_int8_int8_matrix_multiplications(Net(1, 6).matmul(8).relu().matmul(3).softmax().end())
    made = make_updatable(spec, dequantize=True)
    first, _, last = (one for one in layers_of(made.get_spec()) if one.WhichOneof("layer") in ("batchedMatmul",
                      "activation", "innerProduct"))  # fmt: skip
    assert first.batchedMatmul.int8DynamicQuantize
    assert not last.innerProduct.int8DynamicQuantize
    x = values(1, 6)
    np.testing.assert_allclose(made.predict({"x": x})["scores"], MLModel(spec).predict({"x": x})["scores"], atol=2e-6)


# other tools


def test_coremltools_reads_the_file_and_its_builder_takes_it(tmp_path: Path) -> None:
    ct = pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    made = make_updatable(converted(CLASSES), ["batched_mat_mul1", "batched_mat_mul4"], optimizer="adam")
    made.save(tmp_path / "made.mlmodel")
    spec = ct.utils.load_spec(str(tmp_path / "made.mlmodel"))
    assert spec.SerializeToString(deterministic=True) == made.get_spec().SerializeToString(deterministic=True)
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder = NeuralNetworkBuilder(spec=spec)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        builder.inspect_updatable_layers()
        builder.inspect_loss_layers()
        builder.inspect_optimizer()
    text = out.getvalue()
    for words in ("batched_mat_mul1", "batched_mat_mul4", "categoricalCrossEntropyLossLayer", "adamOptimizer", "beta1"):
        assert words in text


def test_coremltools_builder_writes_the_same(tmp_path: Path) -> None:
    """Of a network that needs no rewriting: layers, loss, target and training inputs, byte for byte."""
    pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    from coremltools.models import datatypes as types
    from coremltools.models import neural_network

    b = neural_network.NeuralNetworkBuilder(
        [("x", types.Array(3))], [("y", types.Array(2))], disable_rank5_shape_mapping=False
    )
    w = np.arange(6, dtype=np.float32)
    b.add_inner_product("dense", w.reshape(2, 3), w[:2], 3, 2, True, "x", "h")
    b.add_softmax("softmax", "h", "y")
    plain = b.spec.SerializeToString()
    with contextlib.redirect_stdout(io.StringIO()):
        b.make_updatable(["dense"])
        b.set_categorical_cross_entropy_loss("loss", "y")
        b.set_sgd_optimizer(neural_network.SgdParams(lr=0.1, batch=5))
        b.set_epochs(10)
    theirs = messages.Model.FromString(b.spec.SerializeToString())
    ours = make_updatable(
        messages.Model.FromString(plain), optimizer=SgdParams(lr=0.1, batch=5), epochs=10, allowed={"epochs": [10]}
    ).get_spec()
    for feature in ours.description.trainingInput:
        feature.ClearField("shortDescription")
    assert str(ours) == str(theirs)


# files that others made


@pytest.mark.parametrize("name", ["FlowerMNISTUpdatable", "HousePriceUpdatable", "LinearUpdatable"])
def test_an_updatable_file_is_made_anew_as_it_was(models_dir: Path, name: str) -> None:
    """Its layers, loss, target and training inputs, without the marks that it came with."""
    spec = load_spec(models_dir / f"{name}.mlmodel")
    network = spec.neuralNetwork
    wanted = [one.name for one in network.layers if one.isUpdatable]
    loss = network.updateParams.lossLayers[0]
    result = make_updatable(spec, wanted, replace=True).get_spec()
    assert list(result.neuralNetwork.layers) == list(network.layers)
    made = result.neuralNetwork.updateParams.lossLayers[0]
    kind = loss.WhichOneof("LossLayerType")
    assert getattr(made, kind) == getattr(loss, kind)
    given = [
        {f.name: list(f.type.multiArrayType.shape) for f in one.description.trainingInput} for one in (spec, result)
    ]
    assert given[0] == given[1]


@pytest.mark.parametrize(
    "name", ["MNISTClassifier", "GestureLSTMClassifier", "HandGestureSqueezeNet", "Waifu2xAnimeNoise0"]
)
def test_third_party_models_learn(models_dir: Path, name: str) -> None:
    """The last layer, one example: predictions stay, and the loss of what it learned is smaller."""
    spec = load_spec(models_dir / f"{name}.mlmodel")
    made = make_updatable(spec, add_softmax=True, epochs=3, learning_rate=1e-4, seed=0)
    features = sample_features(spec)
    before, after = MLModel(spec).predict(features), made.predict(features)
    for key, wanted in before.items():
        np.testing.assert_array_equal(after[key], wanted)
    target = made.model_description.training_inputs[-1]
    labels = made.model_description.class_labels
    example = {f.name: features[f.name] for f in made.model_description.training_inputs if f.name in features}
    value = labels[0] if labels else np.zeros(target.constraint.shape, np.float32)
    _, record = update(made.get_spec(), [{**example, target.name: value}])
    assert record.epoch_losses[-1] < record.epoch_losses[0]
