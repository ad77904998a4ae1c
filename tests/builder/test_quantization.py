"""quantize_weights and its selectors: against coremltools' numbers, and by what comes out of predictions."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime.errors import BuildError
from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder, quantization_utils
from pyruntime.models.neural_network.quantization_utils import quantize_spec
from pyruntime.models.neural_network.weighted_layers import weighted
from pyruntime.spec.weights import read_weights
from tests.builder.calls import calls
from tests.builder.test_layers import as_bytes, features

MODES = [
    (8, "linear"),
    (5, "linear"),
    (1, "linear"),
    (8, "linear_symmetric"),
    (8, "linear_lut"),
    (3, "linear_lut"),
    (16, "linear"),
]
WITH_WEIGHTS = [
    "inner_product", "embedding", "embedding_nd", "batched_mat_mul", "scale", "bias", "batchnorm", "convolution",
    "load_constant", "load_constant_nd", "simple_rnn", "gru", "unilstm", "bidirlstm", "layer_normalization",
    "convolution3d", "activation",
]  # fmt: skip


def with_weights() -> list[tuple[str, dict[str, Any]]]:
    """Some calls of every method with weights: those whose weights are stored in another arrangement."""
    found, seen = [], set()
    for method, arguments in calls():
        given = sorted(k for k, v in arguments.items() if v is not None and ("W" in k or k in ("b", "peep", "b_back")))
        key = (method, *given, arguments.get("is_deconv"), arguments.get("groups"), arguments.get("non_linearity"))
        if method in WITH_WEIGHTS and key not in seen and not any(isinstance(v, bytes) for v in arguments.values()):
            seen.add(key)
            found.append((method, arguments))
    return found


def random_numbers(message: Any, seed: int) -> None:
    """Other numbers in all weights of a layer."""
    rng = np.random.default_rng(seed)
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in [value] if hasattr(value, "ListFields") else value:
                random_numbers(item, seed + field.number)
    if message.DESCRIPTOR.name == "WeightParams" and len(message.floatValue):
        message.floatValue[:] = rng.normal(size=len(message.floatValue)).astype(np.float32).tolist()


def theirs(spec: Any, bits: int, mode: str, **options: Any) -> Any:
    """coremltools' message of the quantized model."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import coremltools
        from coremltools.models.neural_network import quantization_utils as other
        from coremltools.proto import Model_pb2

        spec = Model_pb2.Model.FromString(spec.SerializeToString())
        model = coremltools.models.MLModel(spec, skip_model_load=True)
        return other.quantize_weights(model, bits, mode, **options).get_spec()


@pytest.mark.parametrize(("bits", "mode"), MODES)
@pytest.mark.parametrize("method", WITH_WEIGHTS)
def test_layer_is_quantized_as_coremltools_does(method, bits, mode):
    pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    for number, (name, arguments) in enumerate(with_weights()):
        if name != method:
            continue
        builder = NeuralNetworkBuilder(*features(datatypes), disable_rank5_shape_mapping=True)
        getattr(builder, f"add_{method}")("layer", **arguments)
        random_numbers(builder.nn_spec.layers[0], number)
        expected = theirs(builder.spec, bits, mode)
        assert as_bytes(quantize_spec(builder.spec, bits, mode)) == as_bytes(expected), arguments


def dense(width: int = 20, **second: Any) -> Any:
    rng = np.random.default_rng(5)
    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(width))], [("y", datatypes.Array(16))], disable_rank5_shape_mapping=True
    )
    w, b = rng.normal(size=(16, width)), rng.normal(size=16)
    builder.add_inner_product("dense", w, b, width, 16, True, "x", "h")
    builder.add_activation("relu", "RELU", "h", "y")
    return builder.spec


X = np.linspace(-1, 1, 20, dtype=np.float32)


def answer(spec: Any) -> np.ndarray:
    return np.asarray(pyruntime.MLModel(spec).predict({"x": X})["y"])


@pytest.mark.parametrize("bits", [8, 6, 4, 2])
@pytest.mark.parametrize("mode", ["linear", "linear_lut", "kmeans", "kmeans_lut"])
def test_prediction_stays_near(mode, bits):
    spec = dense()
    model = quantization_utils.quantize_weights(pyruntime.MLModel(spec), bits, mode)
    layer = model.get_spec().neuralNetwork.layers[0].innerProduct
    assert len(layer.weights.rawValue) == 16 * 20 * bits // 8
    weights = np.array(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue).reshape(16, 20)
    step = (weights.max() - weights.min()) / (2**bits - 1)
    assert np.abs(answer(model.get_spec()) - answer(spec)).max() < step * 21


