"""Which layers of a model could learn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.chain import reads
from pyruntime.models.updatable.channels import LINKS, SOFTMAX
from pyruntime.models.updatable.network import Net
from pyruntime.spec.legality.networks import ACTIVATIONS_WITH_GRADIENT
from pyruntime.spec.weights import stored_weight, weight_form, weights_of

LEARN = ("convolution", "innerProduct", "batchedMatmul")
"""Layers that can learn, the last one after it was rewritten as an inner product."""
_NEVER = ("loadConstant", "loadConstantND", "custom", "branch", "loop", None)
_REWRITTEN = ("batchedMatmul", "addBroadcastable", "add", "bias", "tanh")


@dataclass(frozen=True)
class Candidate:
    """A layer that could learn.

    weights: how many numbers, and how they are stored.  legal: whether Core ML could train it too: nothing but layers
    that it passes gradients through stands between it and the loss.
    """

    name: str
    kind: str
    numbers: int
    stored: str
    legal: bool

    def __str__(self) -> str:
        note = "" if self.legal else ", only beyond Core ML"
        return f"{self.name} ({self.kind}, {self.numbers} numbers, {self.stored}{note})"


def follow(net: Net, end: str) -> Iterator[Any]:
    """Layers back from a blob, as far as Core ML's gradients could pass once converters' layers are rewritten."""
    blob, seen = end, set[int]()
    while True:
        layer = net.upstream(blob, seen)
        if layer is None or len(layer.output) != 1:
            return
        kind = layer.WhichOneof("layer")
        if (kind not in LINKS and kind not in _REWRITTEN) or (kind in SOFTMAX and blob != end):
            return
        if kind == "activation" and layer.activation.WhichOneof("NonlinearityType") not in ACTIVATIONS_WITH_GRADIENT:
            return
        sources = [name for name in reads(layer) if net.constant(name) is None]
        if len(sources) != 1:
            return
        yield layer
        blob = sources[0]


def candidates(net: Net, end: str) -> list[Candidate]:
    """Every layer with weights that can learn, the last one first."""
    passed = {id(layer) for layer in follow(net, end)}
    return [
        _candidate(net, layer, id(layer) in passed and can_learn(net, layer))
        for layer in reversed(net.layers)
        if can_learn(net, layer) or _has_weights(layer)
    ]


def _has_weights(layer: Any) -> bool:
    """Whether a layer has weights that may learn beyond Core ML."""
    kind = layer.WhichOneof("layer")
    return kind not in _NEVER and any(True for _, weight in weights_of(layer) if weight_form(weight))


def can_learn(net: Net, layer: Any) -> bool:
    """Whether a layer has weights that learn in Core ML, as it is or as an inner product."""
    kind = layer.WhichOneof("layer")
    if kind not in LEARN:
        return False
    if len(layer.input) == 1:
        return True
    return kind == "batchedMatmul" and len(layer.input) == 2 and net.constant(layer.input[1]) is not None


def default_layer(net: Net, end: str) -> Any:
    """The last dense layer or convolution before the loss.  Raises BuildError where there is none."""
    for layer in follow(net, end):
        if can_learn(net, layer):
            return layer
    raise BuildError(
        f"{net.where}no layer that can learn ({', '.join(LEARN)}) stands before {end!r} with nothing but layers "
        "between that gradients pass in Core ML; name layers and give core_ml_only=False to train beyond it"
    )


def _candidate(net: Net, layer: Any, legal: bool) -> Candidate:
    kind = layer.WhichOneof("layer")
    found = [stored_weight(weight, net.payloads) for _, weight in weights_of(getattr(layer, kind))]
    known = [one for one in found if one is not None]
    numbers, stored = sum(one[1] for one in known), known[0][0] if known else "float32"
    if kind == "batchedMatmul" and len(layer.input) == 2:
        numbers = math.prod(net.constant(layer.input[1]).shape)
    return Candidate(layer.name, kind, numbers, stored, legal)
