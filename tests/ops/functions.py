"""Functions of one number in double precision, and how far a level's form is from them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

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


def worst_error(kind: str, context: lib.Context) -> tuple[float, float]:
    """The largest error over `numbers()`, in units in the last place, and the number that has it.

    Results that are too small for a normal float may be 0.  Where a sum cancels, or an argument is rounded before an
    exponential, the unit is that of the larger intermediate: no form in single precision can do better.
    """
    a, b = (B, A) if kind in SWAPPED else (A, B)
    x = numbers()
    (got,) = lib.run_once(Unary(UnaryKind[kind], a, b), "layer", [x], 1, context)
    with np.errstate(all="ignore"):
        want = FORMULAS[kind](x.astype(np.float64))
        rounded = want.astype(np.float32)
    same = (got == rounded) | (np.isnan(got) & np.isnan(want))
    tiny = TINY * np.maximum(np.abs(x), 1) if kind.startswith("GELU") else TINY  # x times a factor that may be 0
    off = ~same & ~((np.abs(want) < tiny) & (np.abs(got) <= tiny))
    scale = np.abs(want) if kind not in ("LINEAR", "SIGMOID_HARD") else np.maximum(np.abs(want), abs(b))
    if kind in ARGUMENTS:  # an error of one unit in the argument z moves the exponential by z units
        scale = scale * (1 + np.minimum(np.abs(ARGUMENTS[kind](x.astype(np.float64))), 200))
    at_most = np.float64(np.finfo(np.float32).max)
    unit = np.spacing(np.minimum(scale[off], at_most).astype(np.float32)).astype(np.float64)
    ulps = np.abs(np.minimum(np.abs(got[off]), at_most) - np.minimum(np.abs(want[off]), at_most)) / unit
    if not ulps.size:
        return 0.0, 0.0
    at = int(np.argmax(ulps))  # of NaN first
    return float(ulps[at]), float(x[off][at])
