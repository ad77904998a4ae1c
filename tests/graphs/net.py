"""A random network while it grows: layer messages on one side, NumPy in float64 on the other.

Every blob has several values: the exact one, and SHAKEN ones of the same network in which each layer that rounds has
its operands and results disturbed a little.  How far they are apart says how far another order of sums may lead, so

  - a layer whose values part by more than CHAOS is not taken into the network: a comparison of nearly equal numbers, a
    rounding near a half, a division by nearly nothing;
  - the answer must be as near to the exact value as the shaken ones are, and STRICT in addition;
  - whole numbers that only exact layers have made have no such difference, and must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from warnings import catch_warnings, simplefilter
from zlib import crc32

import numpy as np

from ..layers.network import array, layer, model, weights

SHAKEN = 3
NOISE = 2e-5
"""Of the largest number: rounding to float32 is 6e-8, and sums of some hundred products lose about 6e-6."""
CHAOS = 1e-2
STRICT = 1e-5
NOTHING = 1e-30
"""Products of many small numbers may end here."""
LARGEST, LONGEST = 1e3, 2000
"""Numbers of a blob, and how many of them where a network is not a large one."""

Env = dict[str, np.ndarray]
Shape = tuple[int, ...]


class NotHere(Exception):
    """A layer cannot stand at this place, or would make nothing that can be compared."""


@dataclass(frozen=True)
class Blob:
    """A name that layers may read.

    whole: it has whole numbers, exactly.  free: its numbers are random, so there is no value to compare with.
    """

    name: str
    value: np.ndarray
    whole: bool = False
    free: bool = False

    @property
    def shape(self) -> Shape:
        return self.value.shape

    @property
    def rank(self) -> int:
        return self.value.ndim


@dataclass(frozen=True)
class Step:
    """outputs = formula(*inputs).

    rounds: the results of these inputs are rounded, unless all is whole; always: even then.  whole: for each input,
    whether it has whole numbers, which nothing disturbs.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    formula: Callable[..., Any]
    rounds: bool = False
    always: bool = False
    whole: tuple[bool, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether results that are whole are exact."""
        return not self.rounds or (not self.always and all(self.whole))

    def run(self, env: Env, shake: int) -> None:
        r = np.random.default_rng(crc32(self.outputs[0].encode()) + shake) if shake and self.rounds else None
        values = [env[name] for name in self.inputs]
        if r:
            values = [v if exact else _shaken(v, r) for v, exact in zip(values, self.whole, strict=True)]
        with np.errstate(all="ignore"), catch_warnings():
            simplefilter("ignore", RuntimeWarning)  # means of nothing
            results = self.formula(*values)
            for name, value in zip(self.outputs, results if isinstance(results, tuple) else (results,), strict=True):
                value = np.asarray(value, np.float64)
                env[name] = _shaken(value, r) if r and not (self.exact and is_whole(value)) else value


def is_whole(value: np.ndarray) -> bool:
    return bool((value == np.round(value)).all())


def _shaken(value: np.ndarray, r: np.random.Generator) -> np.ndarray:
    return value + NOISE * np.abs(value).max(initial=0) * r.choice([-1.0, 1.0], value.shape)


@dataclass
class Input:
    """An array that the model takes.  open: axes whose size may be another one; kept: its numbers mean something."""

    name: str
    value: np.ndarray
    open: Shape = ()
    kept: bool = False


@dataclass
class Net:
    """Layers, and what they compute."""

    legacy: bool
    inputs: list[Input] = field(default_factory=list)
    layers: list[Any] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)
    envs: list[Env] = field(default_factory=lambda: [{} for _ in range(1 + SHAKEN)])
    parent: Net | None = None
    longest: int = LONGEST
    made: int = 0

    @property
    def root(self) -> Net:
        return self.parent.root if self.parent else self

    def name(self) -> str:
        """One that nobody has."""
        root = self.root
        root.made += 1
        return f"b{root.made}"

    def input(self, value: np.ndarray, *, whole: bool = False, kept: bool = False, open_axes: Shape = ()) -> Blob:
        """A new input of the model; in a legacy network `value` has rank 5."""
        root = self.root
        value = np.asarray(value, np.float32).astype(np.float64)
        name = f"x{len(root.inputs)}"
        root.inputs.append(Input(name, value, open_axes, kept))
        net: Net | None = self
        while net:
            for env in net.envs:
                env[name] = value
            net = net.parent
        blob = Blob(name, value, whole)
        root.blobs.append(blob)
        if self is not root:
            self.blobs.append(blob)
        return blob

    def constant(self, value: Any) -> Blob:
        """A loadConstantND layer, or in legacy ranks a loadConstant."""
        value = np.asarray(value, np.float32).astype(np.float64)
        if self.legacy:
            value = value.reshape(1, 1, *value.shape[-3:])
        kind, shape = ("loadConstant", value.shape[2:]) if self.legacy else ("loadConstantND", value.shape)
        return self.add(kind, [], lambda: value, shape=shape, data=weights(value))[0]

    def add(
        self, kind: str, inputs: Sequence[Blob], formula: Callable[..., Any], outputs: int = 1, *,
        rounds: bool = False, always: bool = False, free: bool = False, **fields: Any,
    ) -> list[Blob]:  # fmt: skip
        """One more layer; its results.  NotHere: it would compute what nobody can compare."""
        names = tuple(self.name() for _ in range(outputs))
        step = Step(
            tuple(x.name for x in inputs), names, formula, rounds or always, always, tuple(x.whole for x in inputs)
        )
        blobs = self.tried(step, free=free)
        self.layers.append(layer(kind, " ".join(step.inputs), " ".join(names), f"{kind} {names[0]}", **fields))
        return blobs

    def tried(self, step: Any, *, free: bool = False) -> list[Blob]:
        """`step` as part of the reference; its results."""
        fresh: list[Env] = []
        for shake, env in enumerate(self.envs):
            fresh.append(dict(env))
            step.run(fresh[-1], shake)
        blobs = []
        for name in step.outputs:
            values = [env[name] for env in fresh]
            if values[0].size > self.longest:
                raise NotHere
            if not free:
                acceptable(values)
            exact = all(np.array_equal(v, values[0]) for v in values[1:])
            whole = exact and step.exact and is_whole(values[0])
            blobs.append(Blob(name, values[0], whole and not free, free))
        self.envs[:] = fresh
        self.steps.append(step)
        self.blobs.extend(blobs)
        return blobs

    def child(self) -> Net:
        """An empty network inside this one, which reads its blobs."""
        blobs = [blob for blob in self.blobs if not blob.free]
        return Net(self.legacy, blobs=blobs, envs=[dict(env) for env in self.envs], parent=self, longest=self.longest)

    def spec(self, outputs: Sequence[str], *, flexible: bool = False) -> Any:
        """The Model message.  flexible: inputs with open axes have ranges of sizes."""
        described = []
        for one in self.inputs:
            shape = one.value.shape[2:] if self.legacy else one.value.shape
            ranges = [(1, max(8, n)) if axis in one.open else (n, n) for axis, n in enumerate(shape)]
            described.append(array(one.name, shape, ranges=ranges if flexible and one.open else ()))
        return model(described, self.layers, list(outputs), exact=not self.legacy, version=5)


def acceptable(values: Sequence[np.ndarray]) -> None:
    """NotHere unless these values of one blob, the exact one first, are near each other and of sizes that go on."""
    first = values[0]
    if any(v.shape != first.shape for v in values[1:]):
        raise NotHere
    largest = np.abs(first).max(initial=0)
    if not all(np.isfinite(v).all() for v in values) or largest > LARGEST:
        raise NotHere
    if any(np.abs(v - first).max(initial=0) > CHAOS * max(largest, 1e-2) for v in values[1:]):
        raise NotHere


def near(got: np.ndarray, values: Sequence[np.ndarray], what: str) -> None:
    """An answer is where the exact value and the shaken ones are."""
    wanted = values[0]
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, expected {wanted.shape}"
    spread = max((float(np.abs(v - wanted).max(initial=0)) for v in values[1:]), default=0.0)
    allowed = 2 * spread + (STRICT * float(np.abs(wanted).max(initial=0)) if spread else 0) + NOTHING
    worst = float(np.abs(got.astype(np.float64) - wanted).max(initial=0))
    assert worst <= allowed, f"{what}: differs by {worst}, allowed are {allowed}"
