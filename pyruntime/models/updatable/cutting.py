"""A network cut into two: what comes before some blobs, and what comes behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.network import Net, Shape, near, reads_of, writes_of
from pyruntime.spec import messages


@dataclass(frozen=True)
class Cut:
    """blobs: what the parts hand over.  front, back: layers, in order; a constant may be in both.

    front_results, back_results: the model's results by the part that gives them.
    """

    blobs: tuple[str, ...]
    front: tuple[Any, ...]
    back: tuple[Any, ...]
    front_results: tuple[str, ...]
    back_results: tuple[str, ...]


def blobs_at(net: Net, at: str | Iterable[str]) -> tuple[str, ...]:
    """The blobs that a caller means, by their own names or those of layers that give them.  Raises BuildError."""
    names = [at] if isinstance(at, str) else list(at)
    found: list[str] = []
    for name in names:
        layers = [layer for layer in net.layers if layer.name == name]
        if len(layers) == 1:
            found += _given(net, layers[0])
        elif name in net.inputs:
            raise BuildError(
                f"{net.where}{name!r} is an input of the model: there is nothing before it to leave frozen"
            )
        elif any(name in writes_of(layer) for layer in net.layers):
            found.append(name)
        else:
            known = [text for layer in net.layers for text in (layer.name, *sorted(writes_of(layer)))]
            raise BuildError(f"{net.where}there is no layer or blob {name!r}{near(name, known, 'layers and blobs')}")
    if not found:
        raise BuildError("at is empty, expected the name of a layer or blob")
    return tuple(dict.fromkeys(found))


def _given(net: Net, layer: Any) -> list[str]:
    """What a layer gives to others; branches and loops have no outputs of their own."""
    inside = sorted(name for name in writes_of(layer) if net.readers(name) or name in net.results)
    return list(layer.output) or inside


def cut(net: Net, blobs: tuple[str, ...], *, without_results: bool = False) -> Cut:
    """Cut a network at blobs.  without_results: what comes behind is not needed, only what they are made of.

    Raises BuildError where something else goes from one part to the other; it names the blobs.
    """
    for blob in blobs:
        net.producer(blob)  # one, or it raises
    live = _live(net)
    frozen = [blob for blob in blobs if blob not in live]
    if frozen:
        raise BuildError(f"{net.where}{frozen[0]!r} is a constant, the same for every input; cut somewhere else")
    if without_results:
        return Cut(blobs, _before(net, blobs), (), (), ())
    made_before = _before(net, blobs)
    own = {id(layer) for layer in made_before}
    reached = set(blobs)
    behind: list[Any] = []
    for layer in net.layers:
        if id(layer) not in own and reads_of(layer) & reached:
            behind.append(layer)
            reached |= writes_of(layer)
    after = reached - set(blobs)
    back_results = tuple(name for name in net.results if name in after)
    front_results = tuple(name for name in net.results if name not in after)
    if not back_results or (net.scores and net.scores not in back_results):
        wanted = net.scores if net.scores else net.results[0]
        raise BuildError(f"{net.where}{wanted!r} does not depend on {_listed(blobs)}; cut before what it is made of")
    back = _needed(net, behind, back_results, live)
    _check_crossing(net, back, blobs, live)
    return Cut(blobs, _before(net, (*blobs, *front_results)), back, front_results, back_results)


def _live(net: Net) -> set[str]:
    """Blobs that depend on the model's inputs."""
    live = set(net.inputs)
    for layer in net.layers:
        if reads_of(layer) & live:
            live |= writes_of(layer)
    return live


def _before(net: Net, blobs: Iterable[str]) -> tuple[Any, ...]:
    """Layers that blobs are made of, in order."""
    wanted, found = set(blobs), []
    for layer in reversed(net.layers):
        if writes_of(layer) & wanted:
            found.append(layer)
            wanted |= reads_of(layer)
    return tuple(reversed(found))


def _needed(net: Net, behind: list[Any], results: tuple[str, ...], live: set[str]) -> tuple[Any, ...]:
    """Of the layers behind a cut, those that the results need, and the constants that these read."""
    inside = {id(layer) for layer in behind}
    wanted, found = set(results), []
    for layer in reversed(net.layers):
        gives = writes_of(layer)
        if gives & wanted and (id(layer) in inside or not gives & live):
            found.append(layer)
            wanted |= reads_of(layer)
    return tuple(reversed(found))


def _check_crossing(net: Net, back: tuple[Any, ...], blobs: tuple[str, ...], live: set[str]) -> None:
    own = {name for layer in back for name in writes_of(layer)}
    read = [name for layer in back for name in sorted(reads_of(layer))]
    crossing = [name for name in dict.fromkeys(read) if name in live and name not in own and name not in blobs]
    if not crossing:
        return
    inputs = [name for name in crossing if name in net.inputs]
    if inputs:
        raise BuildError(
            f"{net.where}layers behind {_listed(blobs)} read the input {inputs[0]!r}, too, so the cut does not "
            "separate them from it; cut further ahead"
        )
    raise BuildError(
        f"{net.where}{_listed(blobs)} do not separate the network: layers behind also read {_listed(crossing)}; cut "
        f"where all goes through one blob, or at all of them: at={[*blobs, *crossing]}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def feature_shape(net: Net, blob: str, legacy: bool) -> Shape:
    """The shape in which a blob travels between two models; -1 where only a prediction knows it."""
    shape = net.shapes[blob]
    if legacy:
        if shape[0] not in (1, -1):
            raise BuildError(
                f"{net.where}{blob!r} is a sequence, {list(shape)}; cut where there is one value per input"
            )
        shape = shape[2:3] if shape[3:] == (1, 1) else shape[2:]
    return shape


def add_array(features: Any, name: str, shape: Shape) -> None:
    """Add a float32 array to the features of a model, or make one of them such.  -1: of any size."""
    feature = next((one for one in features if one.name == name), None) or features.add(name=name)
    feature.type.Clear()
    array = feature.type.multiArrayType
    array.shape.extend(max(size, 1) for size in shape)
    for size in shape if -1 in shape else ():
        array.shapeRange.sizeRanges.add(lowerBound=max(size, 1), upperBound=size)
    array.dataType = messages.ArrayFeatureType.ArrayDataType.FLOAT32
