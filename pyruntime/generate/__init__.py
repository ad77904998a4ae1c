"""Typed Python classes from a model: X, XInput, XOutput, XTrainingInput."""

from __future__ import annotations

from pyruntime.generate.write import generate_classes

__all__ = ["generate_classes"]
