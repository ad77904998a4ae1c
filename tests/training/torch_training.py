"""The same training in PyTorch, double precision: written from the description of the format.

Batch first, images (B, C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

Arrays = Mapping[str, np.ndarray]


def tensor(weight: Any, *shape: int) -> torch.Tensor:
    return torch.tensor(list(weight.floatValue), dtype=torch.float64).reshape(shape)


class Network:
    """The network message of `spec`.  parameters: those of updatable layers, by (layer, field)."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.parameters: dict[tuple[str, str], torch.Tensor] = {}
        for layer in network.layers:
            if layer.isUpdatable:
                p = getattr(layer, layer.WhichOneof("layer"))
                for field, value in zip(("weights", "bias"), _weights(p), strict=False):
                    self.parameters[layer.name, field] = value.requires_grad_()

    def blobs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        table = dict(inputs)
        for layer in self.network.layers:
            kind = layer.WhichOneof("layer")
            p = getattr(layer, kind)
            values = [table[name] for name in layer.input]
            learned = [self.parameters[key] for key in self.parameters if key[0] == layer.name]
            table[layer.output[0]] = LAYERS[kind](p, values, learned)
        return table


def _weights(p: Any) -> list[torch.Tensor]:
    """The weight, and the bias if there is one."""
    if hasattr(p, "kernelChannels"):
        kernel = list(p.kernelSize) or [3, 3]
        found = [tensor(p.weights, p.outputChannels, p.kernelChannels, *kernel)]
    else:
        inner = p.inputDim if hasattr(p, "inputDim") else p.inputChannels
        found = [tensor(p.weights, p.outputChannels, inner)]
    return [*found, tensor(p.bias, p.outputChannels)] if p.hasBias else found


