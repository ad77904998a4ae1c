"""Random numbers, from a counter-based generator (csrc/ops/random)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Op


class RandomKind(IntEnum):
    """Distributions of `Random`, and what its numbers a and b are."""

    NORMAL = 0
    """mean, standard deviation"""
    UNIFORM = 1
    """from, to"""
    BERNOULLI = 2
    """probability of 1, nothing"""


class ShapeFormKind(IntEnum):
    """Where `Random` finds the shape of its result."""

    LIKE = 0
    """it is that of the input"""
    SHAPE = 1
    """in the numbers of the input"""


def seed_words(seed: int) -> tuple[int, int]:
    """A seed of 64 bits as the two words, low and high, that C reads."""
    low, high = struct.unpack("<2i", struct.pack("<q", seed))
    return low, high


@dataclass(frozen=True, slots=True)
class Random(Op):
    """x -> y, independent numbers.  A seed below 0 is a new one for every run."""

    code: ClassVar[str] = "RANDOM"
    kind: RandomKind
    form: ShapeFormKind
    seed_low: int
    seed_high: int
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Categorical(Op):
    """x (..., N) of logits or probabilities -> y (..., samples), indices drawn from them."""

    code: ClassVar[str] = "CATEGORICAL"
    samples: int
    is_logits: bool
    seed_low: int
    seed_high: int
    eps: float
    temperature: float
