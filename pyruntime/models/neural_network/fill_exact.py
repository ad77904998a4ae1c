"""Layers of Core ML 3 and later that take more than copying arguments into fields."""

from __future__ import annotations

from typing import Any

from pyruntime.models.neural_network.fill import add_tensor
from pyruntime.models.neural_network.rows import Call


def reduce_axes(call: Call) -> None:
    """Without axes, all of them."""
    call.params.reduceAll = bool(call["reduce_all"]) or call["axes"] is None


def positive_axes(call: Call) -> None:
    """Axes from the front: the field takes no negative ones."""
    rank = len(call["axes"])
    call.arguments = {**call.arguments, "axes": [axis + rank if axis < 0 else axis for axis in call["axes"]]}


def concat_nd(call: Call) -> None:
    if call["interleave"]:
        call.needs(5)


def split_nd(call: Call) -> None:
    sizes = call["split_sizes"]
    call.params.numSplits = call["num_splits"] if sizes is None else len(sizes)
    if call.params.numSplits != len(call.layer.output):
        call.refuse("output_names", f"{call.params.numSplits} names, one per part", len(call.layer.output))


def slice_static(call: Call) -> None:
    """Ids and masks, one per axis."""
    names = ["begin_ids", "end_ids", "strides", "begin_masks", "end_masks"]
    if call["squeeze_masks"] is not None:
        names.append("squeeze_masks")
        if any(call["squeeze_masks"]):
            call.needs(5)
    lengths = {name: len(call[name]) for name in names}
    if len(set(lengths.values())) > 1:
        call.refuse("begin_ids", "as many entries in all of " + ", ".join(names), lengths)


def slice_dynamic(call: Call) -> None:
    """Numbers that no input gives: five of each, as many as the largest rank has axes."""
    defaults = {"end_ids": 1, "strides": 1, "begin_masks": False, "end_masks": False}
    for name, value in defaults.items():
        field = name[0] + name.title().replace("_", "")[1:]
        getattr(call.params, field).extend([value] * 5 if call[name] is None else list(call[name]))
    if call["squeeze_masks"] is not None:
        call.params.squeezeMasks.extend(call["squeeze_masks"])
        if any(call["squeeze_masks"]):
            call.needs(5)
    if len(call.layer.input) == 7:
        call.needs(5)


def tile(call: Call) -> None:
    if len(call.layer.input) == 2:
        call.needs(5)
    elif any(rep < 1 for rep in call["reps"]):
        call.refuse("reps", "numbers from 1", call["reps"])


def range_dynamic(call: Call) -> None:
    call.params.SetInParent()


def branch(call: Call) -> None:
    """Both networks are there, empty where the caller fills them later."""
    for name, network in (("ifBranch", call["if_branch"]), ("elseBranch", call["else_branch"])):
        _network(getattr(call.params, name), network)


def loop(call: Call) -> None:
    """Networks, empty where there are none."""
    params = call.params
    _network(params.bodyNetwork, call["body_network"])
    _network(params.conditionNetwork, call["condition_network"])
    if call["condition"] is not None:
        params.conditionVar = str(call["condition"])
    if call["max_iterations"] is not None:
        params.maxLoopIterations = call["max_iterations"]


def _network(target: Any, network: Any) -> None:
    """A NeuralNetwork message, ours or of coremltools, copied into its place."""
    target.SetInParent()
    if network is not None:
        target.MergeFromString(network.SerializeToString())


_COMPARISONS = {"greater_than": ("greaterThan", "greaterEqual"), "less_than": ("lessThan", "lessEqual")}


def comparison(call: Call) -> None:
    """With one input, against alpha."""
    method = call.row.method
    if method in _COMPARISONS:
        call.choose_layer(_COMPARISONS[method][bool(call[f"use_{method}_equal"])])
    call.params.SetInParent()
    if len(call.layer.input) == 1:
        call.params.alpha = call["alpha"]


def logical(call: Call) -> None:
    mode = call.choice("mode", ["AND", "OR", "XOR", "NOT"])
    if (mode == "NOT") != (len(call.layer.input) == 1):
        call.refuse("input_names", "one name for NOT, two for the others", f"{list(call.layer.input)} with {mode}")
    call.choose_layer(f"logical{mode.title()}")


def reverse(call: Call) -> None:
    call.params.reverseDim.extend([True] if call["reverse_dim"] is None else [bool(x) for x in call["reverse_dim"]])


def remove_dim(call: Call) -> None:
    call.params.removeDim = not call["keepdims"]


def rank_preserving_reshape(call: Call) -> None:
    for target in (call.layer.inputTensor, call.layer.outputTensor):
        add_tensor(target, len(call["output_shape"]), call["output_shape"])
