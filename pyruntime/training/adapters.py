"""Low-rank adapters: two small layers beside a dense one, whose own weights stay as they are.

    x → layer ───────────────────┐
    x → A (rank rows) → B → scale ┴ add → what the layer gave

The network that learns is a copy of the file's with these layers in it, so training knows nothing of adapters.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_weights, weights_of, write_weights
from pyruntime.training.checks import wrong_option
from pyruntime.training.dense import DENSE, Dense, choose_adapters, dense_of, is_compressed
from pyruntime.training.options import Adapter, TrainingOptions

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Adapted:
    """A layer with an adapter.  down, up: names of A's and B's layers.  keep: saved beside the layer, not in it."""

    layer: str
    dense: Dense
    adapter: Adapter
    keep: bool
    down: str
    up: str

    def start(self) -> Floats:
        """A before the first step: normal numbers, others for each layer and seed."""
        rng = np.random.default_rng([self.adapter.seed, zlib.crc32(self.layer.encode())])
        shape = (self.adapter.rank, self.dense.inputs, *self.dense.kernel)
        return (rng.standard_normal(shape) / math.sqrt(self.dense.columns)).astype(np.float32)

    def delta(self, down: Floats, up: Floats) -> Floats:
        """scale * B A, in the shape of W."""
        rank = self.adapter.rank
        product = up.reshape(-1, rank).astype(np.float64) @ down.reshape(rank, -1).astype(np.float64)
        return (self.adapter.scale * product).reshape(self.dense.shape).astype(np.float32)


class Adapters:
    """A network with the adapters that the options ask for.

    network, payloads: what learns; the file's own where there are none.
    Raises ParametersError for layers that do not exist or cannot have one, and for a rank that is too large.
    """

    def __init__(self, network: Any, payloads: Payloads | None, options: TrainingOptions) -> None:
        chosen = choose_adapters(network, options)
        self.network, self.payloads = network, payloads
        self._items: dict[str, Adapted] = {}
        if not chosen:
            return
        taken = {layer.name for layer in network.layers}
        for layer in network.layers:
            if layer.name in chosen:
                down, up = (_fresh(f"{layer.name} {part}", taken) for part in ("adapter A", "adapter B"))
                self._items[layer.name] = _adapted(layer, chosen[layer.name], down, up)
        self.network = type(network)()
        self.network.CopyFrom(network)
        self.payloads = None if payloads is None else payloads.branch()
        arrays = {
            name: (item.start(), np.zeros((item.dense.outputs, item.adapter.rank), np.float32))
            for name, item in self._items.items()
        }
        self._insert(self.network, arrays, self.payloads, scaled=False)

    def own(self, layer: str) -> bool:
        """Whether a layer of `network` is part of an adapter."""
        return any(layer in (item.down, item.up) for item in self._items.values())

    def merged(
        self, network: Any, payloads: Payloads | None, learned: Mapping[str, Floats]
    ) -> Iterator[tuple[str, Floats]]:
        """(layer, W + scale * B A) of the layers that adapters are added to.  network, payloads: the file's.

        learned: weights of A and B by the names of their layers.
        """
        for layer in network.layers:
            item = self._items.get(layer.name)
            if item is not None and not item.keep:
                before = read_weights(
                    _params(layer).weights, shape=item.dense.shape, layer=layer.name, field="weights", payloads=payloads
                )
                yield layer.name, before + item.delta(learned[item.down], learned[item.up])

    def keep(self, network: Any, learned: Mapping[str, Floats], payloads: Payloads) -> bool:
        """Put the other adapters into a copy of the file's network, with the scale in B.  Whether there are some."""
        kept = {
            name: (learned[item.down], (np.float32(item.adapter.scale) * learned[item.up]).astype(np.float32))
            for name, item in self._items.items()
            if item.keep
        }
        if kept:
            self._insert(network, kept, payloads, scaled=True)
        return bool(kept)

    def _insert(
        self, network: Any, arrays: Mapping[str, tuple[Floats, Floats]], payloads: Payloads | None, *, scaled: bool
    ) -> None:
        """Adapters with these A and B behind their layers.  scaled: B has the scale in it."""
        taken = {layer.name for layer in network.layers}
        blobs = {name for layer in network.layers for name in (*layer.input, *layer.output)}
        layers: list[Any] = []
        for layer in network.layers:
            layers.append(layer)
            if layer.name in arrays:
                item = self._items[layer.name]
                layers += _layers_of(layer, item, arrays[layer.name], payloads, scaled, taken, blobs)
        copies = [type(layer).FromString(layer.SerializeToString()) for layer in layers]
        del network.layers[:]
        network.layers.extend(copies)


