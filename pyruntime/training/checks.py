"""Checks of training options: a sentence that names the option, what is expected and what came."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from pyruntime.errors import ParametersError


def wrong_option(name: str, expected: str, got: str) -> ParametersError:
    """name: of the field of TrainingOptions."""
    return ParametersError(f"training option {name}: expected {expected}, got {got}")


def is_number(value: Any) -> bool:
    """A finite one; True is none."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)


def at_least(name: str, value: Any, least: float, *, above: bool = False) -> None:
    """Refuse what is no number from `least`, or not above it."""
    if not is_number(value) or value < least or (above and value == least):
        raise wrong_option(name, f"a finite number {'above' if above else 'from'} {least:g}", repr(value))


def between(name: str, value: Any, least: float, most: float, *, below: bool = False) -> None:
    """Refuse what is no number from `least` to `most`; below: `most` itself is refused too."""
    if not is_number(value) or not least <= value <= most or (below and value == most):
        end = f"below {most:g}" if below else f"to {most:g}"
        raise wrong_option(name, f"a number from {least:g} {end}", repr(value))


def whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number from `least`."""
    if not is_number(value) or not isinstance(value, numbers.Integral) or not least <= int(value) < 2**63:
        raise wrong_option(name, f"a whole number from {least}", repr(value))


def chosen(name: str, value: Any, names: Sequence[str]) -> None:
    """Refuse what is none of `names`."""
    if value not in names:
        raise wrong_option(name, f"one of {', '.join(map(repr, names))}", repr(value))


def flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise wrong_option(name, "True or False", repr(value))
