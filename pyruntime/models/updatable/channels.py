"""Channel form: a chain of layers rewritten so that gradients pass it as Core ML has it.

Between them Core ML takes convolution, dense layers, pooling, flatten, batch normalisation, three activations and the
softmax of the channel axis: nothing that only gives a new shape.  Converters leave such layers: a reshape before the
first dense layer, axes around batch normalisation, a softmax over the last axis.  So what they compute is carried in
channel form instead: numbers of shape (…, N) as an image (…, N, 1, 1) of one pixel.  Shapes change where the chain
begins, before anything learns, and behind it, for those who read the original shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.dense import replace_kind
from pyruntime.models.updatable.network import Net, Shape
from pyruntime.spec import messages
from pyruntime.spec.legality.networks import ACTIVATIONS_WITH_GRADIENT

DENSE = ("innerProduct", "convolution")
MOVES = (
    "reshapeStatic", "flattenTo2D", "squeeze", "expandDims", "rankPreservingReshape", "reshape", "reshapeLike",
    "transpose",
)  # fmt: skip
"""Layers that give numbers a new shape; which of them fit is seen by the shapes."""
_BLAND = ("copy",)
SOFTMAX = ("softmax", "softmaxND")
LINKS = (*DENSE, "flatten", "pooling", "batchnorm", "activation", *SOFTMAX, "reduceMean", *MOVES, *_BLAND)


class Blocked(BuildError):
    """Gradients cannot pass a layer as Core ML has it.  `layer`: which."""

    def __init__(self, layer: Any, why: str) -> None:
        kind = layer.WhichOneof("layer")
        what = f"activation {layer.activation.WhichOneof('NonlinearityType')}" if kind == "activation" else kind
        super().__init__(f"layer {layer.name!r} ({what}) {why}")
        self.layer = layer


@dataclass(frozen=True)
class Form:
    """How a blob is carried.

    name: of the blob that has it.  shape: of that blob.  plain: the shape as it was.
    axis: of `plain`, where the channels are, in channel form; None for a blob that is as it was.
    last: the image is as it was, but the original has its channels behind the pixels.
    """

    name: str
    shape: Shape
    plain: Shape
    axis: int | None = None
    last: bool = False


class Rewriting:
    """One way to rewrite a chain: what it makes is kept until `write`, so that a way that does not work costs nothing.

    lifted: whether numbers enter in channel form.  Raises Blocked.
    """

    def __init__(self, net: Net, chain: Sequence[Any], lifted: bool) -> None:
        self._net, self._chain = net, chain
        self._made: list[Any] = []
        self._names: set[str] = set()
        self._inside = [layer.name for layer in chain]
        entry = chain[0].input[0]
        shape = net.shapes[entry]
        form = Form(entry, shape, shape)
        if lifted:
            form = self._lift(form)
        for layer in chain:
            form = self._link(layer, form)
        self.end = form.name

    def write(self) -> str:
        """Put it into the network; the name of the blob at the end."""
        place = self._net.position(self._chain[0])
        chain = {id(layer) for layer in self._chain}
        before = self._net.layers[:place]
        behind = [layer for layer in self._net.layers[place:] if id(layer) not in chain]
        self._net.layers = [*before, *self._made, *behind]
        return self.end

    def _fresh(self, name: str) -> str:
        found = self._net.fresh(name)
        while found in self._names:
            found = self._net.fresh(f"{found}_")
        self._names.add(found)
        return found

    def _lift(self, form: Form) -> Form:
        rank = len(form.shape)
        if not 1 <= rank <= 3:
            raise Blocked(self._chain[0], f"reads an array of {rank} axes, which has no channel form")
        name = self._fresh(f"{form.name}_channels")
        layer = messages.NeuralNetworkLayer(name=name, input=[form.name], output=[name])
        layer.expandDims.axes.extend([-4, -2, -1] if rank == 1 else [-2, -1])
        self._made.append(layer)
        lead = form.shape[:-1] or (1,)
        return Form(name, (*lead, form.shape[-1], 1, 1), form.plain, rank - 1)

    # one layer

    def _link(self, layer: Any, form: Form) -> Form:
        kind = layer.WhichOneof("layer")
        plain = self._net.shapes[layer.output[0]]
        if kind in _BLAND or kind in MOVES:
            return self._moved(layer, form, plain)
        if kind == "reduceMean":
            return self._mean(layer, form, plain)
        copy = messages.NeuralNetworkLayer()
        copy.CopyFrom(layer)
        if kind in SOFTMAX:
            self._check_softmax(layer, form)
            replace_kind(copy, "softmax")
        elif form.axis is not None:
            self._check_channels(layer, kind, form)
        elif form.last and kind != "activation":
            raise Blocked(layer, "reads an image whose channels are behind the pixels")
        if kind == "activation" and layer.activation.WhichOneof("NonlinearityType") not in ACTIVATIONS_WITH_GRADIENT:
            raise Blocked(layer, "passes no gradients in Core ML")
        return self._put(copy, form, plain, self._size(layer, kind, form, plain))

    def _size(self, layer: Any, kind: str, form: Form, plain: Shape) -> Shape:
        """Shape of a result in the form of the input."""
        if form.axis is None:
            return form.shape if form.last else plain
        channels = int(layer.innerProduct.outputChannels) if kind == "innerProduct" else form.shape[-3]
        return (*form.shape[:-3], channels, 1, 1)

    def _check_softmax(self, layer: Any, form: Form) -> None:
        rank = len(form.plain)
        kind = layer.WhichOneof("layer")
        axis = layer.softmaxND.axis % rank if kind == "softmaxND" and rank else rank - 3
        if form.last or axis != (rank - 3 if form.axis is None else form.axis) or axis < 0:
            raise Blocked(layer, f"is over axis {axis} of {list(form.plain)}, which is not that of the channels")

    def _check_channels(self, layer: Any, kind: str, form: Form) -> None:
        """Whether a layer means the same for the channel form as for the original shape."""
        rank, axis = len(form.plain), form.axis
        wanted = rank - 1 if kind == "innerProduct" and rank <= 3 else rank - 3
        if kind != "activation" and axis != wanted:
            raise Blocked(layer, f"works on another axis of {list(form.plain)} than {axis}, that of the channels")
        if kind in ("convolution", "pooling") and form.shape != form.plain:
            raise Blocked(layer, f"reads an image of shape {list(form.plain)}")

    def _put(self, layer: Any, form: Form, plain: Shape, shape: Shape, axis: int | None = None) -> Form:
        """A layer of the chain that stays, in place of one with the same output."""
        layer.input[0] = form.name
        original = layer.output[0]
        axis = axis if axis is not None else self._axis_behind(form, plain)
        result = Form(original, shape, plain, axis, form.last)
        if axis is not None and shape == plain:
            result = replace(result, axis=None)
        differs = form.last or (axis is not None and shape != plain)
        if differs and self._outside(original):
            result = replace(result, name=self._fresh(f"{original}_channels"))
        layer.output[0] = result.name
        self._made.append(layer)
        self._give(original, result)
        return result

    @staticmethod
    def _axis_behind(form: Form, plain: Shape) -> int | None:
        """Dense layers and those that change no shape keep the axis of the channels."""
        return None if form.axis is None else form.axis - len(form.plain) + len(plain)

    def _outside(self, blob: str) -> bool:
        """Whether somebody who is not of the chain reads a blob."""
        others = [layer for layer in self._net.readers(blob) if layer.name not in self._inside]
        return bool(others) or blob in self._net.results

    def _give(self, original: str, form: Form) -> None:
        """The original blob, from another form of it, for those outside."""
        if form.name == original or not self._outside(original):
            return
        name = self._fresh(f"{original}_shape")
        layer = messages.NeuralNetworkLayer(name=name, input=[form.name], output=[original])
        if form.last:
            layer.transpose.axes.extend([*range(len(form.shape) - 3), *(len(form.shape) + i for i in (-2, -1, -3))])
        elif form.shape[:-2] == form.plain:
            layer.squeeze.axes.extend([-2, -1])
        elif form.shape == (1, *form.plain, 1, 1):
            layer.squeeze.axes.extend([-4, -2, -1])
        elif list(form.plain).count(-1) > 1:
            raise Blocked(self._net.producer(original), f"gives the open shape {list(form.plain)}")
        else:
            layer.reshapeStatic.targetShape.extend(form.plain)
        self._made.append(layer)

    # layers that only give a new shape

    def _moved(self, layer: Any, form: Form, plain: Shape) -> Form:
        kind = layer.WhichOneof("layer")
        if kind == "transpose":
            result = self._turned(layer, form, plain)
        elif kind == "reshape" and layer.reshape.mode == 1:
            raise Blocked(layer, "orders numbers anew")
        elif form.axis is not None:
            axis = channel_axis(form.shape[:-3], form.shape[-3], plain)
            if axis is None:
                raise Blocked(layer, f"makes {list(plain)} of {list(form.plain)}: channels are no axis of their own")
            result = replace(form, plain=plain, axis=None if form.shape == plain else axis)
        elif form.plain == plain and not form.last:
            result = replace(form, plain=plain)
        else:
            return self._flattened(layer, form, plain)
        self._give(layer.output[0], result)
        return result

    def _turned(self, layer: Any, form: Form, plain: Shape) -> Form:
        """Channels behind the pixels, as other frameworks have them, and back."""
        axes, rank = [int(axis) % len(form.plain) for axis in layer.transpose.axes], len(form.plain)
        lead = list(range(rank - 3))
        backwards = [*lead, rank - 2, rank - 1, rank - 3]
        if form.axis is None and rank >= 4 and axes == backwards and not form.last:
            return replace(form, plain=plain, last=True)
        if form.last and axes == [*lead, rank - 1, rank - 3, rank - 2]:
            return replace(form, plain=plain, last=False)
        raise Blocked(layer, "orders numbers anew")

    def _flattened(self, layer: Any, form: Form, plain: Shape) -> Form:
        """An image becomes a row of numbers."""
        *lead, c, h, w = form.shape if len(form.shape) > 3 else (0, 0, 0, 0)
        axis = None if not lead or -1 in (c, h, w) else channel_axis(lead, c * h * w, plain)
        if axis is None:
            raise Blocked(layer, f"makes {list(plain)} of {list(form.plain)}, which passes no gradients in Core ML")
        shape = (*lead, c * h * w, 1, 1)
        if (h, w) == (1, 1):
            result = Form(form.name, shape, plain, None if shape == plain else axis)
            self._give(layer.output[0], result)
            return result
        flat = messages.NeuralNetworkLayer(name=layer.name, input=[form.name], output=[layer.output[0]])
        flat.flatten.mode = 1 if form.last else 0
        return self._put(flat, replace(form, last=False), plain, shape, axis)

    def _mean(self, layer: Any, form: Form, plain: Shape) -> Form:
        """The mean over all pixels is a pooling."""
        p, rank = layer.reduceMean, len(form.plain)
        pixels = {rank - 3, rank - 2} if form.last else {rank - 2, rank - 1}
        axes = {int(axis) % rank for axis in p.axes} if rank else set()
        if form.axis is not None or rank < 4 or p.reduceAll or axes != pixels or (form.last and p.keepDims):
            raise Blocked(layer, f"is a mean of {list(form.plain)} over other axes than the pixels of an image")
        pool = messages.NeuralNetworkLayer(name=layer.name, input=[form.name], output=[layer.output[0]])
        pool.pooling.type, pool.pooling.globalPooling = pool.pooling.AVERAGE, True
        pool.pooling.valid.SetInParent()
        axis = rank - 3
        shape = (*form.shape[:-2], 1, 1)
        return self._put(pool, replace(form, last=False), plain, shape, axis)


def channel_axis(lead: Sequence[int], channels: int, shape: Shape) -> int | None:
    """The axis of `shape` with all channels, when those before it are `lead` but for ones, and those behind it ones."""
    before = [size for size in lead if size != 1]
    for axis in range(len(shape) - 1, -1, -1):
        fits = shape[axis] == channels and all(size == 1 for size in shape[axis + 1 :])
        if fits and [size for size in shape[:axis] if size != 1] == before:
            return axis
    return None
