"""Functions of one number against double precision, with the errors that csrc/ops/unary/unary.def allows."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.ir.ops import Unary, UnaryKind
from pyruntime.native import lib
from tests.ops.functions import ALLOWED, FORMULAS, worst_error


def test_every_function_has_an_oracle_and_an_allowed_error() -> None:
    assert set(FORMULAS) == set(ALLOWED) == set(UnaryKind.__members__)


@pytest.mark.parametrize("kind", UnaryKind.__members__)
def test_within_the_allowed_error_of_double(kind: str, level_context: lib.Context) -> None:
    worst, where = worst_error(kind, level_context)
    assert worst <= max(ALLOWED[kind], 1), f"{kind}: {worst:.2f} ulp at {where!r}"


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
