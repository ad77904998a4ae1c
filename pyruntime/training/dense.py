"""Dense layers, and which of them get a low-rank adapter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pyruntime.parameters import listed
from pyruntime.spec.weights import weight_form, weights_of
from pyruntime.training.checks import wrong_option
from pyruntime.training.options import Adapter, TrainingOptions

DENSE = "an innerProduct, a batchedMatmul with a weight, or a convolution without groups"
LOW_RANK = 4
"""Of the adapters that low_precision="adapter" asks for, where no rank is given."""


@dataclass(frozen=True)
class Dense:
    """Sizes of a layer that can have an adapter: W is (outputs, inputs, *kernel)."""

    outputs: int
    inputs: int
    kernel: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.outputs, self.inputs, *self.kernel

    @property
    def columns(self) -> int:
        return self.inputs * math.prod(self.kernel)

    @property
    def most(self) -> int:
        """The largest rank that is not more than W's."""
        return min(self.outputs, self.columns)


def is_compressed(layer: Any) -> bool:
    """Whether a weight of the layer is stored in less than 32 bits."""
    return any(weight_form(weight) not in ("floatValue", None) for _, weight in weights_of(layer))


def dense_of(layer: Any) -> Dense | None:
    """The sizes of a layer that can have an adapter."""
    kind = layer.WhichOneof("layer")
    if kind == "innerProduct":
        return Dense(int(layer.innerProduct.outputChannels), int(layer.innerProduct.inputChannels))
    if len(layer.input) != 1:
        return None
    if kind == "batchedMatmul":
        p = layer.batchedMatmul
        return Dense(int(p.weightMatrixSecondDimension), int(p.weightMatrixFirstDimension))
    if kind == "convolution" and not layer.convolution.isDeconvolution and layer.convolution.nGroups <= 1:
        p = layer.convolution
        return Dense(int(p.outputChannels), int(p.kernelChannels), tuple(p.kernelSize) or (3, 3))
    return None


def choose_adapters(network: Any, options: TrainingOptions) -> dict[str, Adapter]:
    """Adapters by the name of their layer."""
    chosen: dict[str, Adapter] = {}
    general: Adapter | None = None
    for adapter in options.adapter_list:
        if adapter.layers is None and general is not None:
            raise wrong_option("adapters", "at most one Adapter without layers", "two")
        if adapter.layers is None:
            general = adapter
        for name in adapter.layers or ():
            if name in chosen:
                raise wrong_option("adapters.layers", "each layer once", f"{name!r} twice")
            _check_named(name, network)
            chosen[name] = adapter
    marked = [layer for layer in network.layers if layer.isUpdatable and layer.name not in chosen]
    fitting = [layer for layer in marked if dense_of(layer)]
    if general is not None and not fitting:
        names = listed(layer.name for layer in marked) or "none"
        raise wrong_option("adapters", f"a layer marked as updatable that is {DENSE}; or name layers", names)
    if options.low_precision == "adapter":
        for layer in marked:
            if is_compressed(layer):
                chosen[layer.name] = general or _low(layer)
    if general is not None:
        chosen.update({layer.name: general for layer in fitting})
    return chosen


def _low(layer: Any) -> Adapter:
    """That of a compressed layer for which the options name none."""
    dense = dense_of(layer)
    if dense is None:
        kind = layer.WhichOneof("layer")
        raise wrong_option("low_precision", f"'dequantize', or {DENSE}", f"'adapter' for {layer.name!r} ({kind})")
    return Adapter(min(LOW_RANK, dense.most))


def _check_named(name: str, network: Any) -> None:
    found = [layer for layer in network.layers if layer.name == name]
    if len(found) == 1 and dense_of(found[0]):
        return
    what = f"{name!r}, which {len(found) or 'no'} layers have"
    if len(found) == 1:
        kind = found[0].WhichOneof("layer")
        what = f"{name!r} ({'grouped or transposed ' if kind == 'convolution' else ''}{kind})"
    dense = listed(layer.name for layer in network.layers if dense_of(layer)) or "none"
    raise wrong_option("adapters.layers", f"names of dense layers, here {dense}", what)
