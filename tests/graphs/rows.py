"""One row for every layer type: how to choose its parameters at a place of a network, and its formula.

A row is a function that asks its Chooser for blobs and numbers and ends with `g.add(blobs, formula, **fields)`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pyruntime.layers.network import CORE_ML_2_LAYERS
from pyruntime.spec import messages

from ..layers.network import weights
from .net import Blob, Net, NotHere, is_whole

T = TypeVar("T")


class Row(NamedTuple):
    """write: adds the layer.  rounds: its results are rounded; always: also those of whole numbers."""

    write: Callable[[Chooser], Any]
    rounds: bool
    always: bool


ROWS: dict[str, Row] = {}


def row(*kinds: str, rounds: bool = False, always: bool = False) -> Callable[[T], T]:
    """File a function under the names of layer types.

    Nothing said: results are copies of operands, or positions and truths.  rounds: results are rounded, but whole
    numbers from whole numbers are exact.  always: never exact.
    """

    def file(function: Any) -> Any:
        for kind in kinds:
            ROWS[kind] = Row(function, rounds or always, always)
        return function

    return file


class Chooser:
    """Choices for one layer: the same for the same seed and network."""

    def __init__(self, net: Net, kind: str, seed: int) -> None:
        self.net, self.kind, self.random = net, kind, random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.form = self.random.choice(["float32", "float32", "float32", "float16", "8 bits"])
        self.legacy = net.legacy

    def add(self, inputs: Sequence[Blob], formula: Callable[..., Any], outputs: int = 1, **fields: Any) -> list[Blob]:
        """The layer itself."""
        r = ROWS[self.kind]
        return self.net.add(self.kind, inputs, formula, outputs, rounds=r.rounds, always=r.always, **fields)

    def int(self, least: int, most: int) -> int:
        return self.random.randint(least, most)

    def flag(self) -> bool:
        return self.random.random() < 0.5

    def pick(self, items: Sequence[T]) -> T:
        return self.random.choice(items)

    def blob(
        self, least: int = 1, most: int = 5, *, whole: bool | None = None, where: Callable[[Blob], bool] | None = None
    ) -> Blob:
        """One of the last blobs of such a rank; one of too small a rank gets axes in front."""
        fitting = [x for x in self.net.blobs if not x.free and x.rank <= most and whole in (None, x.whole)]
        good = [x for x in fitting if x.rank >= least and (where is None or where(x))]
        if where is None and (not good or self.random.random() < 0.2):
            good = fitting
        if not good:
            raise NotHere
        x = good[-1 - min(int(self.random.expovariate(0.5)), len(good) - 1)]
        if x.shape == (1,) and least > 1:  # perhaps a number without axes, to which expandDims gives the first
            return self.net.add("reshapeStatic", [x], lambda v: v.reshape([1] * least), targetShape=[1] * least)[0]
        while x.rank < least:
            x = self.net.add("expandDims", [x], lambda v: v[None], axes=[0])[0]
        return x

    def float(self, least: int = 1, most: int = 5, low: float = -2.0, high: float = 2.0) -> Blob:
        """A blob of numbers inside (low, high), and not of whole ones: those get a sigmoid in front."""
        x = self.blob(least, most)
        if x.whole or not x.value.size or x.value.min() < low or x.value.max() > high or self.random.random() < 0.1:
            x = self.within(x, low, high)
        return x

    def within(self, x: Blob, low: float, high: float) -> Blob:
        y = self.net.add("activation", [x], lambda v: 1 / (1 + np.exp(-v)), sigmoid={},
                         always=True)[0]  # fmt: skip
        a, b = np.float32(0.96 * (high - low)), np.float32(low + 0.02 * (high - low))
        linear = {"alpha": a, "beta": b}
        return self.net.add("activation", [y], lambda v: v * float(a) + float(b), linear=linear, rounds=True)[0]

    def axis(self, x: Blob, more: int = 0) -> int:
        return self.int(0, x.rank + more - 1)

    def signed(self, axis: int, rank: int) -> int:
        """The axis as a file may write it."""
        return axis - rank if self.flag() else axis

    def array(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        """Numbers that a float16 holds exactly."""
        return np.round(self.numbers.normal(size=shape) * scale * 64) / 64

    def wholes(self, shape: Sequence[int], least: int, most: int) -> np.ndarray:
        return self.numbers.integers(least, most, tuple(shape), endpoint=True).astype(np.float64)

    def weights(self, values: np.ndarray) -> Any:
        """As float32, or all of a layer's as float16, or in 8 bits where that keeps each number."""
        if self.form == "float16":
            return messages.WeightParams(float16Value=np.float16(values).tobytes())
        bits = (np.asarray(values) + 2) * 64
        if self.form == "8 bits" and (bits == np.round(bits)).all() and bits.min() >= 0 and bits.max() < 256:
            stored = messages.WeightParams(rawValue=bits.astype(np.uint8).tobytes())
            stored.quantization.numberOfBits = 8
            stored.quantization.linearQuantization.scale.append(1 / 64)
            stored.quantization.linearQuantization.bias.append(-2)
            return stored
        return weights(values)

    def operand(self, values: Any) -> Blob:
        """Numbers that mean something, such as a shape: a constant of the file or an input of the model."""
        values = np.asarray(values, np.float64)
        whole = is_whole(values)
        if self.flag() and values.size:
            return self.net.input(values, whole=whole, kept=True)
        return self.net.constant(values)

    def broadcasting(self, x: Blob) -> Blob:
        """A blob that broadcasts with x, or a constant."""
        if self.random.random() < 0.7:
            return self.blob(where=lambda y: fits(x.shape, y.shape))
        shape = [n if self.flag() else 1 for n in x.shape]
        if self.legacy:
            shape[:2] = [1, 1]
        elif self.flag():
            shape = shape[self.int(0, x.rank - 1) :]
        need(all(shape))
        return self.net.constant(self.wholes(shape, -3, 3) if x.whole and self.flag() else self.array(*shape))


def grow(net: Net, kind: str, seed: int) -> bool:
    """The layer of this kind, if there is a place for it."""
    if net.legacy and kind not in CORE_ML_2_LAYERS:
        return False
    try:
        ROWS[kind].write(Chooser(net, kind, seed))
    except NotHere:
        return False
    return True


def fits(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the shapes broadcast."""
    return all(n == m or 1 in (n, m) for n, m in zip(one[::-1], other[::-1], strict=False))


def need(condition: Any) -> None:
    if not condition:
        raise NotHere
