"""A graph as plan and weights: the bytes of csrc/plan/plan.h."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.graph import Graph, Value
from pyruntime.native import lib
from pyruntime.plan import VERSION

MAGIC = 0x4C505250
HEADER = struct.Struct("<18I")
_VALUE = struct.Struct("<iiiIQ8q")
STEP = struct.Struct("<8I")
COMPUTED, INPUT, CONSTANT = range(3)


class _Table:
    """Bytes that grow, and remember what they have."""

    def __init__(self, alignment: int) -> None:
        self.data = bytearray()
        self.alignment = alignment
        self._seen: dict[bytes, int] = {}

    def add(self, piece: bytes) -> int:
        """Offset of `piece`; equal pieces stand there once."""
        if piece not in self._seen:
            self.data += bytes(-len(self.data) % self.alignment)
            self._seen[piece] = len(self.data)
            self.data += piece
        return self._seen[piece]


def encode(graph: Graph) -> tuple[bytes, NDArray[np.uint8]]:
    """(plan, weights).  Weights are one block, each constant at a multiple of lib.ALIGNMENT."""
    text, attrs = _Table(1), _Table(8)
    numbers, values, weights = _values(graph, text)
    indices: list[int] = []
    steps = bytearray()

    def run_of(items: Iterable[Value]) -> tuple[int, int]:
        start = len(indices)
        indices.extend(numbers[value.name] for value in items)
        return start, len(indices) - start

    table = lib.operators()
    for node in graph.nodes:
        operands = (*run_of(node.inputs), *run_of(node.outputs))
        name = text.add(node.layer.encode() + b"\0")
        steps += STEP.pack(table[node.op.code].number, name, *operands, attrs.add(node.op.encode()), 0)
    inputs, outputs = run_of(graph.inputs), run_of(graph.outputs)
    sections = [
        bytes(values),
        bytes(steps),
        struct.pack(f"<{len(indices)}I", *indices),
        bytes(attrs.data),
        bytes(text.data),
    ]
    offsets, at = [], HEADER.size
    for section in sections:
        at += -at % 8
        offsets.append(at)
        at += len(section)
    header = HEADER.pack(
        MAGIC, VERSION, at, 0, offsets[0], len(numbers), offsets[1], len(graph.nodes), offsets[2], len(indices),
        inputs[1], inputs[0], outputs[1], outputs[0], offsets[3], len(attrs.data), offsets[4], len(text.data),
    )  # fmt: skip
    plan = bytearray(at)
    plan[: HEADER.size] = header
    for offset, section in zip(offsets, sections, strict=True):
        plan[offset : offset + len(section)] = section
    return bytes(plan), weights


def _values(graph: Graph, text: _Table) -> tuple[dict[str, int], bytearray, NDArray[np.uint8]]:
    """Number of each value, the table of values, and the weights."""
    numbers: dict[str, int] = {}
    table = bytearray()

    def add(value: Value, kind: int, offset: int = 0) -> None:
        numbers[value.name] = len(numbers)
        name = text.add(value.name.encode() + b"\0")
        shape = [*value.shape, *[0] * (lib.MAX_RANK - value.rank)]
        table.extend(_VALUE.pack(kind, value.dtype, value.rank, name, offset, *shape))

    constants = list(graph.constants.items())
    offsets, size = [], 0
    for _, array in constants:
        size += -size % lib.ALIGNMENT
        offsets.append(size)
        size += array.nbytes
    weights = lib.aligned(size + lib.ALIGNMENT)  # kernels may read, never write, one line past a constant
    shapes = {value.name: value for node in graph.nodes for value in node.inputs} | {v.name: v for v in graph.outputs}
    for (name, array), offset in zip(constants, offsets, strict=True):
        weights[offset : offset + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        add(shapes[name], CONSTANT, offset)
    for value in graph.inputs:
        add(value, INPUT)
    for node in graph.nodes:
        for value in node.outputs:
            add(value, COMPUTED)
    return numbers, table, weights
