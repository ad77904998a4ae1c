"""A network that is about to change: who makes and who reads each blob, and of which shape it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from pyruntime.description import describe_model
from pyruntime.errors import BuildError
from pyruntime.models.neural_network.weighted_layers import layers_of
from pyruntime.spec.legality.rules import NETWORKS
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_weights

Shape = tuple[int, ...]


class Net:
    """The network of a Model message.  Changes are made to `layers`, a list, and written by `commit`.

    payloads: where its large weights are.  where: in which model it is, for sentences.
    """

    def __init__(self, spec: Any, payloads: Payloads, where: str = "") -> None:
        kind = spec.WhichOneof("Type")
        if kind not in NETWORKS:
            raise BuildError(f"{where}the model is of type {kind}, expected a neural network: {', '.join(NETWORKS)}")
        self.spec, self.payloads, self.kind, self.where = spec, payloads, kind, where
        self.message = getattr(spec, kind)
        self.layers: list[Any] = list(self.message.layers)
        if self.scores:
            self.message.labelProbabilityLayerName = self.scores  # stay those, whatever the last layer is

    @property
    def inputs(self) -> list[str]:
        return [feature.name for feature in self.spec.description.input]

    @property
    def scores(self) -> str:
        """The blob of a classifier's scores; "" for other networks."""
        if self.kind != "neuralNetworkClassifier":
            return ""
        last = self.layers[-1].output[0] if self.layers and self.layers[-1].output else ""
        return self.message.labelProbabilityLayerName or last

    @property
    def results(self) -> list[str]:
        """Blobs that callers see: the outputs, and a classifier's scores; not its label."""
        description = self.spec.description
        special = {description.predictedFeatureName, description.predictedProbabilitiesName} if self.scores else set()
        names = [feature.name for feature in description.output if feature.name not in special]
        return list(dict.fromkeys([*([self.scores] if self.scores else []), *names]))

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes of the blobs as they were when somebody asked first; -1 where only a prediction knows."""
        from pyruntime.engines.custom_layers import CustomLayers
        from pyruntime.layers.network import blob_shapes
        from pyruntime.native.custom import compiling

        with compiling(lambda: CustomLayers(self.message, self.payloads)):
            return blob_shapes(self.message, describe_model(self.spec), self.payloads)

    def producer(self, blob: str) -> Any:
        """The layer that gives a blob, or None: an input, or nothing.  Branches and loops give what is made in them.

        Raises BuildError where several layers give it.
        """
        found = [layer for layer in self.layers if blob in writes_of(layer)]
        if len(found) > 1:
            names = ", ".join(repr(layer.name) for layer in found)
            raise BuildError(f"{self.where}layers {names} all give {blob!r}; such a blob cannot be trained through")
        return found[0] if found else None

    def upstream(self, blob: str, seen: set[int]) -> Any:
        """Like `producer`, for a walk back: raises BuildError where it comes to a layer again.  seen: those met."""
        layer = self.producer(blob)
        if layer is not None and id(layer) in seen:
            raise BuildError(
                f"{self.where}{blob!r} is made again by layer {layer.name!r}, of what was made of it before; such "
                "blobs cannot be trained through"
            )
        seen.add(id(layer))
        return layer

    def readers(self, blob: str) -> list[Any]:
        """Layers that read a blob, those with branches or loops in which it is read too."""
        return [layer for layer in self.layers if blob in reads_of(layer)]

    def constant(self, blob: str) -> Any:
        """The numbers of a blob that a loadConstant or loadConstantND layer gives, as an array; None for others."""
        layer = self.producer(blob)
        kind = None if layer is None else layer.WhichOneof("layer")
        if kind not in ("loadConstant", "loadConstantND"):
            return None
        params = getattr(layer, kind)
        shape = [int(size) for size in params.shape]
        numbers = read_weights(params.data, shape=shape, layer=layer.name, field="data", payloads=self.payloads)
        blob_shape = self.shapes.get(blob, ())
        return numbers.reshape(blob_shape) if math.prod(blob_shape) == numbers.size else numbers

    def position(self, layer: Any) -> int:
        return next(place for place, one in enumerate(self.layers) if one is layer)

    def fresh(self, name: str) -> str:
        """A name that no blob, feature or layer has: `name`, or with a number behind."""
        taken = {blob for layer in self.layers for blob in (*writes_of(layer), *reads_of(layer), layer.name)}
        features = self.spec.description
        taken.update(f.name for f in (*features.input, *features.output, *features.trainingInput))
        count, found = 1, name
        while found in taken:
            count += 1
            found = f"{name}_{count}"
        return found

    def drop_unread(self, blobs: Iterable[str]) -> None:
        """Without the layers that give these blobs, where nobody reads them any more."""
        for blob in blobs:
            layer = self.producer(blob)
            if layer is not None and not any(self.readers(one) or one in self.results for one in layer.output):
                self.remove(layer)

    def remove(self, layer: Any) -> None:
        """Take a layer out of the list, and no other one that is like it."""
        del self.layers[self.position(layer)]

    def commit(self) -> None:
        """Write the list of layers into the message."""
        layers = list(self.layers)
        del self.message.layers[:]
        self.message.layers.extend(layers)
        self.layers = list(self.message.layers)

    def find(self, name: str) -> Any:
        """The layer of a name.  Raises BuildError that offers similar names."""
        found = [layer for layer in self.layers if layer.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise BuildError(
                f"{self.where}{len(found)} layers have the name {name!r}; give them names of their own first"
            )
        names = [layer.name for layer in self.layers]
        raise BuildError(f"{self.where}there is no layer {name!r}{near(name, names)}")

    def name_apart(self) -> None:
        """Give layers names of their own: those that learn need one, and converters leave some without."""
        count = Counter(layer.name for layer in self.layers)
        seen: set[str] = set()
        for layer in self.layers:
            if not layer.name or (count[layer.name] > 1 and layer.name in seen):
                layer.name = self.fresh(layer.name or (layer.output[0] if layer.output else "layer"))
            seen.add(layer.name)


def reads_of(layer: Any) -> set[str]:
    """Names that a layer reads, in its branches and loops too."""
    names = set(layer.input)
    for network in _inside(layer):
        for one in layers_of(network):
            names.update(one.input)
    if layer.WhichOneof("layer") == "loop":
        names.add(layer.loop.conditionVar)
    return names - {""}


def writes_of(layer: Any) -> set[str]:
    """Names that a layer gives, those of its branches and loops too."""
    names = set(layer.output)
    for network in _inside(layer):
        for one in layers_of(network):
            names.update(one.output)
    return names


def _inside(layer: Any) -> tuple[Any, ...]:
    kind = layer.WhichOneof("layer")
    if kind == "branch":
        return (layer.branch.ifBranch, layer.branch.elseBranch)
    return (layer.loop.conditionNetwork, layer.loop.bodyNetwork) if kind == "loop" else ()


def near(name: str, names: Iterable[str], what: str = "layers") -> str:
    """The end of a sentence about a wrong name: similar ones, else the first of those that exist."""
    names = list(dict.fromkeys(names))
    similar = get_close_matches(name, names, 3, 0.6)
    if similar:
        return f"; did you mean {' or '.join(map(repr, similar))}?"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"; {what} are {', '.join(map(repr, names[:12])) or 'none'}{more}"
