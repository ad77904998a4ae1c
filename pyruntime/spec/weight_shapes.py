"""The shape in which a layer stores each of its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Shape = tuple[int, ...]


def weight_shape(layer: Any, path: str) -> tuple[Shape, int] | None:
    """Shape of the weight at `path` (spec/paths.py) of a layer message, and the axis of its channels.

    None where the layer does not say it: then it is as long as the file has it.
    """
    kind = layer.WhichOneof("layer")
    rule = _RULES.get(kind)
    return None if rule is None else rule(getattr(layer, kind), path.rpartition(".")[2])


def _convolution(p: Any, field: str) -> tuple[Shape, int]:
    groups, kernel = max(int(p.nGroups), 1), [int(k) for k in p.kernelSize] or [3, 3]
    return _of_kernel(p, field, int(p.kernelChannels), groups, kernel)


def _convolution3d(p: Any, field: str) -> tuple[Shape, int]:
    groups, kernel = max(int(p.nGroups), 1), [int(k) for k in (p.kernelDepth, p.kernelHeight, p.kernelWidth)]
    channels = int(p.inputChannels) if p.isDeconvolution else int(p.inputChannels) // groups
    return _of_kernel(p, field, channels, groups, kernel)


def _of_kernel(p: Any, field: str, channels: int, groups: int, kernel: list[int]) -> tuple[Shape, int]:
    """(out, in / groups, *kernel), or (in, out / groups, *kernel) of a transposed one."""
    out = int(p.outputChannels)
    if field == "bias":
        return (out,), 0
    return ((channels, out // groups, *kernel), 1) if p.isDeconvolution else ((out, channels, *kernel), 0)


def _matrix(outputs: str, inputs: str) -> Callable[[Any, str], tuple[Shape, int]]:
    def rule(p: Any, field: str) -> tuple[Shape, int]:
        out = int(getattr(p, outputs))
        return ((out,) if field == "bias" else (out, int(getattr(p, inputs)))), 0

    return rule


def _recurrent(p: Any, field: str) -> tuple[Shape, int]:
    inner, out = int(p.inputVectorSize), int(p.outputVectorSize)
    if field.lower().endswith("vector"):
        return (out,), 0
    return (out, inner if field.lower().endswith("weightmatrix") else out), 0


def _as_told(**fields: str) -> Callable[[Any, str], tuple[Shape, int]]:
    """By the field that has the shape."""

    def rule(p: Any, field: str) -> tuple[Shape, int]:
        told = getattr(p, fields.get(field, fields.get("all", "")))
        return ((int(told),) if isinstance(told, int) else tuple(int(size) for size in told)), 0

    return rule


_RULES: dict[str, Callable[[Any, str], tuple[Shape, int]]] = {
    "convolution": _convolution,
    "convolution3d": _convolution3d,
    "innerProduct": _matrix("outputChannels", "inputChannels"),
    "embedding": _matrix("outputChannels", "inputDim"),
    "embeddingND": _matrix("embeddingSize", "vocabSize"),
    "batchedMatmul": _matrix("weightMatrixSecondDimension", "weightMatrixFirstDimension"),
    "batchnorm": _as_told(all="channels"),
    "layerNormalization": _as_told(all="normalizedShape"),
    "scale": _as_told(scale="shapeScale", bias="shapeBias"),
    "bias": _as_told(all="shape"),
    "loadConstant": _as_told(all="shape"),
    "loadConstantND": _as_told(all="shape"),
    "simpleRecurrent": _recurrent,
    "gru": _recurrent,
    "uniDirectionalLSTM": _recurrent,
    "biDirectionalLSTM": _recurrent,
}
