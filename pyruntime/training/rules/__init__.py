"""Gradient rules, one file per family of operators; importing this files them all."""

from pyruntime.training.rules import index, layers, math, move, recurrent, reduce, stops  # noqa: F401
