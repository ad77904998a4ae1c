"""Core ML layer -> plain steps, for the layer types of the networks that race.  w: Writer, p: the layer's message."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from peers.network import Array, Shape, Unwritable, Writer

Layer = Callable[[Any, Sequence[str], Sequence[str], Writer], None]
LAYERS: dict[str, Layer] = {}


def layer(name: str) -> Callable[[Layer], Layer]:
    def enter(function: Layer) -> Layer:
        LAYERS[name] = function
        return function

    return enter


def _edges(
    p: Any, oneof: str, size: tuple[int, int], kernel: list[int], stride: list[int], dilation: list[int]
) -> list[int]:
    """Padding as [top, left, bottom, right]; NeuralNetwork.proto, SamePadding and ValidPadding."""
    kind = p.WhichOneof(oneof)
    if kind == "valid":
        edges = [(int(e.startEdgeSize), int(e.endEdgeSize)) for e in p.valid.paddingAmounts.borderAmounts] or [
            (0, 0)
        ] * 2
    elif kind == "same":
        edges = []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
            edges.append(
                (total - total // 2, total // 2) if p.same.asymmetryMode == 1 else (total // 2, total - total // 2)
            )
    else:
        raise Unwritable(f"padding {kind}")
    return [edges[0][0], edges[1][0], edges[0][1], edges[1][1]]


def _fit(
    size: tuple[int, int], kernel: list[int], stride: list[int], dilation: list[int], pads: list[int]
) -> list[int]:
    return [
        (n + pads[i] + pads[i + 2] - (k - 1) * d - 1) // s + 1
        for i, (n, k, s, d) in enumerate(zip(size, kernel, stride, dilation, strict=True))
    ]


@layer("convolution")
def convolution(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    n, _, *size = w.shapes[i[0]]
    kernel, stride = list(p.kernelSize) or [3, 3], list(p.stride) or [1, 1]
    dilation, groups = list(p.dilationFactor) or [1, 1], int(p.nGroups) or 1
    pads = _edges(p, "ConvolutionPaddingType", (size[0], size[1]), kernel, stride, dilation)
    out = int(p.outputChannels)
    weights = {"weight": w.read(p.weights, (out, int(p.kernelChannels), *kernel))}
    if p.hasBias:
        weights["bias"] = w.read(p.bias, (out,))
    shape = (n, out, *_fit((size[0], size[1]), kernel, stride, dilation, pads))
    w.emit(
        "conv", (i[0],), o[0], shape, weights, kernel=kernel, stride=stride, dilation=dilation, groups=groups, pads=pads
    )


@layer("innerProduct")
def inner_product(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    x = w.flat(i[0])
    out = int(p.outputChannels)
    weight: Array = w.read(p.weights, (out, int(p.inputChannels)))
    if x in w.channels_last:  # an author of an NCHW network has the columns in the order of a plain flatten
        c, h, width = w.channels_last[x]
        weight = weight.reshape(out, h, width, c).transpose(0, 3, 1, 2).reshape(out, -1)
    weights = {"weight": weight} | ({"bias": w.read(p.bias, (out,))} if p.hasBias else {})
    w.emit("dense", (x,), o[0], (w.shapes[x][0], out), weights)


@layer("batchnorm")
def batchnorm(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if p.computeMeanVar:
        raise Unwritable("batchnorm with statistics of the input")
    weights = {name: w.read(getattr(p, name), (int(p.channels),)) for name in ("gamma", "beta", "mean", "variance")}
    w.emit("batch_norm", (i[0],), o[0], w.shapes[i[0]], weights, epsilon=p.epsilon or 1e-5)


@layer("activation")
def activation(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    kind = p.WhichOneof("NonlinearityType")
    plain = {"ReLU": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}
    attrs: dict[str, Any] = {}
    if kind == "linear":
        name, attrs = "linear", {"scale": p.linear.alpha, "shift": p.linear.beta}
    elif kind == "leakyReLU":
        name, attrs = "leaky_relu", {"slope": p.leakyReLU.alpha}
    elif kind in plain:
        name = plain[kind]
    else:
        raise Unwritable(f"activation {kind}")
    w.emit(name, (i[0],), o[0], w.shapes[i[0]], **attrs)


@layer("unary")
def unary(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if p.type != 7 or (p.scale or 1.0) != 1.0 or p.shift:
        raise Unwritable(f"unary function {p.type}")
    w.emit("at_least", (i[0],), o[0], w.shapes[i[0]], low=p.alpha)


@layer("pooling")
def pooling(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    n, c, *size = w.shapes[i[0]]
    kind = {0: "max_pool", 1: "average_pool"}.get(p.type)
    if kind is None:
        raise Unwritable("L2 pooling")
    if p.globalPooling or (list(p.kernelSize) == size and kind == "average_pool"):
        w.emit("global_" + kind, (i[0],), o[0], (n, c, 1, 1))
        return
    kernel, stride = list(p.kernelSize) or [3, 3], list(p.stride) or [1, 1]
    if p.WhichOneof("PoolingPaddingType") == "includeLastPixel":
        if any(p.includeLastPixel.paddingAmounts):
            raise Unwritable("pooling with includeLastPixel and padding")
        over = [(math.ceil((x - k) / s) * s + k - x) for x, k, s in zip(size, kernel, stride, strict=True)]
        pads = [0, 0, *over]
    else:
        pads = _edges(p, "PoolingPaddingType", (size[0], size[1]), kernel, stride, [1, 1])
    if kind == "average_pool" and any(pads):
        raise Unwritable("average pooling over padding")
    out = _fit((size[0], size[1]), kernel, stride, [1, 1], pads)
    w.emit(kind, (i[0],), o[0], (n, c, *out), kernel=kernel, stride=stride, pads=pads)


@layer("add")
def add(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if len(i) == 1:
        w.emit("linear", (i[0],), o[0], w.shapes[i[0]], scale=1.0, shift=p.alpha)
        return
    w.emit("add", tuple(i), o[0], np.broadcast_shapes(*(w.shapes[x] for x in i)))


@layer("multiply")
def multiply(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if len(i) != 1:
        raise Unwritable("a product of two blobs")
    w.emit("linear", (i[0],), o[0], w.shapes[i[0]], scale=p.alpha, shift=0.0)


@layer("loadConstant")
def load_constant(p: Any, _i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    shape = tuple(int(n) for n in p.shape)
    w.emit("constant", (), o[0], (1, *shape), {"value": w.read(p.data, shape)[None]})


@layer("padding")
def padding(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if any(e.startEdgeSize or e.endEdgeSize for e in p.paddingAmounts.borderAmounts):
        raise Unwritable("a padding layer")
    w.alias(o[0], i[0])


@layer("concat")
def concat(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if p.sequenceConcat:
        raise Unwritable("concat along the sequence")
    inputs = tuple(i)
    if any(len(w.shapes[x]) == 2 for x in i):
        inputs = tuple(w.flat(x) for x in i)
    n, _, *rest = w.shapes[inputs[0]]
    w.emit("concat", inputs, o[0], (n, sum(w.shapes[x][1] for x in inputs), *rest))


@layer("flatten")
def flatten(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    shape = w.shapes[i[0]]
    w.alias(o[0], w.flat(i[0]))
    if p.mode == 1 and len(shape) == 4 and shape[2:] != (1, 1):
        w.channels_last[w.find(o[0])] = shape[1:]


@layer("permute")
def permute(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    shape, axes = w.shapes[i[0]], tuple(int(a) for a in p.axis)
    full: Shape = (*shape, 1, 1)[:4]
    moved = tuple(full[a] for a in axes)
    if [a for a in axes if full[a] > 1] == [a for a in range(4) if full[a] > 1] and moved == full:
        w.alias(o[0], i[0])  # only axes of one element change places
        return
    w.emit("transpose", (i[0],), o[0], moved, axes=axes)


@layer("softmax")
def softmax(_p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    w.emit("softmax", (i[0],), o[0], w.shapes[i[0]])


@layer("reduce")
def reduce(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if p.mode != 9 or p.axis != 2:
        raise Unwritable("a reduction other than the arg-max of channels")
    n, _, *rest = w.shapes[i[0]]
    w.emit("arg_max", (i[0],), o[0], (n, *rest))


@layer("resizeBilinear")
def resize_bilinear(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    n, c, *size = w.shapes[i[0]]
    target = [int(t) for t in p.targetSize]
    if size == target:
        w.alias(o[0], i[0])
        return
    if p.mode.samplingMethod > 1:
        raise Unwritable("a sampling grid that does not align corners")
    w.emit("resize_align_corners", (i[0],), o[0], (n, c, *target), size=target)


@layer("upsample")
def upsample(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    n, c, h, width = w.shapes[i[0]]
    if p.mode != 1 or p.linearUpsampleMode != 0 or list(p.scalingFactor) != [2, 2]:
        raise Unwritable("upsampling other than bilinear by 2")
    w.emit("upsample_2x", (i[0],), o[0], (n, c, 2 * h, 2 * width))


@layer("embedding")
def embedding(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    if p.hasBias:
        raise Unwritable("an embedding with bias")
    table = w.read(p.weights, (int(p.outputChannels), int(p.inputDim))).T
    w.emit("embedding", (i[0],), o[0], (1, table.shape[1]), {"table": table})


@layer("uniDirectionalLSTM")
def lstm(p: Any, i: Sequence[str], o: Sequence[str], w: Writer) -> None:
    x, (inputs, hidden) = w.flat(i[0]), (int(p.inputVectorSize), int(p.outputVectorSize))
    functions = [a.WhichOneof("NonlinearityType") for a in p.activations]
    options = p.params
    if functions != ["sigmoid", "tanh", "tanh"] or options.hasPeepholeVectors or options.coupledInputAndForgetGate:
        raise Unwritable("an LSTM other than the usual one")
    gates = ("inputGate", "forgetGate", "blockInput", "outputGate")  # PyTorch's order: i, f, g, o

    def stack(what: str, *shape: int) -> Array:
        return np.concatenate([w.read(getattr(p.weightParams, f"{gate}{what}"), shape) for gate in gates])

    bias = stack("BiasVector", hidden) if options.hasBiasVectors else np.zeros(4 * hidden, np.float32)
    if options.forgetBias:
        bias[hidden : 2 * hidden] += 1
    weights = {"w": stack("WeightMatrix", hidden, inputs), "r": stack("RecursionMatrix", hidden, hidden), "bias": bias}
    w.emit("lstm", (x, i[1], i[2]), o[0], (w.shapes[x][0], hidden), weights, hidden=hidden)
    step = w.steps.pop()
    w.steps.append(type(step)(step.kind, step.inputs, tuple(o), step.attrs, step.weights))
    for state in o[1:]:
        w.shapes[state] = (1, 1, hidden)
