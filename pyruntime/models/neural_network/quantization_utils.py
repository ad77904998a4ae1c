"""Weights in fewer bits: quantize_weights, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.model import MLModel
from pyruntime.models.neural_network import quantizing
from pyruntime.models.neural_network.comparing import compare_models
from pyruntime.models.neural_network.folding import fold_affine_layers
from pyruntime.models.neural_network.selectors import (
    AdvancedQuantizedLayerSelector,
    MatrixMultiplyLayerSelector,
    QuantizedLayerSelector,
    matrix_sizes,
)
from pyruntime.models.neural_network.weight_params import Quantization, pack_bits
from pyruntime.models.neural_network.weighted_layers import Weighted, layers_of, networks_of, weighted
from pyruntime.spec import messages
from pyruntime.spec.weights import read_weights, weight_form, write_weights

__all__ = [
    "AdvancedQuantizedLayerSelector",
    "MatrixMultiplyLayerSelector",
    "QuantizedLayerSelector",
    "activate_int8_int8_matrix_multiplications",
    "compare_models",
    "quantize_spec",
    "quantize_weights",
]

_MODES: dict[str, Any] = {
    "linear": quantizing.linear,
    "linear_symmetric": quantizing.linear_symmetric,
    "linear_lut": quantizing.linear_table,
    "kmeans": quantizing.kmeans_table,
    "kmeans_lut": quantizing.kmeans_table,
    "custom_lut": None,
    "dequantization": None,
}


def quantize_weights(
    full_precision_model: Any,
    nbits: int,
    quantization_mode: str = "linear",
    sample_data: Any = None,
    *,
    lut_function: Callable[[int, Any], tuple[Any, Any]] | None = None,
    selector: QuantizedLayerSelector | None = None,
) -> MLModel:
    """A copy of a model whose weights have fewer bits.

    full_precision_model: an MLModel or a Model message, a network or a pipeline with networks.
    nbits: 1 to 8, or 16 for half floats.
    quantization_mode: how numbers of up to 8 bits become weights.
        linear: evenly spaced from the smallest to the largest of an output channel.
        linear_symmetric: the same from minus the largest absolute value to plus it; 8 bits.
        linear_lut: a table of evenly spaced numbers, one for the whole weight.
        kmeans, kmeans_lut: a table of the centres of clusters.
        custom_lut: a table that lut_function makes.
        dequantization: floats again, whatever nbits is.
    sample_data: inputs for which `compare_models` prints what has changed.
    lut_function: (bits, numbers) to (table of 2 ** bits numbers, place in the table of each number).
    selector: which layers.

    A scale, a bias or a batchnorm right after a convolution or an inner product is folded into it before.
    """
    spec = full_precision_model.get_spec() if hasattr(full_precision_model, "get_spec") else full_precision_model
    quantized = MLModel(quantize_spec(spec, nbits, quantization_mode, lut_function=lut_function, selector=selector))
    if sample_data is not None:
        original = full_precision_model if hasattr(full_precision_model, "predict") else MLModel(spec)
        compare_models(original, quantized, sample_data)
    return quantized


def quantize_spec(
    spec: Any,
    nbits: int,
    quantization_mode: str = "linear",
    *,
    lut_function: Callable[[int, Any], tuple[Any, Any]] | None = None,
    selector: QuantizedLayerSelector | None = None,
) -> messages.Model:
    """Like quantize_weights, from one Model message to another."""
    _check(spec, nbits, quantization_mode, lut_function)
    result = messages.Model.FromString(spec.SerializeToString())
    if quantization_mode == "custom_lut":
        assert lut_function is not None
        quantizer: Any = quantizing.custom_table(lut_function)
    else:
        quantizer = _MODES[quantization_mode]
    selector = selector if selector is not None else QuantizedLayerSelector()
    for network in networks_of(result):
        if nbits != 16 and quantizer is not None:
            fold_affine_layers(network, {feature.name for feature in result.description.output})
        for layer in layers_of(network):
            for weight in weighted(layer):
                if quantizer is None:
                    write_weights(weight.params, _floats(weight))
                elif selector.do_quantize(layer, weight_param=weight.part):
                    _quantize(weight, nbits, quantizer)
    _raise_versions(result, 1 if quantizer is None else 2 if nbits == 16 else 3)
    return result


def _check(spec: Any, nbits: int, mode: str, lut_function: Any) -> None:
    if mode not in _MODES:
        raise BuildError(f"quantization_mode is {mode!r}, expected one of {', '.join(_MODES)}")
    if mode != "dequantization" and nbits not in (*range(1, 9), 16):
        raise BuildError(f"nbits is {nbits}, expected 1 to 8, or 16 for half floats")
    if (mode == "custom_lut") != (lut_function is not None):
        raise BuildError("lut_function: expected a function with quantization_mode custom_lut, and none without")
    if mode == "linear_symmetric" and nbits not in (8, 16):
        raise BuildError(f"linear_symmetric takes 8 bits, got {nbits}")
    if not list(networks_of(spec)):
        raise BuildError(f"the model is of type {spec.WhichOneof('Type')}, and has no neural network in it")
    if spec.isUpdatable and mode != "dequantization":
        raise BuildError("the model is updatable, and weights that learn are floats: clear isUpdatable first")


def _floats(weight: Weighted) -> Any:
    """The weight as float32 in its stored shape."""
    axis = weight.channel_axis or 0
    name = weight.layer.name
    return read_weights(weight.params, shape=weight.shape, layer=name, field=weight.field, channel_axis=axis)


def _quantize(weight: Weighted, bits: int, quantizer: Any) -> None:
    if weight_form(weight.params) in ("rawValue", "int8RawValue"):
        raise BuildError(
            f"layer {weight.layer.name!r}, {weight.field} is quantized already; dequantize the model first"
        )
    floats = _floats(weight)
    params = weight.params
    for field in ("floatValue", "float16Value"):
        params.ClearField(field)
    if bits == 16:
        with np.errstate(over="ignore"):
            params.float16Value = floats.astype("<f2").tobytes()
        return
    axis = weight.channel_axis or 0
    rows = np.moveaxis(floats, axis, 0)
    numbers, quantization = quantizer(np.ascontiguousarray(rows).reshape(rows.shape[0], -1), bits)
    stored = np.moveaxis(numbers.reshape(rows.shape), 0, axis)
    params.rawValue = pack_bits(stored, bits)
    quantization.write(params)


def _raise_versions(spec: Any, version: int) -> None:
    """The least version, of a pipeline and of the networks in it."""
    spec.specificationVersion = max(spec.specificationVersion, version)
    kind = spec.WhichOneof("Type")
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        for model in (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models:
            if list(networks_of(model)):
                _raise_versions(model, version)


def activate_int8_int8_matrix_multiplications(
    spec: Any, selector: QuantizedLayerSelector | None = None
) -> messages.Model:
    """A copy of a model whose matrix products quantize their inputs to int8, too, while they run.

    Weights of inner products, and of batched matrix products with one stored matrix, become int8 with one scale.
    selector: which of them, see MatrixMultiplyLayerSelector.
    """
    result = messages.Model.FromString(spec.SerializeToString())
    if not list(networks_of(result)):
        raise BuildError(f"the model is of type {result.WhichOneof('Type')}, and has no neural network in it")
    selector = selector if selector is not None else MatrixMultiplyLayerSelector()
    for network in networks_of(result):
        for layer in layers_of(network):
            if matrix_sizes(layer) is None or not selector.do_quantize(layer):
                continue
            for weight in weighted(layer):
                if weight.part == "weights":
                    _to_int8(weight)
    _raise_versions(result, 5)
    return result


def _to_int8(weight: Weighted) -> None:
    floats = _floats(weight)
    scale = np.float32(np.abs(floats).max() / 127)
    steps = np.round(floats / scale) if scale else np.zeros_like(floats)
    for field in ("floatValue", "float16Value", "rawValue", "quantization"):
        weight.params.ClearField(field)
    weight.params.int8RawValue = steps.astype(np.int8).tobytes()
    Quantization(8, scale=np.array([scale])).write(weight.params)
    layer = weight.layer
    getattr(layer, layer.WhichOneof("layer")).int8DynamicQuantize = True
