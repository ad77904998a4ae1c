"""Plain steps -> a PyTorch module that takes the network's inputs in order and gives its outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peers.network import PlainNetwork, Step, Unwritable

Call = Callable[..., Any]


class _Lstm(nn.Module):
    """(S, I), (1, 1, H), (1, 1, H) -> (S, H), (1, 1, H), (1, 1, H)."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        hidden, inputs = step.attrs["hidden"], step.weights["w"].shape[1]
        self.lstm = nn.LSTM(inputs, hidden)
        values = {"weight_ih_l0": "w", "weight_hh_l0": "r", "bias_ih_l0": "bias"}
        _load(self.lstm, {own: step.weights[name] for own, name in values.items()})
        nn.init.zeros_(self.lstm.get_parameter("bias_hh_l0"))

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(x.unsqueeze(1), (h, c))
        return y.squeeze(1), h, c


class _UpsampleTwice(nn.Module):
    """Bilinear, output i at i / 2.  PyTorch lacks this grid; aligned corners of one more row and column give it."""

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        wider = F.pad(x, (0, 1, 0, 1), mode="replicate")
        return F.interpolate(wider, size=(2 * h + 1, 2 * w + 1), mode="bilinear", align_corners=True)[:, :, :-1, :-1]


class _Function(nn.Module):
    """A function without parameters, as a module of its own."""

    def __init__(self, function: Call) -> None:
        super().__init__()
        self.function = function

    def forward(self, *x: Tensor) -> Any:
        return self.function(*x)


class _Constant(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self) -> Any:
        return self.value


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(array.copy())


def _load(module: nn.Module, arrays: dict[str, Any]) -> None:
    own = dict(module.named_parameters()) | dict(module.named_buffers())
    with torch.no_grad():
        for name, array in arrays.items():
            own[name].copy_(_tensor(array))


def _conv(step: Step) -> nn.Module:
    a, w = step.attrs, step.weights
    top, left, bottom, right = a["pads"]
    even = (top, left) == (bottom, right)
    out, per_group = w["weight"].shape[:2]
    conv = nn.Conv2d(
        per_group * a["groups"], out, tuple(a["kernel"]), tuple(a["stride"]), (top, left) if even else 0,
        tuple(a["dilation"]), a["groups"], "bias" in w,
    )  # fmt: skip
    _load(conv, dict(w))
    return conv if even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), conv)


def _dense(step: Step) -> nn.Module:
    out, inputs = step.weights["weight"].shape
    dense = nn.Linear(inputs, out, "bias" in step.weights)
    _load(dense, dict(step.weights))
    return dense


def _batch_norm(step: Step) -> nn.Module:
    w = step.weights
    kind = nn.BatchNorm1d if step.attrs["rank"] == 2 else nn.BatchNorm2d
    norm = kind(w["gamma"].size, step.attrs["epsilon"])
    _load(norm, {"weight": w["gamma"], "bias": w["beta"], "running_mean": w["mean"], "running_var": w["variance"]})
    return norm


def _max_pool(step: Step) -> nn.Module:
    top, left, bottom, right = step.attrs["pads"]
    if (top, left) != (0, 0) and (top, left) != (bottom, right):
        raise Unwritable("max pooling with padding of two kinds")
    ceil = (top, left) != (bottom, right)
    return nn.MaxPool2d(tuple(step.attrs["kernel"]), tuple(step.attrs["stride"]), (top, left), ceil_mode=ceil)


def _embedding(step: Step) -> nn.Module:
    embedding = nn.Embedding(*step.weights["table"].shape)
    _load(embedding, {"weight": step.weights["table"]})
    return embedding


def _linear(step: Step) -> nn.Module:
    scale, shift = step.attrs["scale"], step.attrs["shift"]
    if scale == 1.0:
        return _Function(lambda x: x + shift)
    return _Function(lambda x: x * scale) if shift == 0.0 else _Function(lambda x: x * scale + shift)


def _add(*x: Tensor) -> Tensor:
    total = x[0]
    for other in x[1:]:
        total = total + other
    return total


MAKERS: dict[str, Callable[[Step], nn.Module]] = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "max_pool": _max_pool,
    "average_pool": lambda s: nn.AvgPool2d(tuple(s.attrs["kernel"]), tuple(s.attrs["stride"])),
    "global_average_pool": lambda s: nn.AdaptiveAvgPool2d(1),
    "relu": lambda s: nn.ReLU(),
    "clip": lambda s: (
        nn.ReLU6() if (s.attrs["low"], s.attrs["high"]) == (0, 6) else nn.Hardtanh(s.attrs["low"], s.attrs["high"])
    ),
    "leaky_relu": lambda s: nn.LeakyReLU(s.attrs["slope"]),
    "sigmoid": lambda s: nn.Sigmoid(),
    "tanh": lambda s: nn.Tanh(),
    "softmax": lambda s: nn.Softmax(dim=1),
    "linear": _linear,
    "at_least": lambda s: _Function(lambda x: torch.clamp(x, min=s.attrs["low"])),
    "add": lambda s: _Function(_add),
    "concat": lambda s: _Function(lambda *x: torch.cat(x, 1)),
    "flatten": lambda s: nn.Flatten(1),
    "transpose": lambda s: _Function(lambda x: x.permute(s.attrs["axes"])),
    "constant": lambda s: _Constant(_tensor(s.weights["value"])),
    "arg_max": lambda s: _Function(lambda x: torch.argmax(x, 1)),
    "resize_align_corners": lambda s: _Function(
        lambda x: F.interpolate(x, size=tuple(s.attrs["size"]), mode="bilinear", align_corners=True)
    ),
    "upsample_2x": lambda s: _UpsampleTwice(),
    "embedding": _embedding,
    "lstm": _Lstm,
}


class TorchForm(nn.Module):
    """Runs the steps in order."""

    def __init__(self, network: PlainNetwork) -> None:
        super().__init__()
        self.names = tuple(network.inputs)
        self.results = network.outputs
        self.routes = [(step.inputs, step.outputs) for step in network.steps]
        self.operations = nn.ModuleList()
        for step in network.steps:
            if step.kind not in MAKERS:
                raise Unwritable(f"{step.kind} is not written for PyTorch here")
            if step.kind == "batch_norm":
                rank = len(network.shapes[step.inputs[0]])
                step = Step(step.kind, step.inputs, step.outputs, {**step.attrs, "rank": rank}, step.weights)
            self.operations.append(MAKERS[step.kind](step))
        self.eval().requires_grad_(False)

    def forward(self, *inputs: Tensor) -> Any:
        blobs: dict[str, Any] = dict(zip(self.names, inputs, strict=True))
        for operation, (reads, writes) in zip(self.operations, self.routes, strict=True):
            made = operation(*(blobs[name] for name in reads))
            blobs.update(zip(writes, made, strict=True) if len(writes) > 1 else [(writes[0], made)])
        results = tuple(blobs[name] for name in self.results)
        return results[0] if len(results) == 1 else results
