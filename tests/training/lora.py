"""Low-rank adapters in PyTorch, from their description: y = W x + bias + alpha / rank * B (A x), W and bias frozen."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from .torch_training import Network, _edges, _weights


def first_a(layer: str, rank: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A before the first step, as the guide says.  shape: W's without the outputs."""
    rng = np.random.default_rng([seed, zlib.crc32(layer.encode())])
    return (rng.standard_normal((rank, *shape)) / np.sqrt(np.prod(shape))).astype(np.float32)


class LoraNetwork(Network):
    """The network message with adapters.  ranks: (rank, alpha, seed) by layer."""

    def __init__(self, network: Any, ranks: Mapping[str, tuple[int, float | None, int]]) -> None:
        super().__init__(network)
        self.factors: dict[str, tuple[torch.Tensor, torch.Tensor, float]] = {}
        for layer in network.layers:
            if layer.name not in ranks:
                continue
            rank, alpha, seed = ranks[layer.name]
            w = _weights(getattr(layer, layer.WhichOneof("layer")))[0]
            a = torch.tensor(first_a(layer.name, rank, tuple(w.shape[1:]), seed), dtype=torch.float64)
            b = torch.zeros(w.shape[0], rank, dtype=torch.float64)
            self.factors[layer.name] = a, b, 1.0 if alpha is None else alpha / rank
            for field in ("weights", "bias"):
                self.parameters.pop((layer.name, field), None)
            self.parameters[layer.name, "A"] = a.requires_grad_()
            self.parameters[layer.name, "B"] = b.requires_grad_()

    def blobs(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        table = dict(inputs)
        for layer in self.network.layers:
            if layer.name in self.factors:
                table[layer.output[0]] = self._adapted(layer, table[layer.input[0]])
            else:
                only = Network.__new__(Network)
                only.network, only.parameters = type(self.network)(layers=[layer]), self.parameters
                table.update(Network.blobs(only, table))
        return table

    def _adapted(self, layer: Any, x: torch.Tensor) -> torch.Tensor:
        p = getattr(layer, layer.WhichOneof("layer"))
        a, b, scale = self.factors[layer.name]
        w, *bias = _weights(p)
        if w.ndim == 2:
            return F.linear(x, w, bias[0] if bias else None) + scale * F.linear(F.linear(x, a), b)
        stride = list(p.stride) or [1, 1]
        x = F.pad(x, _edges(p, "ConvolutionPaddingType", x.shape[2:], w.shape[2:], stride))
        low = F.conv2d(F.conv2d(x, a, None, stride), b[:, :, None, None])
        return F.conv2d(x, w, bias[0] if bias else None, stride) + scale * low

    def merged(self, layer: str) -> np.ndarray:
        """W + scale * B A."""
        found = next(one for one in self.network.layers if one.name == layer)
        w = _weights(getattr(found, found.WhichOneof("layer")))[0]
        a, b, scale = self.factors[layer]
        return (w + scale * (b @ a.reshape(len(a), -1)).reshape(w.shape)).detach().numpy()