def test_kmeans_is_as_good_as_sklearn():
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn, the oracle here, is not installed")
    spec = dense(100)
    weights = np.array(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue)
    for bits in (1, 2, 4):
        layer = quantize_spec(spec, bits, "kmeans").neuralNetwork.layers[0].innerProduct
        ours = read_weights(layer.weights, shape=(16, 100), layer="dense", field="weights")
        best = cluster.KMeans(1 << bits, n_init=5, random_state=0).fit(weights.reshape(-1, 1)).inertia_
        assert ((ours.ravel() - weights) ** 2).sum() <= best * 1.05


def test_kmeans_of_few_different_numbers_is_exact():
    spec = dense()
    values = np.tile(np.array([0.5, -1, 2, 0.25], np.float32), 80)
    spec.neuralNetwork.layers[0].innerProduct.weights.floatValue[:] = values.tolist()
    layer = quantize_spec(spec, 2, "kmeans").neuralNetwork.layers[0].innerProduct
    assert np.array_equal(read_weights(layer.weights, shape=(320,), layer="d", field="w"), values)


def test_own_table():
    def signs(bits: int, numbers: Any) -> tuple[Any, Any]:
        assert bits == 1
        return [-0.5, 0.5], (np.asarray(numbers) > 0).astype(int)

    spec = dense()
    layer = quantize_spec(spec, 1, "custom_lut", lut_function=signs).neuralNetwork.layers[0].innerProduct
    got = read_weights(layer.weights, shape=(320,), layer="d", field="w")
    assert np.array_equal(got, np.sign(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue) / 2)


@pytest.mark.parametrize("mode", ["linear", "linear_lut"])
def test_dequantization_gives_the_weights_that_ran(mode):
    quantized = quantize_spec(dense(), 4, mode)
    restored = quantize_spec(quantized, 4, "dequantization")
    assert not restored.neuralNetwork.layers[0].innerProduct.weights.rawValue
    assert np.allclose(answer(restored), answer(quantized), atol=1e-5)
    ours, other = (
        spec.neuralNetwork.layers[0].innerProduct for spec in (restored, theirs(quantized, 4, "dequantization"))
    )
    assert np.allclose(ours.weights.floatValue, other.weights.floatValue, atol=1e-6)
    assert np.allclose(ours.bias.floatValue, other.bias.floatValue, atol=1e-6)


def test_models_in_pipelines_are_quantized():
    from pyruntime.models.pipeline import Pipeline

    pipeline = Pipeline([("x", datatypes.Array(20))], [("y", datatypes.Array(16))])
    pipeline.add_model(dense())
    part = quantize_spec(pipeline.spec, 8).pipeline.models[0]
    assert as_bytes(part) == as_bytes(quantize_spec(dense(), 8))


def folded(second: str, bias: bool, deconv: bool = False) -> tuple[Any, Any]:
    """A convolution and a layer that can be folded into it, and both models: before and after."""
    rng = np.random.default_rng(7)
    shape = [("x", datatypes.Array(1, 4, 6, 6))], [("y", datatypes.Array(1, 4, 6, 6))]
    builder = NeuralNetworkBuilder(*shape, disable_rank5_shape_mapping=True)
    w, per_channel = rng.normal(size=(3, 3, 4, 2 if deconv else 4)), lambda: rng.normal(size=4)
    if not deconv:
        w = w[:, :, :2]
    b = per_channel() if bias else None
    kernel = 4 if deconv else 2
    builder.add_convolution("c", kernel, 4, 3, 3, 1, 1, "same", 2, w, b, bias, deconv, None, "x", "h")
    if second == "batchnorm":
        builder.add_batchnorm("s", 4, per_channel(), per_channel(), per_channel(), per_channel() ** 2, "h", "y")
    elif second == "scale":
        builder.add_scale("s", per_channel(), per_channel(), True, "h", "y", [4], [4])
    else:
        builder.add_bias("s", per_channel(), "h", "y", [4])
    from pyruntime.models.neural_network.folding import fold_affine_layers
    from pyruntime.spec import messages

    after = messages.Model.FromString(builder.spec.SerializeToString())
    fold_affine_layers(after.neuralNetwork, ["y"])
    return builder.spec, after


