"""Recurrent layers: x (Seq, B, I, 1, 1), states (1, B, H, 1, 1), one plain loop over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .net import Blob
from .rows import Chooser, need, row

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda v: v,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "ReLU": lambda v: np.maximum(v, 0),
    "scaledTanh": np.tanh,
    "sigmoidHard": lambda v: np.clip(0.2 * v + 0.5, 0, 1),
}
LSTM, GRU = ("inputGate", "forgetGate", "blockInput", "outputGate"), ("updateGate", "resetGate", "outputGate")
State = tuple[np.ndarray, ...]
Cell = Callable[..., State]


def sequence(g: Chooser) -> Blob:
    """A blob of such a shape, else another input of the model."""
    fitting = [x for x in g.net.blobs if x.rank == 5 and x.shape[3:] == (1, 1) and x.value.size and not x.free]
    fitting = [x for x in fitting if np.abs(x.value).max() < 4]
    if fitting and g.flag():
        return g.pick(fitting)
    return g.net.input(g.array(g.int(1, 4), g.int(1, 2), g.int(1, 4), 1, 1))


def states(g: Chooser, x: Blob, hidden: int, most: int, least: int = 0) -> list[Blob]:
    count = g.pick([n for n in (0, 1, most) if least <= n <= most])
    return [g.net.input(g.array(1, x.shape[1], hidden, 1, 1, scale=0.5)) for _ in range(count)]


class Gates:
    """The matrices of some gates: fields of the message, and functions of them."""

    def __init__(self, g: Chooser, names: Sequence[str], inputs: int, hidden: int, bias: bool) -> None:
        self.w = {n: g.array(hidden, inputs, scale=0.5) for n in names}
        self.r = {n: g.array(hidden, hidden, scale=0.5) for n in names}
        self.b = {n: g.array(hidden, scale=0.5) if bias else np.zeros(hidden) for n in names}
        self.fields = {f"{n}WeightMatrix": g.weights(self.w[n]) for n in names}
        self.fields |= {f"{n}RecursionMatrix": g.weights(self.r[n]) for n in names}
        self.fields |= {f"{n}BiasVector": g.weights(self.b[n]) for n in names} if bias else {}

    def __call__(self, name: str, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        return x @ self.w[name].T + h @ self.r[name].T + self.b[name]


def over_time(
    cell: Cell, x: np.ndarray, given: Sequence[np.ndarray], hidden: int, count: int, backwards: bool
) -> tuple[np.ndarray, State]:
    """Hidden states (Seq, B, H) in the order of processing, and the last state."""
    zero = np.zeros((x.shape[1], hidden))
    need(x.shape[3:] == (1, 1) and all(s.shape[1] == x.shape[1] for s in given))
    state: State = (*[s[0, :, :, 0, 0] for s in given], *[zero] * (count - len(given)))
    ys = []
    for x_t in x[::-1, :, :, 0, 0] if backwards else x[..., 0, 0]:
        state = cell(x_t, *state)
        ys.append(state[0])
    return np.stack(ys), state


def five(y: np.ndarray, state: State, all_steps: bool) -> State:
    return ((y if all_steps else y[-1:])[..., None, None], *[s[None, ..., None, None] for s in state])


def chosen(g: Chooser, count: int) -> tuple[list[Callable[..., Any]], list[dict[str, Any]]]:
    """Activations, each behind the clip of its argument, and their messages."""
    names = [g.pick(list(FUNCTIONS)) for _ in range(count)]
    return [lambda v, f=FUNCTIONS[n]: f(np.clip(v, -50, 50)) for n in names], [{n: {}} for n in names]


def sizes(g: Chooser) -> tuple[Blob, int, dict[str, Any]]:
    x, hidden = sequence(g), g.int(1, 4)
    need(x.shape[3:] == (1, 1))
    return x, hidden, {"inputVectorSize": x.shape[2], "outputVectorSize": hidden}


@row("simpleRecurrent", always=True)
def _simple(g: Chooser) -> Any:
    x, hidden, fields = sizes(g)
    (f,), (activation,) = chosen(g, 1)
    bias, all_steps, backwards = g.flag(), g.flag(), g.flag()
    w, r, b = g.array(hidden, x.shape[2], scale=0.5), g.array(hidden, hidden, scale=0.5), g.array(hidden) * bias
    given = states(g, x, hidden, 1, least=1)

    def formula(v: np.ndarray, *start: np.ndarray) -> State:
        ys, state = over_time(lambda x_t, h: (f(x_t @ w.T + h @ r.T + b),), v, start, hidden, 1, backwards)
        return five(ys, state, all_steps)

    more = {"hasBiasVector": True, "biasVector": g.weights(b)} if bias else {}
    return g.add([x, *given], formula, 2, activation=activation, weightMatrix=g.weights(w), reverseInput=backwards,
                 recursionMatrix=g.weights(r), sequenceOutput=all_steps, **fields, **more)  # fmt: skip


@row("gru", always=True)
def _gru(g: Chooser) -> Any:
    x, hidden, fields = sizes(g)
    (f, out), activations = chosen(g, 2)
    bias, all_steps, backwards = g.flag(), g.flag(), g.flag()
    gates = Gates(g, GRU, x.shape[2], hidden, bias)
    given = states(g, x, hidden, 1)

    def cell(x_t: np.ndarray, h: np.ndarray) -> State:
        z, r = f(gates(GRU[0], x_t, h)), f(gates(GRU[1], x_t, h))
        return ((1 - z) * out(gates(GRU[2], x_t, r * h)) + z * h,)

    def formula(v: np.ndarray, *start: np.ndarray) -> State:
        return five(*over_time(cell, v, start, hidden, 1, backwards), all_steps)

    return g.add([x, *given], formula, 2, activations=activations, hasBiasVectors=bias, sequenceOutput=all_steps,
                 reverseInput=backwards, **fields, **gates.fields)  # fmt: skip


class Lstm:
    """Options and matrices of one direction."""

    def __init__(self, g: Chooser, functions: Sequence[Any], options: dict[str, Any], inputs: int, hidden: int) -> None:
        self.gates = Gates(g, LSTM, inputs, hidden, options["hasBiasVectors"])
        peep = options["hasPeepholeVectors"]
        names = ("inputGate", "forgetGate", "outputGate")
        self.p = [g.array(hidden, scale=0.5) * peep for _ in names]
        self.fields = dict(self.gates.fields)
        if peep:
            self.fields |= {f"{n}PeepholeVector": g.weights(v) for n, v in zip(names, self.p, strict=True)}
        self.f, self.options = functions, options

    def __call__(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> State:
        f, inner, last = self.f
        i = f(self.gates("inputGate", x, h) + self.p[0] * c)
        keep = f(self.gates("forgetGate", x, h) + self.p[1] * c + self.options["forgetBias"])
        if self.options["coupledInputAndForgetGate"]:
            keep = 1 - i
        clip = self.options["cellClipThreshold"]
        c = np.clip(c * keep + i * inner(self.gates("blockInput", x, h)), -clip, clip)
        return f(self.gates("outputGate", x, h) + self.p[2] * c) * last(c), c


def lstm_options(g: Chooser) -> dict[str, Any]:
    names = ("sequenceOutput", "hasBiasVectors", "hasPeepholeVectors", "forgetBias", "coupledInputAndForgetGate")
    return {**{n: g.flag() for n in names}, "cellClipThreshold": g.pick([0.5, 50.0])}


@row("uniDirectionalLSTM", "biDirectionalLSTM", always=True)
def _lstm(g: Chooser) -> Any:
    x, hidden, fields = sizes(g)
    both = g.kind == "biDirectionalLSTM"
    functions, activations = chosen(g, 3)
    options = lstm_options(g)
    ways = [Lstm(g, functions, options, x.shape[2], hidden) for _ in range(1 + both)]
    given = states(g, x, hidden, 2) if not both else g.pick([0, 1]) * [
        g.net.input(g.array(1, x.shape[1], hidden, 1, 1, scale=0.5)) for _ in range(4)
    ]  # fmt: skip
    backwards, all_steps = not both and g.flag(), options["sequenceOutput"]

    def formula(v: np.ndarray, *start: np.ndarray) -> State:
        ys, state = over_time(ways[0], v, start[:2], hidden, 2, backwards)
        if not both:
            return five(ys, state, all_steps)
        zs, back = over_time(ways[1], v, start[2:], hidden, 2, True)
        y = np.concatenate([ys, zs[::-1]] if all_steps else [ys[-1:], zs[-1:]], -1)
        return five(y, (*state, *back), True)

    if both:
        return g.add([x, *given], formula, 5, activationsForwardLSTM=activations, activationsBackwardLSTM=activations,
                     params=options, weightParams=[w.fields for w in ways], **fields)  # fmt: skip
    return g.add([x, *given], formula, 3, activations=activations, params=options, weightParams=ways[0].fields,
                 reverseInput=backwards, **fields)  # fmt: skip
