"""What cannot be trained, or not with these examples: sentences that name it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.errors import FeatureTypeError, MLModelError, SpecError, UnsupportedError, UpdateError
from pyruntime.update.networks import NotFinite

from ..layers.network import array, layer
from .networks import as_examples, convolution, dense, try_update, updatable, update, values
from .test_task import EXAMPLES, X, Y, classes, pictures, regression


def refused(spec: Any, *words: str, error: type[MLModelError] = SpecError) -> None:
    """The task is not even made."""
    with pytest.raises(error) as caught:
        MLUpdateTask(MLModel(spec), EXAMPLES)
    assert type(caught.value) is error, caught.value
    assert not [word for word in words if word not in str(caught.value)], caught.value


def fails(spec: Any, examples: Any, *words: str, error: type[MLModelError] = FeatureTypeError) -> MLUpdateTask:
    task, _ = try_update(spec, examples)
    assert type(task.error) is error, task.error
    assert not [word for word in words if word not in str(task.error)], task.error
    return task


# examples


def test_labels_that_were_never_seen() -> None:
    spec = classes(classes=["left", "middle", "right"])
    spec.description.trainingInput.pop()
    spec.description.trainingInput.add(name="label").type.stringType.SetInParent()
    shown = pictures(2)
    words = ("example 1", "'label'", "3 class labels (left, middle, right)", "'top'", "fixed")
    fails(spec, as_examples(x=shown, label=["left", "top"]), *words)
    for wrong in (1, 0.0, None, True, ["left"], {"left": 1}):
        fails(spec, as_examples(x=shown, label=["left", wrong]), "example 1", "'label'")


@pytest.mark.parametrize("wrong", [3, -1, 0.5, 1e30, math.inf, [0, 1], "left", None])
def test_class_numbers_that_are_none(wrong: Any) -> None:
    fails(classes(), as_examples(x=pictures(2), y_true=[[0], wrong]), "example 1", "'y_true'")


@pytest.mark.parametrize("wrong", [Y[0][:2], np.ones((3, 3)), 1.0, [math.nan, 0, 0], [math.inf, 0, 0], "x", None])
def test_targets_of_another_shape_or_no_numbers(wrong: Any) -> None:
    fails(regression(), [*EXAMPLES[:2], {"x": X[2], "y_true": wrong}], "example 2", "'y_true'")


def test_examples_that_are_missing_or_raise() -> None:
    with pytest.raises(UpdateError, match="empty"):
        MLUpdateTask(MLModel(regression()), [])

    class Provider:
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            if index == 3:
                raise OSError("the card was pulled")
            return EXAMPLES[index]

    fails(regression(), Provider(), "example 3", "the card was pulled", error=UpdateError)

    class Short:
        def __len__(self) -> int:
            return 5

        def __iter__(self) -> Iterator[Any]:
            return iter(EXAMPLES[:2])

    fails(regression(), Short(), "example 2", "5 examples", error=UpdateError)


def test_data_that_says_it_has_more_than_fits_anywhere() -> None:
    class Huge:
        def __len__(self) -> int:
            return 10**15

        def __getitem__(self, index: int) -> Any:
            return EXAMPLES[index % len(EXAMPLES)]

    fails(regression(), Huge(), "no room", "1000000000000000 examples", "scratch_folder", error=UpdateError)


def test_a_model_that_was_not_made_to_learn_says_how_it_could() -> None:
    spec = regression()
    spec.isUpdatable = False
    refused(spec, "not updatable", "make_updatable", error=UpdateError)


def test_examples_of_several_sizes() -> None:
    layers = [
        convolution("c", "x", "h", 1, 2), layer("pooling", "h", "g", "pool", globalPooling=True, type=1, valid={}),
        layer("flatten", "g", "y", "flat"),
    ]  # fmt: skip
    sizes = [array("x", (1, 6, 6), ranges=[(1, 1), (4, 9), (4, 9)])]
    spec = updatable(sizes, layers, target=array("y_true", (2,)))
    one, other = values(1, 5, 7), values(1, 7, 5)
    _, record = update(spec, as_examples(x=[one] * 5, y_true=values(5, 2)))
    assert len(record.batch_losses) == 4
    fails(spec, as_examples(x=[one, other], y_true=values(2, 2)), "example 1", "first example")


# losses that are no numbers


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights() -> None:
    spec = regression(rate=10.0, epochs=50)
    task = fails(spec, as_examples(x=X * 1e6, y_true=Y * 1e12), "epoch", "mini-batch", "learningRate", error=NotFinite)
    kept = task.context.model
    assert np.isfinite(kept.parameter_value("a:weights")).all()
    assert np.isfinite(kept.parameter_value("b:weights")).all()


def test_where_it_began() -> None:
    """The second example of three is the bad one; the weights kept are those before its step's predecessor."""
    examples = as_examples(x=values(3, 5), y_true=[Y[0], Y[1], np.full(3, 3e38)])
    task = fails(regression(size=1), examples, "inf in epoch 0, mini-batch 2", error=NotFinite)
    one, _ = update(regression(size=1, epochs=1), examples[:1])
    kept, wanted = task.context.model, one.context.model
    assert kept.parameter_value("a:weights").tobytes() == wanted.parameter_value("a:weights").tobytes()