def _edges(p: Any, oneof: str, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Left, right, top, bottom."""
    if p.WhichOneof(oneof) == "valid":
        amounts = [(e.startEdgeSize, e.endEdgeSize) for e in p.valid.paddingAmounts.borderAmounts] or [(0, 0), (0, 0)]
    else:
        totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, k, s in zip(sizes, kernel, stride, strict=True)]
        top_left = p.same.asymmetryMode == 1
        amounts = [(t - t // 2, t // 2) if top_left else (t // 2, t - t // 2) for t in totals]
    return [*amounts[1], *amounts[0]]


def _convolution(p: Any, values: list[torch.Tensor], learned: list[torch.Tensor]) -> torch.Tensor:
    w, *bias = learned or _weights(p)
    stride, dilation = list(p.stride) or [1, 1], list(p.dilationFactor) or [1, 1]
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    x = F.pad(values[0], _edges(p, "ConvolutionPaddingType", values[0].shape[2:], spans, stride))
    return F.conv2d(x, w, bias[0] if bias else None, stride, 0, dilation, p.nGroups or 1)


def _pooling(p: Any, values: list[torch.Tensor], _learned: Any) -> torch.Tensor:
    x = values[0]
    if p.globalPooling:
        return x.amax((2, 3), keepdim=True) if p.type == 0 else x.mean((2, 3), keepdim=True)
    kernel, stride = list(p.kernelSize) or [3, 3], list(p.stride) or [1, 1]
    edges = _edges(p, "PoolingPaddingType", x.shape[2:], kernel, stride)
    if p.type == 0:
        return F.max_pool2d(F.pad(x, edges, value=-math.inf), kernel, stride)
    sums = F.avg_pool2d(F.pad(x, edges), kernel, stride)
    if not p.avgPoolExcludePadding:
        return sums
    return sums / F.avg_pool2d(F.pad(torch.ones_like(x), edges), kernel, stride)


def _inner_product(p: Any, values: list[torch.Tensor], learned: list[torch.Tensor]) -> torch.Tensor:
    w, *bias = learned or _weights(p)
    x = values[0]
    if x.ndim == 4 and x.shape[-1] != w.shape[1]:  # (C, H, W) of each example
        x = x.reshape(len(x), -1)
    return F.linear(x, w, bias[0] if bias else None)


def _activation(p: Any, values: list[torch.Tensor], _learned: Any) -> torch.Tensor:
    kind = p.WhichOneof("NonlinearityType")
    return {"ReLU": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[kind](values[0])


def _batchnorm(p: Any, values: list[torch.Tensor], _learned: Any) -> torch.Tensor:
    one = [tensor(w, 1, p.channels, 1, 1) for w in (p.gamma, p.beta, p.mean, p.variance)]
    return one[0] * (values[0] - one[2]) / (one[3] + (p.epsilon or 1e-5)).sqrt() + one[1]


def _flatten(p: Any, values: list[torch.Tensor], _learned: Any) -> torch.Tensor:
    x = values[0].permute(0, 2, 3, 1) if p.mode and values[0].ndim == 4 else values[0]
    return x.reshape(len(x), -1)


def _embedding(p: Any, values: list[torch.Tensor], _learned: Any) -> torch.Tensor:
    return _weights(p)[0].T[values[0].reshape(-1).long()]


LAYERS: dict[str, Any] = {
    "convolution": _convolution,
    "pooling": _pooling,
    "innerProduct": _inner_product,
    "activation": _activation,
    "batchnorm": _batchnorm,
    "flatten": _flatten,
    "embedding": _embedding,
    "permute": lambda p, values, learned: values[0],  # in these files only of axes of size 1
    "concat": lambda p, values, learned: torch.cat(values, 1),
    "softmax": lambda p, values, learned: torch.softmax(values[0], 1),
}


@dataclass(frozen=True)
class More:
    """What PyTorch does besides.  loss: of logits and classes.  optimizer: of a list of parameters."""

    optimizer: Callable[[Any], Any] | None = None
    schedule: Callable[[Any], Any] | None = None
    before_step: Callable[[Any], Any] | None = None
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None
    network: Callable[[Any], Any] | None = None


def train(
    network: Any,
    inputs: Arrays,
    target: np.ndarray,
    batches: Sequence[np.ndarray],
    more: More = More(),
    **hyper: float,
) -> tuple[list[float], dict[tuple[str, str], np.ndarray]]:
    """Losses of the mini-batches in `batches` (numbers of examples), and the weights after them."""
    model = more.network(network) if more.network else Network(network)
    loss = network.updateParams.lossLayers[0]
    entropy = loss.WhichOneof("LossLayerType") == "categoricalCrossEntropyLossLayer"
    source = loss.categoricalCrossEntropyLossLayer.input if entropy else loss.meanSquaredErrorLossLayer.input
    if more.optimizer:
        optimizer: Any = more.optimizer(list(model.parameters.values()))
    elif "beta1" in hyper:
        optimizer = torch.optim.Adam(
            model.parameters.values(), hyper["learningRate"], (hyper["beta1"], hyper["beta2"]), hyper["eps"]
        )
    else:
        optimizer = torch.optim.SGD(model.parameters.values(), hyper["learningRate"], hyper.get("momentum", 0.0))
    tensors = {name: torch.tensor(np.asarray(a, np.float32), dtype=torch.float64) for name, a in inputs.items()}
    tensors = {name: t[:, 0] if t.ndim == 5 else t for name, t in tensors.items()}  # (1, C, H, W) each
    schedule = more.schedule(optimizer) if more.schedule else None
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        y = model.blobs({name: t[batch] for name, t in tensors.items()})[source]
        if entropy:
            chosen = y.reshape(len(batch), -1)[torch.arange(len(batch)), torch.tensor(target[batch]).long().reshape(-1)]
            value = -chosen.log().mean()
            if more.loss:  # log p has the same softmax as the logits
                value = more.loss(y.reshape(len(batch), -1).log(), torch.tensor(target[batch]).long().reshape(-1))
        else:
            value = ((y.reshape(len(batch), -1) - torch.tensor(target[batch]).reshape(len(batch), -1)) ** 2).mean()
        value.backward()
        if more.before_step:
            more.before_step(list(model.parameters.values()))
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(value.item())
    return losses, {key: p.detach().numpy() for key, p in model.parameters.items()}


def orders(count: int, size: int, epochs: int, seed: int | None) -> list[np.ndarray]:
    """Mini-batches of all epochs: with a seed as pyruntime documents its shuffle, without one in order."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(epochs):
        order = np.arange(count) if seed is None else rng.permutation(count)
        found += [order[start : start + size] for start in range(0, count, size)]
    return found
