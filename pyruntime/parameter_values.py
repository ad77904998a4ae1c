"""What a loaded model answers when it is asked for a parameter: what it was configured with, or what is in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.errors import ParametersError
from pyruntime.parameters import READ_ONLY, ParameterKey, describe_parameters, find_parameter, listed
from pyruntime.spec import LeanModel
from pyruntime.spec.weights import read_weights, weight_form

_FIELDS = {"weights": "weights", "biases": "bias"}
"""Names of the fields of convolution, innerProduct and embedding layers."""


def parameter_value(lean: LeanModel, overrides: Mapping[str, Any], key: ParameterKey | str) -> Any:
    """The value of a parameter, or the weights or biases of a layer as a read-only float32 array.

    overrides: checked values by `ParameterKey.path`.  Weights have the shape in which the format stores them:
    (out, in / groups, height, width) for convolutions, (in, out / groups, height, width) for deconvolutions, (out, in)
    for inner products.  Raises ParametersError.
    """
    wanted = ParameterKey.of(key)
    if wanted.name in READ_ONLY:
        return _weights(lean, wanted)
    parameter = find_parameter(wanted, describe_parameters(lean.spec))
    return overrides.get(parameter.key.path, parameter.default_value)


def _weights(lean: LeanModel, key: ParameterKey) -> Any:
    layers = dict(_layers(lean.spec, ""))
    layer = layers.get(key.scope)
    if layer is None:
        there = listed(sorted(name for name, layer in layers.items() if _holds(layer, key.name))) or "none"
        raise ParametersError(
            f"parameter {str(key)!r}: there is no layer {key.scope!r}; "
            f"expected layer:{key.name} or model/layer:{key.name}, layers with {key.name}: {there}"
        )
    kind = layer.WhichOneof("layer")
    if not _holds(layer, key.name):
        raise ParametersError(f"parameter {str(key)!r}: the layer {key.scope!r} ({kind}) has no {key.name}")
    params = getattr(layer, kind)
    field = _FIELDS[key.name]
    shape, axis = _shape(params, kind, key)
    array = read_weights(
        getattr(params, field), shape=shape, layer=key.scope, field=field, channel_axis=axis, payloads=lean.payloads
    )
    copy = np.array(array, np.float32)
    copy.flags.writeable = False
    return copy


def _shape(params: Any, kind: str, key: ParameterKey) -> tuple[tuple[int, ...], int]:
    """The shape in the file, and the axis of channels."""
    if kind == "convolution":
        groups, kernel = max(int(params.nGroups), 1), [int(k) for k in params.kernelSize] or [3, 3]
        out, channels = int(params.outputChannels), int(params.kernelChannels)
        if key.name == "biases":
            return (out,), 0
        if params.isDeconvolution:
            return (channels, out // groups, *kernel), 1
        return (out, channels, *kernel), 0
    inner = int(params.inputChannels if kind == "innerProduct" else params.inputDim)
    out = int(params.outputChannels)
    return ((out,), 0) if key.name == "biases" else ((out, inner), 0)


def _holds(layer: Any, name: str) -> bool:
    kind = layer.WhichOneof("layer")
    if kind not in ("convolution", "innerProduct", "embedding"):
        return False
    params, field = getattr(layer, kind), _FIELDS[name]
    return bool(params.HasField(field) and weight_form(getattr(params, field)))


def _layers(spec: Any, scope: str) -> list[tuple[str, Any]]:
    """(scope, layer message) of every layer of every network of a model."""
    kind = spec.WhichOneof("Type")
    model = getattr(spec, kind)
    if kind in ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"):
        return [(f"{scope}{layer.name}", layer) for layer in model.layers]
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        from pyruntime.engines.pipeline import part_names, pipeline_message

        message = pipeline_message(spec)
        parts = zip(part_names(message), message.models, strict=True)
        return [found for name, part in parts for found in _layers(part, f"{scope}{name}/")]
    return []
