"""The frozen part of a network, which runs once per example, and the layers that every step runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.errors import SpecError
from pyruntime.layers.scope import blocks_of, written
from pyruntime.training.recipe import Recipe


@dataclass(frozen=True)
class Split:
    """layers: numbers of those between the first that learns and the loss.  features: what they read from others."""

    layers: tuple[int, ...]
    features: tuple[str, ...]


def split_network(recipe: Recipe, source: str) -> Split:
    """Cut the network where the first layer that learns begins.  Raises SpecError when the loss sees none of them."""
    messages = recipe.network.layers
    learning: set[str] = set()
    depending: list[int] = []
    for i, layer in enumerate(messages):
        if i in recipe.updatable or not learning.isdisjoint(_read_by(layer)):
            learning.update(_made_by(layer))
            depending.append(i)
    if recipe.loss.source not in learning:
        raise SpecError(
            f"{source}: the loss {recipe.loss.name!r} reads {recipe.loss.source!r}, "
            "which no updatable layer has a part in"
        )
    needed = {recipe.loss.source}
    kept: list[int] = []
    for i in reversed(depending):
        if not needed.isdisjoint(_made_by(messages[i])):
            needed.update(_read_by(messages[i]))
            kept.append(i)
    idle = [messages[i].name for i in recipe.updatable if i not in kept]
    if idle:
        raise SpecError(f"{source}: layer {idle[0]!r} is updatable, but the loss does not depend on it")
    read = [name for i in reversed(kept) for name in _read_by(messages[i]) if name not in learning]
    return Split(tuple(reversed(kept)), tuple(dict.fromkeys(read)))


def _read_by(layer: Any) -> tuple[str, ...]:
    """Names that a layer reads, in its blocks too; a block that makes a name anew may keep what it was."""
    inner = [name for block in blocks_of(layer) for one in block.layers for name in _read_by(one)]
    return tuple(dict.fromkeys([*layer.input, *inner, *written(blocks_of(layer))]))


def _made_by(layer: Any) -> tuple[str, ...]:
    return (*layer.output, *written(blocks_of(layer)))
