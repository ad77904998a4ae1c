"""What a loaded model answers when it is asked for a parameter: what it was configured with, or what is in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.errors import ParametersError
from pyruntime.parameters import READ_ONLY, ParameterKey, describe_parameters, find_parameter, listed
from pyruntime.spec import LeanModel, messages
from pyruntime.spec.paths import at_path
from pyruntime.spec.weight_shapes import weight_shape
from pyruntime.spec.weights import read_weights, stored_weight, weight_form

_FIELDS = {"weights": "weights", "biases": "bias"}
"""Fields of layers that Core ML's two names mean.  Other weights are called as their fields (spec/paths.py)."""


def parameter_value(lean: LeanModel, overrides: Mapping[str, Any], key: ParameterKey | str) -> Any:
    """The value of a parameter, or the weights or biases of a layer as a read-only float32 array.

    overrides: checked values by `ParameterKey.path`.  Weights have the shape in which the format stores them:
    (out, in / groups, height, width) for convolutions, (in, out / groups, height, width) for deconvolutions, (out, in)
    for inner products.  Those that Core ML has no name for are called as their fields: `norm:gamma`,
    `lstm:weightParams.inputGateWeightMatrix`.  Raises ParametersError.
    """
    wanted = ParameterKey.of(key)
    if wanted.name in READ_ONLY or _names_a_weight(lean, wanted):
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
    path = _FIELDS.get(key.name, key.name)
    weight = at_path(getattr(layer, kind), path)
    told = weight_shape(layer, path)
    stored = stored_weight(weight, lean.payloads)
    shape, axis = told or ((stored[1] if stored else 0,), 0)
    array = read_weights(weight, shape=shape, layer=key.scope, field=path, channel_axis=axis, payloads=lean.payloads)
    copy = np.array(array, np.float32)
    copy.flags.writeable = False
    return copy


def _names_a_weight(lean: LeanModel, key: ParameterKey) -> bool:
    layer = dict(_layers(lean.spec, "")).get(key.scope)
    return layer is not None and _holds(layer, key.name)


def _holds(layer: Any, name: str) -> bool:
    """Whether the layer has a weight of that name."""
    kind = layer.WhichOneof("layer")
    try:
        weight = at_path(getattr(layer, kind), _FIELDS.get(name, name)) if kind else None
    except KeyError:
        return False
    return isinstance(weight, messages.WeightParams) and weight_form(weight) is not None


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
