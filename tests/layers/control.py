"""Programs of copy, branch, loop, break and continue over small vectors: as layers, and as Python that runs them.

A program is a list of statements, tuples:

    ("set", name, kind, a, b)       name = a + b, a * b, min, max, "last" of a ...: the OPERATIONS
    ("copy", name, a)
    ("if", a, [..], [..])           the first element decides
    ("loop", limit, condition, test, body)
        limit: a number (0: none) or a name; condition: statements or None; test: the name they make
    ("break",), ("continue",)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyruntime.spec import messages

from .network import layer

Program = list[tuple[Any, ...]]


class Missing(Exception):
    """A name is read that no layer has made."""


class _Leave(Exception):
    pass


class _Break(_Leave):
    pass


class _Continue(_Leave):
    pass


def _first(x: np.ndarray) -> np.ndarray:
    return x[:1]


OPERATIONS: dict[str, tuple[Callable[..., np.ndarray], Callable[..., list[Any]]]] = {
    "add": (lambda a, b: a[:1] + b, lambda o, a, b: [_slice(a, f"{o}.1"), layer("addBroadcastable", f"{o}.1 {b}", o)]),
    "max": (lambda a, b: np.maximum(a[:1], b),
            lambda o, a, b: [_slice(a, f"{o}.1"), layer("maxBroadcastable", f"{o}.1 {b}", o)]),
    "less": (lambda a, b: (a[:1] < b[:1]).astype(np.float32),
             lambda o, a, b: [_slice(a, f"{o}.1"), _slice(b, f"{o}.2"), layer("lessThan", f"{o}.1 {o}.2", o)]),
    "one more": (lambda a, _b: a + 1, lambda o, a, _b: [_linear(a, o, 1.0, 1.0)]),
    "negative": (lambda a, _b: -a, lambda o, a, _b: [_linear(a, o, -1.0, 0.0)]),
    "join": (lambda a, b: np.concatenate([a, b])[:40],
             lambda o, a, b: [layer("concatND", f"{a} {b}", f"{o}.1"), _slice(f"{o}.1", o, 40)]),
    "first": (lambda a, _b: a[:1], lambda o, a, _b: [_slice(a, o)]),
    "tail": (lambda a, _b: a[-3:], lambda o, a, _b: [_slice(a, o, None, -3)]),
    "length": (lambda a, _b: np.array([a.size], np.float32), lambda o, a, _b: [layer("getShape", a, o)]),
}  # fmt: skip
"""What a statement "set" may do: in NumPy, and as layers."""
OF_TWO = {"add", "max", "less", "join"}


def _linear(x: str, y: str, alpha: float, beta: float) -> Any:
    return layer("activation", x, y, linear={"alpha": alpha, "beta": beta})


def _slice(x: str, y: str, end: int | None = 1, begin: int = 0) -> Any:
    return layer("sliceStatic", x, y, beginIds=[begin], endIds=[end or 0], strides=[1], beginMasks=[begin == 0],
                 endMasks=[end is None])  # fmt: skip


def layers_of(program: Program, path: str = "p") -> list[Any]:
    """The program as layer messages.  Every layer writes names of its own, and copy gives them to the program's."""
    made: list[Any] = []
    for i, (kind, *rest) in enumerate(program):
        here = f"{path}.{i}"
        if kind == "set":
            name, operation, a, b = rest
            made += [*OPERATIONS[operation][1](here, a, b), layer("copy", here, name)]
        elif kind == "copy":
            made.append(layer("copy", rest[1], rest[0]))
        elif kind == "if":
            test, then, other = rest
            made.append(_slice(test, f"{here}.if"))
            made.append(layer("branch", f"{here}.if", ""))
            made[-1].branch.ifBranch.MergeFrom(_network(then, f"{here}.t"))
            if other:
                made[-1].branch.elseBranch.MergeFrom(_network(other, f"{here}.e"))
        elif kind == "loop":
            made += _loop(here, *rest)
        else:
            made.append(layer({"break": "loopBreak", "continue": "loopContinue"}[kind], "", ""))
    for one in made:
        one.name = one.name or one.WhichOneof("layer")
    return made


def _network(program: Program, path: str) -> Any:
    return messages.NeuralNetwork(layers=layers_of(program, path))


def _loop(here: str, limit: int | str, condition: Program | None, test: str, body: Program) -> list[Any]:
    made = []
    if isinstance(limit, str):
        made = [_slice(limit, f"{here}.limit"), layer("loop", f"{here}.limit", "")]
    else:
        made = [layer("loop", "", "", maxLoopIterations=limit)]
    params = made[-1].loop
    params.bodyNetwork.MergeFrom(_network(body, f"{here}.b"))
    if condition is not None:
        params.conditionNetwork.MergeFrom(_network(condition, f"{here}.c"))
        params.conditionNetwork.layers.append(_slice(test, f"{here}.test"))
        params.conditionVar = f"{here}.test"
    return made


def run(program: Program, names: dict[str, np.ndarray], budget: list[int]) -> None:
    """The program in Python.  budget: iterations left; OverflowError when there are none."""
    for kind, *rest in program:
        if kind == "set":
            name, operation, a, b = rest
            second = _get(names, b) if operation in OF_TWO else None
            names[name] = OPERATIONS[operation][0](_get(names, a), second).astype(np.float32)
        elif kind == "copy":
            names[rest[0]] = _get(names, rest[1])
        elif kind == "if":
            test, then, other = rest
            run(then if abs(_get(names, test)[0]) > 1e-6 else other, names, budget)
        elif kind == "loop":
            _run_loop(*rest, names, budget)
        else:
            raise {"break": _Break, "continue": _Continue}[kind]


def _run_loop(
    limit: int | str, condition: Program | None, test: str, body: Program, names: dict[str, np.ndarray],
    budget: list[int],
) -> None:  # fmt: skip
    most = float(_get(names, limit)[0]) if isinstance(limit, str) else limit or float("inf")

    def goes_on() -> bool:
        if condition is None:
            return True
        run(condition, names, budget)
        return abs(float(_get(names, test)[0])) > 1e-6

    count = 0
    going = goes_on()
    while count < int(min(most, 1e9)) and going:
        count += 1
        budget[0] -= 1
        if budget[0] < 0:
            raise OverflowError
        try:
            run(body, names, budget)
        except _Continue:
            pass
        except _Break:
            break
        going = goes_on()


def _get(names: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in names:
        raise Missing(name)
    return names[name]
