"""A graph as plan and weights: the bytes of csrc/plan/plan.h."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.control import Loop
from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.pages import let_go
from pyruntime.ir.types import Array
from pyruntime.native import lib
from pyruntime.plan import VERSION

MAGIC = 0x4C505250
HEADER = struct.Struct("<18I")
VALUE = struct.Struct("<iiiIQ8q")
STEP = struct.Struct("<8I")
CONTROL = struct.Struct("<7I")
COMPUTED, INPUT, CONSTANT = range(3)
CONTROL_STEPS = {"IF": 0x80000000, "LOOP": 0x80000001}
NONE = 2**32 - 1
_PART, _STRIP = 1 << 23, 1 << 19  # bytes


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
    encoder = _Encoder()
    numbers = {value.name: encoder.value(value, INPUT) for value in graph.inputs}
    encoder.block(graph, numbers)
    inputs = encoder.run_of(numbers[value.name] for value in graph.inputs)
    outputs = encoder.run_of(numbers[value.name] for value in graph.outputs)
    plan = encoder.plan(inputs, outputs)
    del graph  # so that its arrays go one by one
    return plan, encoder.weights()


class _Encoder:
    """The tables of a plan as they grow.  `numbers` are those of values by name, within one graph."""

    def __init__(self) -> None:
        self._text, self._attrs = _Table(1), _Table(8)
        self._values, self._count = bytearray(), 0
        self._steps: list[bytes] = []
        self._indices: list[int] = []
        self._arrays: dict[int, tuple[Array, int, int]] = {}
        """Constants by identity: regions share those of the file.  (array, offset, number)"""
        self._weight_bytes = 0
        self._operators = lib.operators()

    def value(self, value: Value, kind: int, offset: int = 0) -> int:
        """The number of a new value."""
        name = self._text.add(value.name.encode() + b"\0")
        shape = [*value.shape, *[0] * (lib.MAX_RANK - value.rank)]
        self._values += VALUE.pack(kind, value.dtype, value.rank, name, offset, *shape)
        self._count += 1
        return self._count - 1

    def run_of(self, numbers: Iterable[int]) -> tuple[int, int]:
        """Where these stand in the list of indices, and how many they are."""
        start = len(self._indices)
        self._indices.extend(numbers)
        return start, len(self._indices) - start

    def block(self, graph: Graph, numbers: dict[str, int]) -> None:
        """The steps of a graph, whose inputs have numbers already; afterwards all its values have."""
        shapes = {v.name: v for node in graph.nodes for v in node.inputs} | {v.name: v for v in graph.outputs}
        for name, array in graph.constants.items():
            if name in shapes:
                numbers[name] = self._constant(shapes[name], array)
        for node in graph.nodes:
            operands = [numbers[value.name] for value in node.inputs]
            results = [self.value(value, COMPUTED) for value in node.outputs]
            numbers.update({value.name: number for value, number in zip(node.outputs, results, strict=True)})
            if node.regions:
                self._control(node, operands, results)
            else:
                operator = self._operators[node.op.code].number
                self._steps.append(self._step(operator, node, operands, results, self._attrs.add(node.op.encode())))

    def _step(self, op: int, node: Node, operands: Sequence[int], results: Sequence[int], attrs: int) -> bytes:
        name = self._text.add(node.layer.encode() + b"\0")
        return STEP.pack(op, name, *self.run_of(operands), *self.run_of(results), attrs, 0)

    def _constant(self, value: Value, array: Array) -> int:
        if id(array) not in self._arrays:
            self._weight_bytes += -self._weight_bytes % lib.ALIGNMENT
            number = self.value(value, CONSTANT, self._weight_bytes)
            self._arrays[id(array)] = (array, self._weight_bytes, number)
            self._weight_bytes += array.nbytes
        return self._arrays[id(array)][2]

    def _control(self, node: Node, operands: list[int], results: list[int]) -> None:
        """The control step, then the steps of its blocks."""
        op, at = node.op, len(self._steps)
        self._steps.append(b"")
        limit, by_input, read, enters = 0, 0, operands[1:], operands[:1]
        if isinstance(op, Loop):
            limit, by_input = op.limit, int(op.limit_is_input)
            read, enters = operands[by_input + op.carried :], operands[: by_input + op.carried]
            read = [*results, *read]
        lists, sizes, extras = list(results), [0], [NONE]
        for region in node.regions:
            before = len(self._steps)
            numbers = dict(zip((value.name for value in region.inputs), read, strict=True))
            self.block(region, numbers)
            made = [numbers[value.name] for value in region.outputs]
            lists += made[: len(results)]
            sizes.append(len(self._steps) - before)
            extras.append(made[-1] if len(made) > len(results) else NONE)
        if len(node.regions) == 2:  # else a loop without condition: nothing changes before the body
            del lists[: len(results)], sizes[0], extras[0]
        attrs = CONTROL.pack(*sizes, self.run_of(lists)[0], *extras, limit, by_input)
        self._steps[at] = self._step(CONTROL_STEPS[op.code], node, enters, results, self._attrs.add(attrs))

    def plan(self, inputs: tuple[int, int], outputs: tuple[int, int]) -> bytes:
        """All tables behind the header."""
        sections = [
            bytes(self._values),
            b"".join(self._steps),
            struct.pack(f"<{len(self._indices)}I", *self._indices),
            bytes(self._attrs.data),
            bytes(self._text.data),
        ]
        offsets, at = [], HEADER.size
        for section in sections:
            at += -at % 8
            offsets.append(at)
            at += len(section)
        plan = bytearray(at)
        HEADER.pack_into(
            plan, 0, MAGIC, VERSION, at, 0, offsets[0], self._count, offsets[1], len(self._steps), offsets[2],
            len(self._indices), inputs[1], inputs[0], outputs[1], outputs[0], offsets[3], len(self._attrs.data),
            offsets[4], len(self._text.data),
        )  # fmt: skip
        for offset, section in zip(offsets, sections, strict=True):
            plan[offset : offset + len(section)] = section
        return bytes(plan)

    def weights(self) -> NDArray[np.uint8]:
        """The constants, each at its offset; the encoder has none afterwards."""
        block = lib.aligned(self._weight_bytes + lib.ALIGNMENT)  # kernels may read, never write, a line past a constant
        while self._arrays:  # the youngest first: memory is given back to the system from its end
            _, (array, offset, _) = self._arrays.popitem()
            _copy(block[offset : offset + array.nbytes], array)
            del array
        return block


def _copy(place: NDArray[np.uint8], array: Array) -> None:
    """The bytes of `array`, which may have any order of axes, to `place`, and its pages back to the system.

    In the order in which the file has them, so that few of its pages are in memory at a time; in strips for the cache.
    """
    if array.flags.c_contiguous or array.ndim < 2 or not array.size:
        place[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return let_go(array)
    axis = int(np.argmax(array.strides))
    target, source = np.moveaxis(place.view(array.dtype).reshape(array.shape), axis, 0), np.moveaxis(array, axis, 0)
    many, few = max(1, len(source) * _PART // array.nbytes), max(1, source.shape[1] * _STRIP // _PART)
    for first in range(0, len(source), many):
        for start in range(0, source.shape[1], few):
            here = slice(first, first + many), slice(start, start + few)
            target[here] = source[here]
        let_go(array)
    return None
