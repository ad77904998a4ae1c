"""The network of a file in PyTorch, as a converter left it, with the weights of some layers as parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from .nets import layers_of


def tensor(weight: Any, *shape: int) -> torch.Tensor:
    return torch.tensor(np.array(weight.floatValue), dtype=torch.float64).reshape(shape)


class Twin:
    """learners: names of layers whose weights, bias, or constants that stand for them, are parameters.

    A constant that is added to a product without a bias is its bias, so it learns with it.
    """

    def __init__(self, spec: Any, learners: list[str]) -> None:
        self.layers = layers_of(spec)
        self.made: dict[tuple[str, str], torch.Tensor] = {}
        self.learns = set(learners)
        makers = {one.output[0]: one for one in self.layers}
        for one in self.layers:
            if one.WhichOneof("layer") == "batchedMatmul" and len(one.input) == 2 and one.name in learners:
                self.learns.add(makers[one.input[1]].name)
            if one.WhichOneof("layer") == "addBroadcastable":
                constant, before = sorted(
                    (makers[name] for name in one.input), key=lambda m: m.WhichOneof("layer") != "loadConstantND"
                )
                has_bias = getattr(getattr(before, before.WhichOneof("layer")), "hasBias", False)
                if before.name in learners and not has_bias:
                    self.learns.add(constant.name)

    def weight(self, layer: Any, field: str, *shape: int) -> torch.Tensor:
        key = layer.name, field
        if key not in self.made:
            message = getattr(getattr(layer, layer.WhichOneof("layer")), field)
            self.made[key] = tensor(message, *shape).requires_grad_(layer.name in self.learns)
        return self.made[key]

    def one(self, x: torch.Tensor) -> torch.Tensor:
        """The last blob for one example, flat."""
        table = {"x": x}
        for layer in self.layers:
            table[layer.output[0]] = self._layer(layer, [table[name] for name in layer.input])
        return table[self.layers[-1].output[0]].reshape(-1)

    def _layer(self, layer: Any, values: list[torch.Tensor]) -> torch.Tensor:
        kind = layer.WhichOneof("layer")
        p, x = getattr(layer, kind), values[0] if values else None
        if kind == "loadConstantND":
            return self.weight(layer, "data", *p.shape)
        assert x is not None
        if kind == "batchedMatmul" and len(values) == 2:
            return x @ (values[1].mT if p.transposeB else values[1])
        if kind in ("batchedMatmul", "innerProduct"):
            sizes = (
                (p.outputChannels, p.inputChannels) if kind == "innerProduct"
                else (p.weightMatrixSecondDimension, p.weightMatrixFirstDimension)
            )  # fmt: skip
            return F.linear(x, self.weight(layer, "weights", *sizes), self.weight(layer, "bias", sizes[0]) if p.hasBias
                            else None)  # fmt: skip
        if kind == "convolution":
            w = self.weight(layer, "weights", p.outputChannels, p.kernelChannels, *p.kernelSize)
            return F.conv2d(x, w, self.weight(layer, "bias", p.outputChannels))
        if kind == "activation":
            functions = {"ReLU": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
            return functions[p.WhichOneof("NonlinearityType")](x)
        simple = {
            "addBroadcastable": lambda: x + values[1],
            "pooling": lambda: F.max_pool2d(x, 2),
            "reshapeStatic": lambda: x.reshape(*p.targetShape),
            "softmaxND": lambda: torch.softmax(x, p.axis),
        }
        return simple[kind]()

    def train(self, x: np.ndarray, target: np.ndarray, batch: int, steps: int, rate: float) -> list[float]:
        """Losses of plain gradient descent over mini-batches in order; cross entropy for class numbers."""
        losses = []
        for step in range(steps):
            chosen = np.arange(step * batch, (step + 1) * batch) % len(x)
            results = torch.stack([self.one(torch.tensor(x[i], dtype=torch.float64)) for i in chosen])
            if target.ndim == 1:
                loss = -results[torch.arange(batch), torch.tensor(target[chosen])].log().mean()
            else:
                loss = ((results - torch.tensor(target[chosen], dtype=torch.float64)) ** 2).mean()
            parameters = [p for p in self.made.values() if p.requires_grad]
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for parameter, g in zip(parameters, gradients, strict=True):
                    parameter -= rate * g
            losses.append(loss.item())
        return losses
