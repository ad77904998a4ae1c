"""The layers between the first one that learns and the loss: found, simplified, rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.channels import DENSE, LINKS, Blocked, Rewriting
from pyruntime.models.updatable.dense import simplify
from pyruntime.models.updatable.network import Net


def walk(net: Net, end: str, learners: Sequence[Any] | None) -> list[Any]:
    """The layers before blob `end`, back to the first of `learners`, or, without, as far as gradients may pass.

    Layers are simplified on the way.  Raises Blocked where not all learners are reached.
    """
    net.shapes  # noqa: B018  (those of the network as it is)
    missing = None if learners is None else [layer.name for layer in learners]
    found: list[Any] = []
    blob, seen = end, set[int]()
    while missing is None or missing:
        layer = net.upstream(blob, seen)
        if layer is None:
            break
        while simplify(net, layer):
            layer = net.producer(blob)
        if layer.WhichOneof("layer") not in LINKS or len(reads(layer)) != 1 or len(layer.output) != 1:
            if missing:
                raise Blocked(layer, f"passes no gradients in Core ML, from the loss to {missing[0]!r}")
            break
        found.insert(0, layer)
        if missing and layer.name in missing:
            missing.remove(layer.name)
        blob = layer.input[0]
    if missing:
        raise BuildError(
            f"{net.where}layer {missing[0]!r} has no part in {end!r}, which the loss reads; choose one that has, or "
            "another output for the loss"
        )
    return found


def reads(layer: Any) -> Sequence[str]:
    """What gradients would flow to: the first input of a layer that takes only the shape of the second."""
    return list(layer.input[:1] if layer.WhichOneof("layer") == "reshapeLike" else layer.input)


def rewrite(net: Net, chain: list[Any], *, whole: bool) -> str:
    """Rewrite a chain of at least one layer; the name of the blob at its end.

    whole: all of it or an error; else as much as can be.
    """
    end = str(chain[-1].output[0])
    first: Blocked | None = None
    for start in range(1) if whole else [i for i, one in enumerate(chain) if one.WhichOneof("layer") in DENSE]:
        for lifted in (False, True):
            try:
                plan = Rewriting(net, chain[start:], lifted)
            except Blocked as why:
                first = first or why
                continue
            return plan.write()
    if whole and first is not None:
        raise first
    return end
