"""Recurrent layers, one plain loop over time.  x (Seq, B, I, 1, 1), states (1, B, H, 1, 1)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from . import weights
from .registry import layer

Gate = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
State = tuple[torch.Tensor, ...]
# Parameters of these messages are not looked at: writers leave them empty and mean these constants.
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda v: v,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": lambda v: v.clamp(min=0),
    "scaledTanh": torch.tanh,
    "sigmoidHard": lambda v: (0.2 * v + 0.5).clamp(0, 1),
}


def _functions(messages: Sequence[Any]) -> list[Callable[[torch.Tensor], torch.Tensor]]:
    """Activations, each behind the clip of its argument to [-50, 50]."""
    kinds = [ACTIVATIONS[m.WhichOneof("NonlinearityType")] for m in messages]
    return [lambda v, f=f: f(v.clamp(-50, 50)) for f in kinds]


def _gate(p: Any, x: torch.Tensor, w: Any, r: Any, b: Any | None) -> Gate:
    """(x_t, h) -> W x_t + R h + b."""
    inputs, hidden = int(p.inputVectorSize), int(p.outputVectorSize)
    wx, rh = weights.tensor(w, (hidden, inputs), x), weights.tensor(r, (hidden, hidden), x)
    bias = 0.0 if b is None else weights.tensor(b, (hidden,), x)
    return lambda x_t, h: x_t @ wx.T + h @ rh.T + bias


def _start(p: Any, x: torch.Tensor, given: Sequence[torch.Tensor], count: int) -> State:
    """States as (B, H); those that are not given are 0."""
    hidden = int(p.outputVectorSize)
    zero = x.new_zeros(x.shape[1], hidden)
    states = [s.reshape(-1, hidden).expand(x.shape[1], hidden) for s in given]
    return (*states, *[zero] * (count - len(states)))


def _run(step: Callable[..., State], x: torch.Tensor, state: State, reverse: bool) -> tuple[torch.Tensor, State]:
    """All hidden states (Seq, B, H) in the order of processing, and the last state."""
    ys = []
    for x_t in x[..., 0, 0].flip(0) if reverse else x[..., 0, 0]:
        state = step(x_t, *state)
        ys.append(state[0])
    return torch.stack(ys), state


def _five(*values: torch.Tensor) -> State:
    """(.., B, H) -> (.., B, H, 1, 1), with a leading 1 for states."""
    return tuple((v if v.ndim == 3 else v[None])[..., None, None] for v in values)


@layer("simpleRecurrent")
def simple_recurrent(p: Any, x: torch.Tensor, *given: torch.Tensor) -> State:
    """h = f(W x + R h + b)."""
    (f,) = _functions([p.activation])
    gate = _gate(p, x, p.weightMatrix, p.recursionMatrix, p.biasVector if p.hasBiasVector else None)
    ys, state = _run(lambda x_t, h: (f(gate(x_t, h)),), x, _start(p, x, given, 1), p.reverseInput)
    return _five(ys if p.sequenceOutput else ys[-1:], *state)


@layer("gru")
def gru(p: Any, x: torch.Tensor, *given: torch.Tensor) -> State:
    """The reset gate acts on the state before the recursion matrix does."""
    f, g = _functions(p.activations)
    update, reset, output = (
        _gate(
            p,
            x,
            getattr(p, f"{name}GateWeightMatrix"),
            getattr(p, f"{name}GateRecursionMatrix"),
            getattr(p, f"{name}GateBiasVector") if p.hasBiasVectors else None,
        )
        for name in ("update", "reset", "output")
    )

    def step(x_t: torch.Tensor, h: torch.Tensor) -> State:
        z, r = f(update(x_t, h)), f(reset(x_t, h))
        return ((1 - z) * g(output(x_t, r * h)) + z * h,)

    ys, state = _run(step, x, _start(p, x, given, 1), p.reverseInput)
    return _five(ys if p.sequenceOutput else ys[-1:], *state)


def _lstm_step(p: Any, w: Any, activations: Sequence[Any], x: torch.Tensor) -> Callable[..., State]:
    options, hidden = p.params, int(p.outputVectorSize)
    f, g, last = _functions(activations)
    i_gate, f_gate, z_gate, o_gate = (
        _gate(
            p,
            x,
            getattr(w, f"{name}WeightMatrix"),
            getattr(w, f"{name}RecursionMatrix"),
            getattr(w, f"{name}BiasVector") if options.hasBiasVectors else None,
        )
        for name in ("inputGate", "forgetGate", "blockInput", "outputGate")
    )
    peepholes = [x.new_zeros(hidden)] * 3
    if options.hasPeepholeVectors:
        vectors = (w.inputGatePeepholeVector, w.forgetGatePeepholeVector, w.outputGatePeepholeVector)
        peepholes = [weights.tensor(v, (hidden,), x) for v in vectors]
    pi, pf, po = peepholes
    clip = options.cellClipThreshold or 50.0

    def step(x_t: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> State:
        i = f(i_gate(x_t, h) + pi * c)
        forget = f(f_gate(x_t, h) + pf * c + (1.0 if options.forgetBias else 0.0))
        keep = 1 - i if options.coupledInputAndForgetGate else forget
        c = (c * keep + i * g(z_gate(x_t, h))).clamp(-clip, clip)
        return f(o_gate(x_t, h) + po * c) * last(c), c

    return step


@layer("uniDirectionalLSTM")
def uni_directional_lstm(p: Any, x: torch.Tensor, *given: torch.Tensor) -> State:
    """-> y, h, c.  With reverseInput y stays in the order of processing."""
    step = _lstm_step(p, p.weightParams, p.activations, x)
    ys, state = _run(step, x, _start(p, x, given, 2), p.reverseInput)
    return _five(ys if p.params.sequenceOutput else ys[-1:], *state)


@layer("biDirectionalLSTM")
def bi_directional_lstm(p: Any, x: torch.Tensor, *given: torch.Tensor) -> State:
    """-> y, h, c, h_rev, c_rev.  y holds both directions side by side, aligned in time."""
    start = _start(p, x, given, 4)
    forward = _lstm_step(p, p.weightParams[0], p.activationsForwardLSTM, x)
    backward = _lstm_step(p, p.weightParams[1], p.activationsBackwardLSTM or p.activationsForwardLSTM, x)
    ahead, ahead_state = _run(forward, x, start[:2], reverse=False)
    back, back_state = _run(backward, x, start[2:], reverse=True)
    if p.params.sequenceOutput:
        y = torch.cat([ahead, back.flip(0)], -1)
    else:
        y = torch.cat([ahead[-1:], back[-1:]], -1)
    return _five(y, *ahead_state, *back_state)
