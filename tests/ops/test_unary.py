"""Functions of one number against double precision, with the errors that csrc/ops/unary/unary.def allows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyruntime.ir.ops import Unary, UnaryKind
from pyruntime.native import lib

DEF = Path(__file__).parents[2] / "csrc/ops/unary/unary.def"
ALLOWED = {m[0]: int(m[1]) for m in re.findall(r"^PR_UNARY\( (\w+),.*?(\d+) \)$", DEF.read_text(), re.MULTILINE)}
TINY = 2.0**-126  # results below may be 0

A, B = 0.75, -0.625


def elementwise(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of the math module, which NumPy lacks, on arrays."""
    return lambda x: np.fromiter(map(function, x.tolist()), np.float64, x.size)


erf, erfc = elementwise(math.erf), elementwise(math.erfc)


def logistic(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, np.exp(np.minimum(x, 0)), 1) / (1 + np.exp(-np.abs(x)))


def tanh_argument(x: np.ndarray) -> np.ndarray:
    """(1 + tanh(y)) / 2 is the logistic function of 2 y."""
    return np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)


FORMULAS = {
    "LINEAR": lambda x: A * x + B,
    "LEAKY_RELU": lambda x: np.where(x < 0, A * x, x),
    "THRESHOLDED_RELU": lambda x: np.where(x >= A, x, 0),
    "CLIP": lambda x: np.clip(x, B, A),
    "TANH": np.tanh,
    "SCALED_TANH": lambda x: A * np.tanh(B * x),
    "SIGMOID": logistic,
    "SIGMOID_HARD": lambda x: np.clip(A * x + B, 0, 1),
    "ELU": lambda x: np.where(x < 0, A * np.expm1(np.minimum(x, 0)), x),
    "SOFTSIGN": lambda x: x / (1 + np.abs(x)),
    "SOFTPLUS": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "SQRT": np.sqrt,
    "RSQRT": lambda x: 1 / np.sqrt(x + A),
    "INVERSE": lambda x: 1 / (x + A),
    "POWER": lambda x: np.power(x, A),
    "EXP": np.exp,
    "LOG": np.log,
    "ABS": np.abs,
    "THRESHOLD": lambda x: np.maximum(x, A),
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "ROUND": np.around,
    "SIGN": np.sign,
    "EXP2": np.exp2,
    "SIN": np.sin,
    "COS": np.cos,
    "TAN": np.tan,
    "ASIN": np.arcsin,
    "ACOS": np.arccos,
    "ATAN": np.arctan,
    "SINH": np.sinh,
    "COSH": np.cosh,
    "ASINH": np.arcsinh,
    "ACOSH": np.arccosh,
    "ATANH": np.arctanh,
    "ERF": erf,
    "GELU": lambda x: 0.5 * x * erfc(-x / np.sqrt(2)),
    "GELU_TANH": lambda x: x * logistic(tanh_argument(x)),
    "GELU_SIGMOID": lambda x: x * logistic(1.702 * x),
    "CLAMPED_RELU": lambda x: np.minimum(B, np.where(x < 0, A * x, x)),
    "NOT": lambda x: x == 0,
    "EQ": lambda x: x == A,
    "NE": lambda x: x != A,
    "LT": lambda x: x < A,
    "LE": lambda x: x <= A,
    "GT": lambda x: x > A,
    "GE": lambda x: x >= A,
}
ARGUMENTS = {"GELU_TANH": tanh_argument, "GELU_SIGMOID": lambda x: 1.702 * x}
SWAPPED = {"CLIP"}  # a is the lower bound there


def numbers() -> np.ndarray:
    """Every 2003rd float (2.1 million of them), and those near which functions change; an odd count."""
    every = np.arange(0, 2**32, 2003, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(-20, 20, 400_003, dtype=np.float32)
    edge = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 88.7, 88.73, 89, -87.3, -87.4, -103.9, -105], np.float32)
    return np.concatenate([every[np.isfinite(every)], near, edge])