def _adapted(layer: Any, adapter: Adapter, down: str, up: str) -> Adapted:
    dense = dense_of(layer)
    if dense is None:
        raise wrong_option("adapters", DENSE, f"{layer.name!r} ({layer.WhichOneof('layer')})")
    if not layer.name:
        raise wrong_option("adapters", "layers with names", "one without")
    if adapter.rank > dense.most:
        size = " x ".join(map(str, dense.shape))
        raise wrong_option(
            "adapters.rank", f"1 to {dense.most} for layer {layer.name!r}, whose weight is {size}", str(adapter.rank)
        )
    keep = is_compressed(layer) if adapter.keep is None else adapter.keep
    return Adapted(layer.name, dense, adapter, keep, down, up)


def _layers_of(
    layer: Any,
    item: Adapted,
    arrays: tuple[Floats, Floats],
    payloads: Payloads | None,
    scaled: bool,
    taken: set[str],
    blobs: set[str],
) -> Iterator[Any]:
    """The layers behind `layer`, which does not learn any more and gives its result another name."""
    result = layer.output[0]
    base, low, high, ready = (
        _fresh(f"{result} {part}", blobs) for part in ("without adapter", "adapter A", "adapter B", "adapter")
    )
    down, up, last = (type(layer)() for _ in range(3))
    down.CopyFrom(layer)
    _reshaped(down, item, down=True)
    _name(down, item.down, [*layer.input], low)
    up.CopyFrom(layer)
    _reshaped(up, item, down=False)
    _name(up, item.up, [low], high)
    for message, array in zip((down, up), arrays, strict=True):
        weight = _params(message).weights
        write_weights(weight, array, payloads)
        message.isUpdatable = weight.isUpdatable = True
    layer.output[0] = base
    layer.isUpdatable = False
    for _, weight in weights_of(layer):
        weight.isUpdatable = False
    yield from (down, up)
    if not scaled and item.adapter.scale != 1:
        factor = type(layer)()
        factor.activation.linear.alpha = item.adapter.scale
        _name(factor, _fresh(f"{layer.name} adapter scale", taken), [high], ready)
        high = ready
        yield factor
    last.add.SetInParent()
    _name(last, _fresh(f"{layer.name} with adapter", taken), [base, high], result)
    yield last


def _reshaped(layer: Any, item: Adapted, *, down: bool) -> None:
    """A copy of the dense layer as A, which keeps what the layer does with its input, or as B, which is plain."""
    p, rank, dense = _params(layer), item.adapter.rank, item.dense
    outputs, inputs = (rank, dense.inputs) if down else (dense.outputs, rank)
    if not down or not dense.kernel:
        p.Clear()
    p.ClearField("weights")
    p.ClearField("bias")
    p.hasBias = False
    if layer.WhichOneof("layer") == "batchedMatmul":
        p.weightMatrixFirstDimension, p.weightMatrixSecondDimension = inputs, outputs
        return
    p.outputChannels = outputs
    if not dense.kernel:
        p.inputChannels = inputs
        return
    p.kernelChannels, p.nGroups = inputs, 1
    if not down:
        p.kernelSize.extend([1, 1])
        p.valid.SetInParent()


def _name(layer: Any, name: str, inputs: Sequence[str], output: str) -> None:
    for field in ("input", "output", "inputTensor", "outputTensor"):
        layer.ClearField(field)
    layer.name = name
    layer.input.extend(inputs)
    layer.output.append(output)


def _params(layer: Any) -> Any:
    return getattr(layer, layer.WhichOneof("layer"))


def _fresh(name: str, taken: set[str]) -> str:
    """A name that is not taken; it is from here on."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} {number}", number + 1
    taken.add(found)
    return found
