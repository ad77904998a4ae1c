"""Comparison, logic and choice against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import check, layer, model, numbers, refused

COMPARISONS: dict[str, Any] = {
    "equal": np.equal,
    "notEqual": np.not_equal,
    "lessThan": np.less,
    "lessEqual": np.less_equal,
    "greaterThan": np.greater,
    "greaterEqual": np.greater_equal,
}
LOGIC: dict[str, Any] = {"logicalAnd": np.logical_and, "logicalOr": np.logical_or, "logicalXor": np.logical_xor}
PAIRS = [
    ((7,), (7,)), ((7,), (1,)), ((2, 7), (7,)), ((3, 1), (1, 4)), ((1, 3, 1, 5), (2, 1, 4, 5)),
    ((5,), (2, 1, 3, 4, 5)), ((2, 1, 3, 1, 5), (1, 4, 1, 2, 1)),
]  # fmt: skip


def whole(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Whole numbers from -1 to 2: many are equal, many are 0."""
    return np.random.default_rng(seed).integers(-1, 3, shape).astype(np.float32)


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
@pytest.mark.parametrize("kind", [*COMPARISONS, *LOGIC])
def test_two_inputs_are_broadcast(kind: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    x, y = whole(shapes[0], 1), whole(shapes[1], 2)
    spec = model({"x": x.shape, "z": y.shape}, [layer(kind, "x z")], exact=True)
    check(spec, {"x": x, "z": y}, (COMPARISONS | LOGIC)[kind](x, y), tolerance=0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.5])
@pytest.mark.parametrize("kind", COMPARISONS)
def test_one_input_is_compared_with_alpha(kind: str, alpha: float) -> None:
    x = whole((3, 50), 1)
    spec = model({"x": x.shape}, [layer(kind, alpha=alpha)], exact=True)
    check(spec, {"x": x}, COMPARISONS[kind](x, alpha), tolerance=0)


@pytest.mark.parametrize(
    "shapes",
    [
        ((7,), (7,), (7,)), ((2, 3), (2, 3), (1,)), ((2, 1), (3,), (2, 3)), ((4, 1, 1), (1, 5, 1), (1, 1, 6)),
        ((5,), (2, 1, 4, 5), (3, 1, 1)), ((1,), (2, 2, 3, 4, 5), (2, 2, 3, 4, 5)),
    ],
    ids=str,
)  # fmt: skip
def test_where_broadcasts_three_inputs(shapes: tuple[tuple[int, ...], ...]) -> None:
    condition, x, y = whole(shapes[0], 1), numbers(*shapes[1]), numbers(*shapes[2], seed=1)
    spec = model({"c": shapes[0], "x": shapes[1], "z": shapes[2]}, [layer("whereBroadcastable", "c x z")], exact=True)
    check(spec, {"c": condition, "x": x, "z": y}, np.where(condition != 0, x, y), tolerance=0)


def test_a_mask_made_inside_the_network() -> None:
    """As attention masks are: compare, negate, choose."""
    x = numbers(2, 3, 8)
    layers = [
        layer("lessThan", alpha=0.25, outputs="low"), layer("logicalNot", "low", "high"),
        layer("whereBroadcastable", "high x low"),
    ]  # fmt: skip
    check(model({"x": x.shape}, layers, exact=True), {"x": x}, np.where(x < 0.25, 1, x), tolerance=0)


@pytest.mark.parametrize(("kind", "least"), [("equal", 1), ("logicalAnd", 2), ("whereBroadcastable", 3)])
def test_wrong_inputs_are_refused(kind: str, least: int) -> None:
    shapes = {"x": (3, 4), "z": (3,)}
    for names in ([], ["x"] * (least - 1), ["x"] * 4):
        refused(model(shapes, [layer(kind, " ".join(names), name="cmp")], exact=True), "cmp", "input", str(len(names)))
    names = ["x"] * (least - 1) + ["z"] if least > 1 else ["x", "z"]
    refused(model(shapes, [layer(kind, " ".join(names), name="cmp")], exact=True), "cmp", "(3, 4)", "(3)", "broadcast")
