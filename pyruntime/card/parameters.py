"""The parameters that users may change, as a card shows them."""

from __future__ import annotations

from typing import Any

from pyruntime.card.data import ParameterCard
from pyruntime.parameters import NumericConstraint, ParameterDescription, describe_parameters


def parameters(spec: Any) -> tuple[ParameterCard, ...]:
    """All parameters of a Model message; the keys of a pipeline's parts have the parts' names in front."""
    return tuple(_card(parameter) for parameter in describe_parameters(spec).values())


def _card(parameter: ParameterDescription) -> ParameterCard:
    return ParameterCard(
        key=str(parameter.key),
        type=parameter.kind,
        default=parameter.default_value,
        allowed=_allowed(parameter.numeric_constraint),
        description=parameter.description,
        in_progress=parameter.adjustable_in_progress,
    )


def _allowed(constraint: NumericConstraint | None) -> str:
    """ "1…1000", "10, 20" or "any"; a file without allowed values sets no bounds."""
    if constraint is None:
        return "any"
    if constraint.enumerated_numbers is not None:
        return ", ".join(map(_number, constraint.enumerated_numbers))
    return f"{_number(constraint.min_number)}…{_number(constraint.max_number)}"


def _number(value: float | None) -> str:
    if value is None or abs(value) >= 2**63 - 1:
        return "∞"
    return str(value) if isinstance(value, int) else f"{value:g}"
