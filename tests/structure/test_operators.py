"""The two lists of operators, in Python and in C, say the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.op import Activation, Op
from pyruntime.ir.ops import (
    OPERATORS,
    BinaryKind,
    BoxMode,
    Conv,
    CropResize,
    GateFunction,
    LayerNorm,
    Lrn,
    Padding,
    Pool,
    PoolKind,
    Recurrence,
    RecurrenceKind,
    ReduceKind,
    Resize,
    ResizeGrid,
    ResizeKind,
    UnaryKind,
)
from pyruntime.native import lib

CSRC = Path(__file__).resolve().parents[2] / "csrc"
pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="the C sources are not beside the tests")

EXAMPLES: dict[str, Any] = {
    "int": 1, "bool": True, "float": 1.0, "Dims": (1, 2), "Floats2": (1.0, 2.0), "Floats3": (1.0, 2.0, 3.0),
    "Activation": Activation(),
    "Conv": Conv((1, 1), (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, 1, 1),
    "Recurrence": Recurrence(RecurrenceKind.GRU, 1, False, False, *[GateFunction.TANH] * 3, False, 50.0),
    "LayerNorm": LayerNorm(1, 0.1),
    "Lrn": Lrn(1, 1, 1.0, 1.0, 1.0),
    "Resize": Resize(ResizeKind.NEAREST, ResizeGrid.ALIGN, (1, 1)),
    "CropResize": CropResize(ResizeGrid.ALIGN, BoxMode.CORNERS_WIDTH_FIRST, True, 1.0, (1, 1)),
    "Pool": Pool(PoolKind.MAX, False, (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, False),
}  # fmt: skip


def example(operator: type[Op]) -> Op:
    """An operator with some value in each attribute, by the attribute's annotation."""
    values = {}
    for field in fields(operator):
        kind = str(field.type)
        values[field.name] = EXAMPLES.get(kind, 0)
        assert kind in EXAMPLES or kind.endswith(("Kind", "Mode", "Padding", "Grid", "Function")), kind
    return operator(**values)


def rows(path: str, macro: str) -> list[str]:
    return re.findall(rf"^{macro}(?:_\w+)?\(\s*(\w+)", (CSRC / path).read_text(), re.MULTILINE)


def test_both_sides_name_the_same_operators() -> None:
    assert {op.code for op in OPERATORS} == set(lib.operators())
    assert len({op.code for op in OPERATORS}) == len(OPERATORS)
    assert rows("ops/ops.def", "PR_OP") == list(lib.operators())


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda op: op.code)
def test_attributes_have_the_size_of_the_c_struct(operator: type[Op]) -> None:
    assert len(example(operator).encode()) == lib.operators()[operator.code].attr_bytes


@pytest.mark.parametrize(
    ("kinds", "path", "macro"),
    [(UnaryKind, "ops/unary/unary.def", "PR_UNARY"), (BinaryKind, "ops/binary/binary.def", "PR_BINARY"),
     (ReduceKind, "ops/reduce/reduce.def", "PR_REDUCE")],
    ids=["unary", "binary", "reduce"],
)  # fmt: skip
def test_kinds_stand_in_the_order_of_their_rows(kinds: Any, path: str, macro: str) -> None:
    assert [kind.name for kind in kinds] == rows(path, macro)
    assert [int(kind) for kind in kinds] == list(range(len(kinds)))


@pytest.mark.parametrize(
    ("kinds", "path", "prefix"),
    [(Padding, "ops/conv/conv.h", "PR_PAD_"), (PoolKind, "ops/pool/pool.h", "PR_POOL_"),
     (GateFunction, "ops/rnn/rnn.h", "PR_GATE_"), (ResizeGrid, "ops/resize/resize.h", "PR_GRID_")],
    ids=["padding", "pooling", "gates", "grids"],
)  # fmt: skip
def test_kinds_have_the_numbers_of_their_c_enum(kinds: Any, path: str, prefix: str) -> None:
    source = re.sub(r"/\*.*?\*/", "", (CSRC / path).read_text(), flags=re.DOTALL)
    found = {name: int(number) for name, number in re.findall(rf"{prefix}(\w+) = (\d+)", source)}
    assert {kind.name: int(kind) for kind in kinds}.items() <= found.items()


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda op: op.code)
def test_attributes_of_another_size_are_refused(operator: type[Op]) -> None:
    class Longer(operator):  # type: ignore[valid-type,misc]
        def encode(self) -> bytes:
            return bytes(super().encode() + bytes(4))

    with pytest.raises(MLModelError, match="the layer"):
        lib.infer(Longer(**{f.name: getattr(example(operator), f.name) for f in fields(operator)}), "the layer", [], 1)