@pytest.mark.parametrize("deconv", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("second", ["batchnorm", "scale", "bias"])
def test_folding_changes_no_answer(second, bias, deconv):
    before, after = folded(second, bias, deconv)
    assert [layer.name for layer in after.neuralNetwork.layers] == ["c"]
    x = np.random.default_rng(1).normal(size=(1, 4, 6, 6)).astype(np.float32)
    first, second_answer = (pyruntime.MLModel(spec).predict({"x": x})["y"] for spec in (before, after))
    assert np.allclose(first, second_answer, atol=1e-4)


def test_nothing_is_folded_that_others_read():
    spec, _ = folded("scale", True)
    from pyruntime.models.neural_network.folding import fold_affine_layers

    fold_affine_layers(spec.neuralNetwork, ["y", "h"])
    assert len(spec.neuralNetwork.layers) == 2


def test_selectors_choose_as_coremltools(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models.neural_network import quantization_utils as other
        from coremltools.models.neural_network.builder import NeuralNetworkBuilder as _  # noqa: F401
    options: list[tuple[str, list[dict[str, Any]]]] = [
        ("QuantizedLayerSelector", [{}]),
        (
            "AdvancedQuantizedLayerSelector",
            [
                {},
                {"skip_layer_types": ["batchnorm", "bias", "depthwiseConv"]},
                {"minimum_conv_kernel_channels": 1, "minimum_conv_weight_count": 10},
                {"skip_layer_types": ["convolution", "gru", "loop"], "minimum_conv_weight_count": 1},
            ],
        ),
        (
            "MatrixMultiplyLayerSelector",
            [
                {},
                {"minimum_weight_count": 50},
                {"minimum_input_channels": 10},
                {"maximum_output_channels": 3},
            ],
        ),
    ]
    layers = []
    for number, (method, arguments) in enumerate(with_weights()):
        builder = NeuralNetworkBuilder(*features(datatypes), disable_rank5_shape_mapping=True)
        layers.append(getattr(builder, f"add_{method}")(f"{method}", **arguments))
        assert number >= 0
    for name, choices in options:
        for choice in choices:
            ours, reference = (getattr(module, name)(**choice) for module in (quantization_utils, other))
            for layer in layers:
                if layer.name == "convolution" and len(layer.input) == 2:
                    continue  # no weights to ask about
                parts = {weight.part for weight in weighted(layer)} or {"weights"}
                if name == "MatrixMultiplyLayerSelector":
                    parts = {"weights"}
                for part in parts:
                    got = ours.do_quantize(layer, weight_param=part)
                    assert bool(got) == bool(reference.do_quantize(layer, weight_param=part)), (
                        name,
                        choice,
                        layer.name,
                        part,
                    )


def test_selector_of_names():
    """coremltools' own fails as soon as names are given."""
    spec = dense()
    for names, chosen in ((["dense"], True), (["other"], False)):
        selector = quantization_utils.MatrixMultiplyLayerSelector(include_layers_with_names=names)
        got = quantization_utils.activate_int8_int8_matrix_multiplications(spec, selector)
        assert got.neuralNetwork.layers[0].innerProduct.int8DynamicQuantize == chosen


def test_int8_products_are_coremltools_but_rounded():
    """coremltools cuts off what is behind the point; the nearest number is nearer."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from coremltools.models.neural_network import quantization_utils as other
        from coremltools.proto import Model_pb2

        spec = dense()
        expected = other.activate_int8_int8_matrix_multiplications(Model_pb2.Model.FromString(spec.SerializeToString()))
    got = quantization_utils.activate_int8_int8_matrix_multiplications(spec)
    ours, other = (one.neuralNetwork.layers[0].innerProduct for one in (got, expected))
    steps = np.frombuffer(ours.weights.int8RawValue, np.int8).astype(np.float64)
    exact = np.array(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue)
    scale = ours.weights.quantization.linearQuantization.scale[0]
    assert np.abs(steps * scale - exact).max() <= scale * 0.5001
    assert np.abs(steps - np.frombuffer(other.weights.int8RawValue, np.int8)).max() <= 1
    other.weights.int8RawValue = ours.weights.int8RawValue
    assert as_bytes(got) == as_bytes(expected)


def test_comparison_prints_every_output(capsys):
    spec = dense()
    quantization_utils.quantize_weights(pyruntime.MLModel(spec), 8, sample_data=[{"x": X}, {"x": -X}])
    printed = capsys.readouterr().out
    assert "2 samples" in printed
    assert "y: signal to noise" in printed


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: quantize_spec(s, 9), "nbits is 9"),
        (lambda s: quantize_spec(s, 8, "loud"), "linear, linear_symmetric"),
        (lambda s: quantize_spec(s, 4, "linear_symmetric"), "takes 8 bits"),
        (lambda s: quantize_spec(s, 4, "custom_lut"), "lut_function"),
        (lambda s: quantize_spec(s, 1, "custom_lut", lut_function=lambda n, w: ([1.0], w)), "table of 1 numbers"),
        (lambda s: quantize_spec(s, 1, "custom_lut", lut_function=lambda n, w: ([1, 2], w + 9)), "places from 0 to 1"),
        (lambda s: quantize_spec(quantize_spec(s, 8), 4), "dequantize the model first"),
        (lambda s: quantize_spec(pyruntime.spec.messages.Model(), 8), "no neural network"),
        (lambda s: quantization_utils.AdvancedQuantizedLayerSelector(["foo"]), "has foo"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(BuildError, match=words):
        call(dense())
