"""The part of the builder that makes networks updatable, against coremltools, and the fixes of its quirks."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime.errors import BuildError
from pyruntime.models import datatypes
from pyruntime.models.neural_network import AdamParams, NeuralNetworkBuilder, SgdParams
from tests.builder.test_layers import as_bytes


def network(side: Any, mode: str | None = None, **options: Any) -> Any:
    """x (3) -> dense1 -> dense2 -> softmax -> y (2)."""
    builder, types = side
    array = types.Array
    options = {"disable_rank5_shape_mapping": True, **options}
    b = builder([("x", array(3))], [("y", array(2))], mode=mode, **options)
    w = np.arange(6, dtype=np.float32)
    b.add_inner_product("dense1", w.reshape(2, 3), w[:2], 3, 2, True, "x", "h")
    b.add_inner_product("dense2", w[:4].reshape(2, 2), None, 2, 2, False, "h", "z")
    b.add_softmax("softmax", "z", "y")
    return b


def ours() -> Any:
    return network((NeuralNetworkBuilder, datatypes))


@pytest.fixture(scope="module")
def sides() -> tuple[Any, Any]:
    """(builder, types, SgdParams, AdamParams) of coremltools and of this package."""
    pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models import datatypes as types
        from coremltools.models import neural_network as other
    return (other.NeuralNetworkBuilder, types, other), (
        NeuralNetworkBuilder,
        datatypes,
        pyruntime.models.neural_network,
    )


def sgd(b: Any, types: Any, nn: Any) -> None:
    b.make_updatable(["dense1", "dense2"])
    b.set_categorical_cross_entropy_loss("loss", "y")
    b.set_sgd_optimizer(nn.SgdParams(lr=0.1, batch=5, momentum=0.5))
    b.set_epochs(10)


def adam(b: Any, types: Any, nn: Any) -> None:
    b.make_updatable(["dense2"])
    b.set_mean_squared_error_loss("loss", ("z", types.Array(2)))
    params = nn.AdamParams(lr=0.5, batch=7, beta1=0.1, beta2=0.2, eps=0.3)
    params.set_lr(0.4, 0, 0.9)
    params.set_batch(3, [3, 4])
    params.set_beta1(0.2, 0.1, 0.3)
    params.set_beta2(0.2, 0.1, 0.3)
    params.set_eps(1e-3, 0, 1)
    b.set_adam_optimizer(params)
    b.set_epochs(5, [5, 8])
    b.set_shuffle(7)


def defaults(b: Any, types: Any, nn: Any) -> None:
    b.make_updatable(["dense2"])
    b.set_adam_optimizer(nn.AdamParams())
    b.set_training_input([("x", types.Array(3)), ("label", types.Int64())])


def labels(b: Any, types: Any, nn: Any) -> None:
    b.set_class_labels(["cat", "dog"])
    sgd(b, types, nn)


RECIPES: dict[str, tuple[Callable[..., None], str | None]] = {
    "sgd": (sgd, None),
    "adam": (adam, None),
    "defaults": (defaults, None),
    "labels": (labels, "classifier"),
    "regressor": (sgd, "regressor"),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_is_written_as_coremltools_writes_it(sides, recipe):
    change, mode = RECIPES[recipe]
    specs = []
    for builder, types, nn in sides:
        with contextlib.redirect_stdout(io.StringIO()):
            b = network((builder, types), mode)
            change(b, types, nn)
        specs.append(b.spec)
    assert str(specs[1]) == str(specs[0])
    assert as_bytes(specs[1]) == as_bytes(specs[0])


INTERFACES: dict[str, tuple[dict[str, Any], Callable[[Any, Any], None]]] = {
    "float arrays": ({"use_float_arraytype": True}, lambda b, t: None),
    "labels": ({"mode": "classifier"}, lambda b, t: b.set_class_labels(["a", "b"])),
    "numbers as labels": ({"mode": "classifier"}, lambda b, t: b.set_class_labels([1, 2], "best", "y")),
    "new input": ({}, lambda b, t: (b.set_input(["x2"], [(3, 4, 5)]), b.set_output(["q"], [(3,)]))),
    "states": ({}, lambda b, t: b.add_optionals([("h", 4)], [("h_out", 5)])),
    "optional": ({}, lambda b, t: b.set_optional_input(0)),
    "default": ({}, lambda b, t: b.set_optional_input(0, value=2.5)),
    "double default": ({}, lambda b, t: b.set_optional_input(0, value=2.5, format="double")),
}


@pytest.mark.parametrize("case", INTERFACES)
def test_interface_is_written_as_coremltools_writes_it(sides, case):
    options, change = INTERFACES[case]
    specs = []
    for builder, types, _ in sides:
        b = network((builder, types), **options)
        change(b, types)
        specs.append(b.spec)
    assert str(specs[1]) == str(specs[0])
    assert as_bytes(specs[1]) == as_bytes(specs[0])


IMAGES: list[dict[str, Any]] = [
    {"is_bgr": True, "red_bias": 1.0, "green_bias": 2.0, "blue_bias": 3.0, "gray_bias": 4.0, "image_scale": 0.5},
    {"image_scale": {"x": 2.0}, "red_bias": {"x": 1.0}, "is_bgr": {"x": True}},
    {"image_format": "NHWC"},
    {},
]


@pytest.mark.parametrize("options", IMAGES, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_image_inputs_are_written_as_coremltools_writes_them(sides, options, channels):
    specs = []
    shape = (1, 8, 9, channels) if options.get("image_format") == "NHWC" else (channels, 8, 9)
    for builder, types, _ in sides:
        interface = [("x", types.Array(*shape)), ("x2", types.Array(3))], [("y", types.Array(*shape))]
        b = builder(*interface, disable_rank5_shape_mapping=True)
        b.add_activation("relu", "RELU", "x", "y")
        b.set_pre_processing_parameters(image_input_names=["x"], **options)
        specs.append(b.spec)
    assert str(specs[1]) == str(specs[0])


def test_image_input_predicts():
    b = NeuralNetworkBuilder([("x", datatypes.Array(1, 2, 3))], [("y", datatypes.Array(1, 2, 3))])
    b.add_activation("linear", "LINEAR", "x", "y", [1.0, 0.0])
    b.set_pre_processing_parameters(["x"], gray_bias=-1.0, image_scale=2.0)
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    y = pyruntime.MLModel(b.spec).predict({"x": picture})["y"]
    assert np.array_equal(np.asarray(y).ravel(), 2.0 * picture.ravel() - 1)


def test_image_input_of_a_network_with_channels_last():
    """With three axes, coremltools writes a transpose that does not fit the four of an image."""
    b = NeuralNetworkBuilder(
        [("x", datatypes.Array(2, 4, 3))], [("y", datatypes.Array(1, 2, 4, 3))], disable_rank5_shape_mapping=True
    )
    b.add_activation("linear", "LINEAR", "x", "y", [1.0, 0.0])
    b.set_pre_processing_parameters(["x"], image_format="NHWC")
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(pyruntime.MLModel(b.spec).predict({"x": picture})["y"][0], picture)


def test_second_calls_replace_the_first():
    """coremltools adds the new values to the allowed ones of before."""
    b = ours()
    b.make_updatable(["dense1"])
    b.set_epochs(10)
    b.set_epochs(20)
    assert list(b.nn_spec.updateParams.epochs.set.values) == [20]
    b.set_sgd_optimizer(SgdParams(batch=5))
    b.set_sgd_optimizer(SgdParams(batch=6))
    assert list(b.nn_spec.updateParams.optimizer.sgdOptimizer.miniBatchSize.set.values) == [6]
    b.set_adam_optimizer(AdamParams())
    assert b.nn_spec.updateParams.optimizer.WhichOneof("OptimizerType") == "adamOptimizer"


def test_seed_of_shuffling():
    b = ours()
    b.make_updatable(["dense1"], seed=9)
    assert b.nn_spec.updateParams.seed.defaultValue == 9


def test_a_large_step_widens_its_range_and_says_so():
    with pytest.warns(UserWarning, match="lr is 3"):
        params = SgdParams(lr=3)
    assert (params.lr.min, params.lr.max) == (0, 3)


def test_training_inputs_are_not_repeated():
    features = [("x", datatypes.Array(3)), ("t", datatypes.Array(1))]
    b = network((NeuralNetworkBuilder, datatypes), training_features=features)
    b.make_updatable(["dense1"])
    b.set_categorical_cross_entropy_loss("loss", "y")
    assert [f.name for f in b.spec.description.trainingInput] == ["x", "t", "y_true"]


def _half_floats(b: Any) -> None:
    weights = b.nn_spec.layers[1].innerProduct.weights
    weights.ClearField("floatValue")
    weights.float16Value = bytes(8)
    b.make_updatable(["dense1"])


def _two_losses(b: Any) -> None:
    b.set_categorical_cross_entropy_loss("a", "y")
    b.set_categorical_cross_entropy_loss("b", "y")


REFUSED: dict[str, Callable[[Any], Any]] = {
    "no layer of the name 'nothing'": lambda b: b.make_updatable(["nothing"]),
    "is softmax, expected one of innerProduct": lambda b: b.make_updatable(["softmax"]),
    "the weights are float16": _half_floats,
    "output of a softmax layer": lambda b: b.set_categorical_cross_entropy_loss("loss", "z"),
    "no layer's output": lambda b: b.set_categorical_cross_entropy_loss("loss", "nothing"),
    "has the loss 'a' already": _two_losses,
    "a name that no layer has": lambda b: b.set_categorical_cross_entropy_loss("dense1", "y"),
    "expected a pair": lambda b: b.set_mean_squared_error_loss("loss", "z"),
    "expected SgdParams": lambda b: b.set_sgd_optimizer(AdamParams()),
    "one of the allowed \\[6\\]": lambda b: b.set_epochs(5, [6]),
    "at least 1": lambda b: b.set_epochs(0),
    "smaller number first": lambda b: SgdParams().set_lr(1, 2, 1),
    "outside its range": lambda b: AdamParams().set_eps(5, 0, 1),
    "the batch of 0": lambda b: SgdParams(batch=0),
    "this network is no classifier": lambda b: b.set_class_labels(["a"]),
    "expected NCHW or NHWC": lambda b: b.set_pre_processing_parameters(["x"], image_format="CHW"),
    "3 or more axes": lambda b: b.set_pre_processing_parameters(["x"]),
    "none of the inputs": lambda b: b.set_pre_processing_parameters(["q"]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_refusals(words):
    with pytest.raises(BuildError, match=words):
        REFUSED[words](ours())


BAD_LAYERS: dict[str, Callable[[Any], Any]] = {
    r"W: expected shape \[2, 3\], 6 numbers, got \[5\]": lambda b: b.add_inner_product(
        "n", np.ones(5), None, 3, 2, False, "x", "o"
    ),
    r"W: expected shape \[2, 3\], or flat, got \[3, 2\]": lambda b: b.add_inner_product(
        "n", np.ones((3, 2)), None, 3, 2, False, "x", "o"
    ),
    "packed integers need is_quantized_weight": lambda b: b.add_inner_product(
        "n", b"123456", None, 3, 2, False, "x", "o"
    ),
    "6 bytes for shape": lambda b: b.add_inner_product(
        "n", b"1", None, 3, 2, False, "x", "o", is_quantized_weight=True, quant_scale=[1], quant_bias=[0]
    ),
    "quant_scale: expected 1 number, or 2": lambda b: b.add_inner_product(
        "n", b"123456", None, 3, 2, False, "x", "o", is_quantized_weight=True, quant_scale=[1, 2, 3], quant_bias=[0]
    ),
    "quant_lut: expected 256 numbers": lambda b: b.add_inner_product(
        "n", b"123456", None, 3, 2, False, "x", "o", is_quantized_weight=True, quantization_type="lut", quant_lut=[1]
    ),
    "nbits: expected 1 to 8": lambda b: b.add_inner_product(
        "n", b"123456", None, 3, 2, False, "x", "o", is_quantized_weight=True, nbits=9
    ),
    "non_linearity: expected one of RELU": lambda b: b.add_activation("n", "SWISH", "x", "o"),
    "params: expected 1 numbers": lambda b: b.add_activation("n", "ELU", "x", "o"),
    "mode: expected one of CONCAT": lambda b: b.add_elementwise("n", ["x", "h"], "o", "DIV"),
    "alpha: expected a number": lambda b: b.add_elementwise("n", ["x"], "o", "ADD"),
    "expected 2 input names, got 1": lambda b: b.add_add_broadcastable("n", ["x"], "o"),
    "expected 1 to 2 input names, got 3": lambda b: b.add_greater_than("n", ["x", "h", "z"], "o"),
    "mode: expected one of UPDATE": lambda b: b.add_scatter("n", ["x", "h", "z"], "o", mode="AVERAGE"),
    "axis: expected one of CHANNEL": lambda b: b.add_slice("n", "x", "o", "depth"),
    "begin_ids: expected as many": lambda b: b.add_slice_static("n", "x", "o", [1], [2, 3], [1], [True], [True]),
    "axis: expected what fits": lambda b: b.add_softmax_nd("n", "x", "o", axis="last"),
    "name: expected a name, got ''": lambda b: b.add_erf("", "x", "o"),
    "W_x: expected 4 arrays": lambda b: b.add_unilstm("n", [np.ones((2, 2))], [], None, 2, 3, ["x"], ["o"]),
    "groups: expected a divisor": lambda b: b.add_convolution(
        "n", 1, 4, 3, 3, 1, 1, "valid", 3, np.ones((3, 3, 1, 4)), None, False, input_name="x", output_name="o"
    ),
    "bits: expected keywords": lambda b: b.add_convolution(
        "n", 1, 4, 3, 3, 1, 1, "valid", 1, np.ones((3, 3, 1, 4)), None, False, input_name="x", output_name="o", bits=3
    ),
    "padding_top: expected the same": lambda b: b.add_pooling(
        "n", 2, 2, 1, 1, "MAX", "INCLUDE_LAST_PIXEL", "x", "o", padding_top=1
    ),
}


@pytest.mark.parametrize("words", BAD_LAYERS)
def test_bad_layers_are_refused_and_nothing_is_added(words):
    b = ours()
    before = as_bytes(b.spec)
    with pytest.raises(BuildError, match=words):
        BAD_LAYERS[words](b)
    assert as_bytes(b.spec) == before


def test_builder_changes_a_model_that_is_there(sides):
    spec = ours().spec
    again = NeuralNetworkBuilder(spec=spec)
    again.add_erf("more", "y", "e")
    assert [layer.name for layer in spec.neuralNetwork.layers] == ["dense1", "dense2", "softmax", "more"]
    foreign = network(sides[0][:2]).spec
    copied = NeuralNetworkBuilder(spec=foreign)
    assert as_bytes(copied.spec) == as_bytes(spec) or len(copied.nn_spec.layers) == 3


def test_networks_inside_others():
    b = ours()
    layer = b.add_branch("branch", "x")
    inner = NeuralNetworkBuilder(nn_spec=layer.branch.ifBranch)
    inner.add_erf("inner", "y", "e")
    assert layer.branch.ifBranch.layers[0].name == "inner"
    with pytest.raises(BuildError, match="no interface"):
        inner.set_class_labels(["a"])


def test_inspection_prints_what_is_there(capsys):
    b = ours()
    sgd(b, datatypes, pyruntime.models.neural_network)
    for name in ("layers", "loss_layers", "optimizer", "updatable_layers", "input_features", "output_features"):
        getattr(b, f"inspect_{name}")()
    b.inspect_layers(last=1, verbose=True)
    b.inspect_innerproduct_channels("dense1")
    printed = capsys.readouterr().out
    for line in (
        "[Id: 0], Name: dense1 (Type: innerProduct)", "Loss Target: y_true", "Optimizer Type: sgdOptimizer",
        "batch: 5, allowed_set: [5]", "lr: 0.1, min: 0.0, max: 1.0", "Name: dense2 (Type: innerProduct)",
        "[Id: 0] Name: x", "inputChannels: 3",
    ):  # fmt: skip
        assert line in printed
    with pytest.raises(BuildError, match="expected convolution"):
        b.inspect_conv_channels("dense1")