def test_every_function_has_an_oracle_and_an_allowed_error() -> None:
    assert set(FORMULAS) == set(ALLOWED) == set(UnaryKind.__members__)


@pytest.mark.parametrize("kind", UnaryKind.__members__)
def test_within_the_allowed_error_of_double(kind: str, level_context: lib.Context) -> None:
    a, b = (B, A) if kind in SWAPPED else (A, B)
    x = numbers()
    (got,) = lib.run_once(Unary(UnaryKind[kind], a, b), "layer", [x], 1, level_context)
    with np.errstate(all="ignore"):
        want = FORMULAS[kind](x.astype(np.float64))
        rounded = want.astype(np.float32)
    same = (got == rounded) | (np.isnan(got) & np.isnan(want))
    tiny = TINY * np.maximum(np.abs(x), 1) if kind.startswith("GELU") else TINY  # x times a factor that may be 0
    off = ~same & ~((np.abs(want) < tiny) & (np.abs(got) <= tiny))
    # the last place of the larger intermediate: a x + b may cancel, which no form in float can help
    scale = np.abs(want) if kind not in ("LINEAR", "SIGMOID_HARD") else np.maximum(np.abs(want), abs(b))
    if kind in ARGUMENTS:  # the argument z of an exponential, rounded to a float, moves it by z units
        scale = scale * (1 + np.minimum(np.abs(ARGUMENTS[kind](x.astype(np.float64))), 200))
    at_most = np.float64(np.finfo(np.float32).max)
    ulps = np.abs(np.minimum(np.abs(got[off]), at_most) - np.minimum(np.abs(want[off]), at_most)) / np.spacing(
        np.minimum(scale[off], at_most).astype(np.float32)
    ).astype(np.float64)
    worst = float(ulps.max(initial=0.0))
    print(f"{kind}: {worst:.2f} ulp")
    assert not np.isnan(ulps).any()
    assert worst <= max(ALLOWED[kind], 1), f"{kind}: {worst:.2f} ulp at {x[off][np.argmax(ulps)]!r}"


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, 2.5, -0.5])
def test_power_for_exponents_with_forms_of_their_own(exponent: float, level_context: lib.Context) -> None:
    x = np.concatenate([np.linspace(-5, 5, 1001, dtype=np.float32), np.array([0, -0.0, np.inf, np.nan], np.float32)])
    (got,) = lib.run_once(Unary(UnaryKind.POWER, exponent), "layer", [x], 1, level_context)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(got, np.power(x.astype(np.float64), exponent).astype(np.float32), rtol=3e-7)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 0, 3), (2, 3, 4, 5), (1, 2, 1, 2, 1, 2, 1, 2), (70_001,)])
def test_any_rank_and_size(shape: tuple[int, ...], run, rng) -> None:
    x = rng.standard_normal(shape).astype(np.float32)
    (got,) = run(Unary(UnaryKind.TANH), x)
    assert got.shape == shape
    np.testing.assert_allclose(got, np.tanh(x), rtol=1e-6)


def test_a_number_gives_one_result_wherever_it_stands(run) -> None:
    for n in range(1, 40):
        (got,) = run(Unary(UnaryKind.SIGMOID), np.full(n, 0.3, np.float32))
        assert len(set(got.tolist())) == 1


def test_refuses_an_unknown_function_and_integers(shapes) -> None:
    with pytest.raises(lib.SpecError, match="layer: the function is number 99"):
        shapes(Unary(99), (3,))  # type: ignore[arg-type]
    with pytest.raises(lib.SpecError, match="input 0 is u8, expected f32"):
        shapes(Unary(UnaryKind.ABS), np.zeros(3, np.uint8))


def test_unknown_sizes_pass(shapes) -> None:
    assert shapes(Unary(UnaryKind.ABS), (-1, 3)) == [(-1, 3)]