def test_probabilities_of_zero_have_a_large_loss_not_an_infinite_one() -> None:
    layers = [dense("d", "x", "z", 1, 2, bias=False), layer("softmax", "z", "y", "softmax")]
    spec = updatable({"x": (1,)}, layers, entropy=True, rate=0.001, epochs=1)
    w = np.array(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue)
    worst = int(np.argmin(w))
    _, record = update(spec, [{"x": [1000.0], "y_true": [worst]}])
    assert record.batch_losses[0] == pytest.approx(-math.log(1e-38), rel=1e-6)


# files


def change(edit: Callable[[Any], None], **more: Any) -> Any:
    spec = regression(**more)
    edit(spec.neuralNetwork)
    return spec


def test_networks_that_break_a_rule() -> None:
    def dense_of(network: Any) -> Any:
        return network.layers[0].innerProduct

    refused(change(lambda n: [setattr(m, "isUpdatable", False) for m in n.layers]), "none of its layers")
    refused(change(lambda n: setattr(dense_of(n).bias, "isUpdatable", False)), "'a'", "bias", "both")
    refused(change(lambda n: setattr(n.layers[1], "isUpdatable", True)), "'tanh of h'", "no weights")
    refused(change(lambda n: setattr(n.layers[2], "name", "a")), "'a'", "name that no other layer has")
    refused(change(lambda n: n.updateParams.ClearField("optimizer")), "no optimizer")
    refused(change(lambda n: n.updateParams.ClearField("epochs")), "no epochs")
    refused(change(lambda n: n.updateParams.optimizer.sgdOptimizer.ClearField("learningRate")), "no learningRate")
    refused(change(lambda n: n.updateParams.ClearField("lossLayers")), "exactly one loss layer", "has 0")
    refused(change(lambda n: n.updateParams.lossLayers.add(name="l2")), "exactly one loss layer", "has 2")
    refused(
        change(lambda n: setattr(n.updateParams.lossLayers[0].meanSquaredErrorLossLayer, "input", "x")), "'x'", "loss"
    )
    refused(
        change(lambda n: setattr(n.updateParams.lossLayers[0].meanSquaredErrorLossLayer, "input", "h")), "'b'", "loss"
    )


NAMES = [("input", "x", "'x'"), ("input", "h", "'b'"), ("target", "t2", "'t2'")]


@pytest.mark.parametrize(("field", "value", "named"), NAMES)
def test_losses_that_read_the_wrong_names(field: str, value: str, named: str) -> None:
    def rename(network: Any) -> None:
        setattr(network.updateParams.lossLayers[0].meanSquaredErrorLossLayer, field, value)

    refused(change(rename), named, "loss")


def test_training_inputs_without_an_input_of_the_model() -> None:
    spec = regression()
    del spec.description.trainingInput[0]
    refused(spec, "'x' is missing")


def test_weights_that_are_no_floats() -> None:
    def halve(network: Any) -> None:
        weights = network.layers[0].innerProduct.weights
        numbers = np.array(weights.floatValue, np.float16)
        weights.ClearField("floatValue")
        weights.float16Value = numbers.tobytes()

    refused(change(halve), "'a'", "float16Value", "32-bit floats")


def test_cross_entropy_without_softmax() -> None:
    spec = updatable({"x": (5,)}, [dense("a", "x", "y", 5, 3)], entropy=True)
    refused(spec, "loss 'loss'", "softmax")


def test_a_layer_without_gradient_between_loss_and_layer_that_learns_is_named() -> None:
    between = layer("ceil", "h", "y", "the ceiling")
    spec = updatable({"x": (8,)}, [dense("d", "x", "h", 8, 3), between], target=array("y_true", (3,)), exact=True)
    refused(spec, "'d'", "no gradient reaches its weights", "the ceiling", "step", error=UnsupportedError)
    between = layer("ceil", "x", "h", "the ceiling")
    spec = updatable(
        {"x": (8,)}, [between, dense("d", "h", "y", 8, 3)], rate=0.01, target=array("y_true", (3,)), exact=True
    )
    _, record = update(spec, as_examples(x=values(4, 8), y_true=values(4, 3)))
    assert record.batch_losses[1] < record.batch_losses[0], "before the first layer that learns anything may stand"


def test_no_room_for_a_step() -> None:
    model = MLModel(regression(size=64), configuration=MLModelConfiguration(memory_limit=4096))
    task = MLUpdateTask(model, EXAMPLES * 7)
    task.resume()
    task.wait()
    assert "memory" in str(task.error)
    assert task.context.model is model


def test_more_epochs_than_the_file_allows() -> None:
    spec = regression()
    spec.neuralNetwork.updateParams.epochs.set.values.extend([2, 4])
    with pytest.raises(MLModelError, match=r"epochs.*one of 2, 4.*got 3"):
        MLModel(spec, configuration=MLModelConfiguration(parameters={"epochs": 3}))
