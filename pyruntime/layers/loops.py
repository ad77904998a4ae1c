"""The loop layer: which names an iteration hands to the next one, their types, and the Loop node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.ir.control import NO_LIMIT, Loop
from pyruntime.ir.graph import Value
from pyruntime.ir.types import UNKNOWN, DType, Shape
from pyruntime.layers.builder import Builder
from pyruntime.layers.regions import blank, close, differ, emit_regions, flag, joined
from pyruntime.layers.scope import Blob, Later, Mixed, NotYet, OpenLoop, lower_layers, read, written

SETTLES = 6
"""Rounds after which all sizes that the loop hands on count as unknown."""
GIVE_UP = 2 * SETTLES


@dataclass
class Limit:
    """How often at most: a constant, or a number that the prediction computes."""

    count: int
    value: Value | None


@dataclass
class Carried:
    """A name that iterations hand on: its value and, where it may not be there, a flag, inside the regions."""

    name: str
    value: Value
    made: Value | None


def lower_loop(p: Any, limit_input: Value | None, b: Builder) -> None:
    """Emit the loop and bind the names that it changes.

    The types of names that iterations hand on are found by lowering again until they stay: sizes that differ become
    unknown, ranks that differ make a name unreadable.  What was found stays known while a loop around this one does
    the same, so nested loops do not multiply rounds.
    """
    limit = _limit(p, limit_input, b)
    where = b.layer, b.kind
    names = written([p.conditionNetwork, p.bodyNetwork])
    types = b.loop_types.setdefault(b.scope.path, {})
    for round_ in range(GIVE_UP):
        if round_ == SETTLES:
            types.update({n: (UNKNOWN,) * len(t) for n, t in types.items() if isinstance(t, tuple)})
        attempt = _Attempt(p, limit, names, types, b)
        attempt.lower()
        b.layer, b.kind = where
        if not attempt.learn():
            break
    else:
        raise b.unsupported("the shapes of the names that its iterations hand on do not settle")
    if attempt.open.unread:
        raise attempt.open.unread[0]
    attempt.emit()


def _limit(p: Any, value: Value | None, b: Builder) -> Limit:
    if not p.HasField("bodyNetwork"):
        raise b.invalid("bodyNetwork", expected="a network", got="none")
    if bool(p.conditionVar) != bool(p.conditionNetwork.layers):  # writers leave an empty network behind
        raise b.invalid("conditionNetwork and conditionVar", expected="there together", got="one of them")
    if value is not None:
        array = b.constants.get(value.name)
        if array is None:
            return Limit(NO_LIMIT, value)
        number = float(array.reshape(-1)[0])
        return Limit(int(min(number, NO_LIMIT - 1)) if number >= 1 else 0, None)
    if p.maxLoopIterations:
        return Limit(min(p.maxLoopIterations, NO_LIMIT - 1), None)
    if not p.conditionVar:
        raise b.invalid("maxLoopIterations", expected="more than 0 in a loop without input and condition", got=0)
    return Limit(NO_LIMIT, None)


class _Attempt:
    """One lowering of condition and body under the types known so far."""

    def __init__(self, p: Any, limit: Limit, names: Sequence[str], types: dict[str, Shape | Mixed], b: Builder) -> None:
        self.p, self.limit, self.names, self.types, self.b = p, limit, names, types, b
        self.has_condition = bool(p.conditionVar)
        self.open = OpenLoop()
        self.condition, self.body = b.child(), b.child()
        self.carried: list[Carried] = []
        self.truth: Value | None = None

    def lower(self) -> None:
        for name in self.names:
            self._enter(name)
        for i, (network, region) in enumerate(
            [(self.p.conditionNetwork, self.condition), (self.p.bodyNetwork, self.body)]
        ):
            region.scope.path = (*self.b.scope.path, i)
            region.scope.in_loop = region is self.body
            lower_layers(network.layers, region)
            if region is self.condition and self.has_condition:
                self._read_condition()

    def _enter(self, name: str) -> None:
        """What the name stands for where an iteration begins."""
        before = self.b.scope.names.get(name)
        known = self.types.get(name)
        if isinstance(before, Blob) and not isinstance(known, Mixed):
            shape = before.value.shape if known is None else joined(known, before.value.shape)
            known = self.types[name] = differ(name, known or (), before.value.shape) if shape is None else shape
        if isinstance(before, Mixed):
            known = before
        if known is None or isinstance(known, Mixed):
            entry: Mixed | Later | Blob = Later(self.open) if known is None else known
        else:
            dtype = before.value.dtype if isinstance(before, Blob) else DType.F32
            made = None
            if not isinstance(before, Blob) or (before.made is not None and name not in self.b.scope.sure):
                made = Value(self.b.fresh(), DType.F32, (1,))
            entry = Blob(Value(self.b.fresh(), dtype, known), made)
            self.carried.append(Carried(name, entry.value, made))
        for region in (self.condition, self.body):
            region.scope.bind(name, entry)

    def _read_condition(self) -> None:
        c, name = self.condition, self.p.conditionVar
        c.layer, c.kind = self.b.layer, self.b.kind
        if name not in c.scope.names:
            raise c.invalid("conditionVar", expected="a name that conditionNetwork makes", got=name)
        try:
            self.truth = read(name, c)
        except NotYet as error:
            error.later.loop.unread.append(error.error)
        if self.truth and any(size not in (1, UNKNOWN) for size in self.truth.shape):
            raise c.invalid("conditionVar", expected="one number", got=f"shape {list(self.truth.shape)}")
        for carried in self.carried:  # what the condition is sure to make is there in the body
            if carried.made and self._sure(carried.name, c):
                self.body.scope.bind(carried.name, Blob(carried.value))

    @staticmethod
    def _sure(name: str, region: Builder) -> bool:
        blob = region.scope.names.get(name)
        return isinstance(blob, Blob) and blob.made is None

    def learn(self) -> bool:
        """Take in the types that condition and body have given; whether something is new."""
        news = False
        for name in self.names:
            for region in (self.condition, self.body):
                blob, known = region.scope.names.get(name), self.types.get(name)
                if isinstance(known, Mixed) or blob is None or isinstance(blob, Later):
                    continue
                if isinstance(blob, Mixed):
                    found: Shape | Mixed = blob
                else:
                    shape = blob.value.shape if known is None else joined(known, blob.value.shape)
                    found = differ(name, known or (), blob.value.shape) if shape is None else shape
                news |= found != known
                self.types[name] = found
        return news

    def _results(self, region: Builder) -> list[Value]:
        """The carried values, and their flags, at the end of a region."""
        values = []
        for carried in self.carried:
            blob = region.scope.names.get(carried.name)
            values.append(blob.value if isinstance(blob, Blob) else carried.value)
            if carried.made:
                values.append(flag(blob, region) if isinstance(blob, Blob) else carried.made)
        return values

    def emit(self) -> None:
        """The node, and what the names stand for behind it."""
        for name in self.names:
            known = self.types.get(name)
            ends = [region.scope.names.get(name) for region in (self.condition, self.body)]
            outer = next((end for end in ends if isinstance(end, Later) and end.loop is not self.open), None)
            if isinstance(known, Mixed):
                self.b.scope.bind(name, known)
            elif known is None and outer and not isinstance(self.b.scope.names.get(name), Blob | Mixed):
                self.b.scope.bind(name, outer)
        if self.carried:
            self._emit()

    def _emit(self) -> None:
        b, left = self.b, self.body.scope.left
        regions = []
        if self.has_condition:
            truth = self.truth or self.condition.constant(0.0)  # of a round that a loop around this one will repeat
            regions.append((self.condition, [*self._results(self.condition), truth]))
        results = self._results(self.body)
        may_exit = isinstance(left, Value) or left == 2
        if may_exit:
            results.append(left if isinstance(left, Value) else self.body.constant(float(left)))
        regions.append((self.body, results))
        inside = [value for c in self.carried for value in (c.value, c.made) if value is not None]
        graphs, outside = close(regions, inside)
        first = [value for c in self.carried for value in self._first(c)]
        op = Loop(len(inside), self.limit.count, self.limit.value is not None, self.has_condition, may_exit)
        operands = (*([self.limit.value] if self.limit.value else []), *first, *outside)
        made = list(emit_regions(op, operands, graphs, [(value, value.shape) for value in inside], b))
        always = not self.has_condition and self.limit.value is None and self.limit.count > 0
        for c in self.carried:
            value, there = made.pop(0), made.pop(0) if c.made else None
            if (self.has_condition and self._sure(c.name, self.condition)) or (
                always and self._sure(c.name, self.body)
            ):
                there = None
            b.scope.bind(c.name, Blob(value, there))

    def _first(self, c: Carried) -> list[Value]:
        """What the first iteration gets, and its flag."""
        before = self.b.scope.names.get(c.name)
        value = before.value if isinstance(before, Blob) else blank(c.value, c.value.shape, self.b)
        return [value, flag(before, self.b)] if c.made else [value]
