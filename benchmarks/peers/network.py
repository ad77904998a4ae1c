"""A Core ML network as plain steps, the way its author would have written it for PyTorch or ONNX.

Blobs of Core ML 2 have rank 5 (Seq, Batch, C, H, W).  Peers get NCHW images and (N, C) vectors: Seq is N, Batch is 1,
and what only exists because of the file format is left out: resizes to the same size, padding by nothing, a second
ReLU after a ReLU6, a ReLU6 spelled as four layers.  Nothing is folded that an optimiser folds: batch normalisation
stays.  Weights come from the same file and the same reader as ours; the numbers are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


class Source(Protocol):
    """A network in the forms that peers open.  A form that cannot be had raises Unwritable."""

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, Array]:
        """What the network reads, by name and in order; images preprocessed."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]: ...

    def onnx(self) -> bytes | str:
        """A model or its path."""
        ...

    def torch(self) -> Any:
        """A module."""
        ...

    def traced(self) -> Any:
        """The same as TorchScript."""
        ...

    def ncnn(self, folder: Path) -> tuple[Path, Path]:
        """Paths of the .param and .bin files; those that must be made are made in `folder`."""
        ...

    def file(self, name: str) -> str:
        """The path of a file that only a converter makes."""
        ...

    def without_arg_max(self) -> Source:
        """Scores instead of the index of the best, for peers that cannot say the latter."""
        ...


@dataclass(frozen=True)
class Step:
    """One operation; `kind` is a method of the forms.  attrs: numbers, weights: arrays in PyTorch's order."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class PlainNetwork:
    """inputs: what the network reads, as the peers get it (images preprocessed).  shapes: of every blob."""

    name: str
    inputs: Mapping[str, Array]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    shapes: Mapping[str, Shape]

    def onnx(self) -> bytes:
        from peers.onnx_form import onnx_model

        return onnx_model(self)

    def torch(self) -> Any:
        from peers.torch_form import TorchForm

        return TorchForm(self)

    def traced(self) -> Any:
        import torch

        return torch.jit.trace(self.torch(), tuple(torch.from_numpy(array) for array in self.inputs.values()))

    def ncnn(self, folder: Path) -> tuple[Path, Path]:
        from peers.ncnn_form import write_ncnn

        return write_ncnn(self, folder)

    def file(self, name: str) -> str:
        raise Unwritable(f"{name} is only made of the networks of tools/networks")

    def without_arg_max(self) -> PlainNetwork:
        *steps, last = self.steps
        if last.kind != "arg_max":
            return self
        return PlainNetwork(self.name, self.inputs, last.inputs, tuple(steps), self.shapes)


class Unwritable(Exception):
    """A network that cannot be had in a peer's form; the message says why."""


class Writer:
    """Collects steps; what layers.py calls."""

    def __init__(self, shapes: dict[str, Shape], read: Any) -> None:
        self.steps: list[Step] = []
        self.shapes = shapes
        self.read = read
        """(WeightParams, shape) -> float32 array."""
        self.same: dict[str, str] = {}
        """Blobs that are another blob under a new name."""
        self.channels_last: dict[str, Shape] = {}
        """Flattened blobs whose reader expects (H, W, C) order: the (C, H, W) they come from."""

    def emit(
        self,
        kind: str,
        inputs: tuple[str, ...],
        out: str,
        shape: Shape,
        weights: Mapping[str, Array] | None = None,
        **attrs: Any,
    ) -> None:
        kept = {name: np.ascontiguousarray(array, np.float32) for name, array in (weights or {}).items()}
        self.steps.append(Step(kind, inputs, (out,), attrs, kept))
        self.shapes[out] = shape

    def alias(self, out: str, x: str) -> None:
        self.same[out] = x

    def find(self, name: str) -> str:
        while name in self.same:
            name = self.same[name]
        return name

    def flat(self, x: str) -> str:
        """`x` as (N, features)."""
        if len(self.shapes[x]) == 2:
            return x
        n, *rest = self.shapes[x]
        name = f"{x}/flat"
        if name not in self.shapes:
            self.emit("flatten", (x,), name, (n, int(np.prod(rest))))
        return name


def merge_relu6(steps: list[Step], outputs: tuple[str, ...]) -> list[Step]:
    """relu, times -1, max with -6, times -1 -> clip to 0..6; and no relu behind that."""
    readers: dict[str, int] = {}
    for step in steps:
        for name in step.inputs:
            readers[name] = readers.get(name, 0) + 1
    made = {step.outputs[0]: step for step in steps}
    clipped: dict[str, Step] = {}

    def source(step: Step, kind: str) -> Step | None:
        before = made.get(step.inputs[0])
        return before if before and before.kind == kind and readers[step.inputs[0]] == 1 else None

    renamed: dict[str, str] = {}
    result: list[Step] = []
    for step in steps:
        step = Step(step.kind, tuple(renamed.get(n, n) for n in step.inputs), step.outputs, step.attrs, step.weights)
        if step.kind == "relu" and step.inputs[0] in clipped and step.outputs[0] not in outputs:
            renamed[step.outputs[0]] = step.inputs[0]
            continue
        if _is_negation(step) and (low := source(step, "at_least")) and (minus := source(low, "linear")):
            relu = source(minus, "relu")
            if _is_negation(minus) and relu:
                step = Step("clip", relu.inputs, step.outputs, {"low": 0.0, "high": -low.attrs["low"]})
                gone = {id(made[s.outputs[0]]) for s in (low, minus, relu)}
                result = [s for s in result if id(made[s.outputs[0]]) not in gone]
                clipped[step.outputs[0]] = step
        result.append(step)
    return result


def _is_negation(step: Step) -> bool:
    return step.kind == "linear" and step.attrs == {"scale": -1.0, "shift": 0.0}
