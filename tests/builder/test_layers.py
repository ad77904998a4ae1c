"""Every method that adds a layer, against coremltools' builder: the same call gives the same file."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder
from tests.builder.calls import calls

CALLS: dict[str, list[dict[str, Any]]] = {}
for _method, _arguments in calls():
    CALLS.setdefault(_method, []).append(_arguments)


def features(types: Any) -> tuple[list[Any], list[Any]]:
    array = types.Array(3, 4, 5)
    inputs = [("data", array), ("data2", array), ("data3", array), ("vector", types.Array(4))]
    return inputs, [("out", types.Array(2))]


def theirs() -> tuple[Any, Any]:
    """coremltools' builder and types."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from coremltools.models import datatypes as types
        from coremltools.models.neural_network import NeuralNetworkBuilder as Builder
    return Builder, types


def least_version(layer: Any) -> int:
    """The specification version that a layer needs, which coremltools does not always write."""
    kind = layer.WhichOneof("layer")
    number = layer.DESCRIPTOR.fields_by_name[kind].number
    text = str(layer)
    dynamic = "int8DynamicQuantize: true" in text or (kind == "sliceDynamic" and len(layer.input) == 7)
    if number >= 1450 or dynamic:
        return 5
    return 4 if number >= 600 else 3 if "rawValue" in text else 1


def with_numbers(layer: Any) -> None:
    """coremltools leaves the numbers of activations in recurrent layers at 0, which would make them constant."""
    params = getattr(layer, layer.WhichOneof("layer"))
    found = [params.activation] if hasattr(params, "activation") else []
    for field in ("activations", "activationsForwardLSTM", "activationsBackwardLSTM"):
        found += getattr(params, field, [])
    for activation in found:
        if activation.WhichOneof("NonlinearityType") == "sigmoidHard":
            activation.sigmoidHard.alpha, activation.sigmoidHard.beta = 0.2, 0.5
        elif activation.WhichOneof("NonlinearityType") == "linear":
            activation.linear.alpha = 1


def as_bytes(spec: Any) -> bytes:
    return spec.SerializeToString(deterministic=True)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "rank5"])
@pytest.mark.parametrize("method", CALLS)
def test_layer_is_written_as_coremltools_writes_it(method: str, exact: bool):
    builder, types = theirs()
    expected = builder(*features(types), disable_rank5_shape_mapping=exact)
    got = NeuralNetworkBuilder(*features(datatypes), disable_rank5_shape_mapping=exact)
    for number, arguments in enumerate(CALLS[method]):
        for made in (expected, got):
            del made.nn_spec.layers[:]
            made.spec.specificationVersion = 4 if exact else 1
        getattr(expected, f"add_{method}")(f"layer{number}", **arguments)
        added = getattr(got, f"add_{method}")(f"layer{number}", **arguments)
        assert added == got.nn_spec.layers[0]
        if method in ("simple_rnn", "gru", "unilstm", "bidirlstm"):
            with_numbers(expected.nn_spec.layers[0])
        needed = least_version(expected.nn_spec.layers[0])
        expected.spec.specificationVersion = max(expected.spec.specificationVersion, needed)
        assert as_bytes(got.spec) == as_bytes(expected.spec), arguments


def test_signatures_are_coremltools():
    builder, _ = theirs()
    for name in dir(builder):
        if name.startswith("_") and name != "__init__":
            continue
        ours, other = inspect.signature(getattr(NeuralNetworkBuilder, name)), inspect.signature(getattr(builder, name))
        known = [(p.name, p.default, p.kind) for p in other.parameters.values()]
        got = [(p.name, p.default, p.kind) for p in ours.parameters.values()]
        if name == "make_updatable":  # seed= is ours
            got.pop()
        assert got == known, name


def test_every_method_is_called():
    methods = {name.removeprefix("add_") for name in dir(NeuralNetworkBuilder) if name.startswith("add_")}
    assert methods - {"optionals"} == set(CALLS)
