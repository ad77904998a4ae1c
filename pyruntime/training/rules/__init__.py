"""Gradient rules, one file per family of operators; importing this files them all."""

from pyruntime.training.rules import layers, math, move  # noqa: F401
