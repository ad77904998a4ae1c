"""Recurrent layers: lists of gates to fields."""

from __future__ import annotations

from typing import Any

from pyruntime.models.neural_network.rows import Call
from pyruntime.models.neural_network.weight_params import write_weight

_ACTIVATIONS = {
    "SIGMOID": ("sigmoid", {}), "TANH": ("tanh", {}), "RELU": ("ReLU", {}), "LINEAR": ("linear", {"alpha": 1.0}),
    "SIGMOID_HARD": ("sigmoidHard", {"alpha": 0.2, "beta": 0.5}), "SCALED_TANH": ("scaledTanh", {}),
}  # fmt: skip
_LSTM_GATES = ("input", "forget", "output", "block")
_LSTM_FIELDS = {"input": "inputGate", "forget": "forgetGate", "output": "outputGate", "block": "blockInput"}
_GRU_GATES = ("updateGate", "resetGate", "outputGate")


def set_activation(call: Call, message: Any, parameter: str) -> None:
    """One ActivationParams from the argument of that name."""
    kind, numbers = _ACTIVATIONS[call.choice(parameter, list(_ACTIVATIONS))]
    getattr(message, kind).SetInParent()
    for name, value in numbers.items():
        setattr(getattr(message, kind), name, value)


def _matrices(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    hidden, size = call["hidden_size"], call["input_size"]
    return (hidden, hidden), (hidden, size)


def simple_rnn(call: Call) -> None:
    """One set of weights."""
    params, (square, wide) = call.params, _matrices(call)
    set_activation(call, params.activation, "activation")
    write_weight(params.weightMatrix, call, "W_x", call["W_x"], wide)
    write_weight(params.recursionMatrix, call, "W_h", call["W_h"], square)
    if call["b"] is not None:
        params.hasBiasVector = True
        write_weight(params.biasVector, call, "b", call["b"], square[:1])


def gru(call: Call) -> None:
    """Weights of three gates."""
    params, (square, wide) = call.params, _matrices(call)
    set_activation(call, params.activations.add(), "inner_activation")
    set_activation(call, params.activations.add(), "activation")
    _gates(call, params, "W_x", _GRU_GATES, "WeightMatrix", wide)
    _gates(call, params, "W_h", _GRU_GATES, "RecursionMatrix", square)
    if call["b"] is not None:
        params.hasBiasVectors = True
        _gates(call, params, "b", _GRU_GATES, "BiasVector", square[:1])


def _gates(
    call: Call, message: Any, parameter: str, gates: tuple[str, ...], field: str, shape: tuple[int, ...]
) -> None:
    """A list with one array per gate."""
    arrays = call[parameter]
    if arrays is None or len(arrays) != len(gates):
        got = "none" if arrays is None else f"{len(arrays)} of them"
        call.refuse(parameter, f"{len(gates)} arrays, for {', '.join(gates)}", got)
    for gate, array in zip(gates, arrays, strict=True):
        write_weight(getattr(message, f"{gate}{field}"), call, f"{parameter} of {gate}", array, shape)


def _lstm_params(call: Call) -> None:
    """What both directions share."""
    params = call.params.params
    params.SetInParent()
    params.sequenceOutput = bool(call["output_all"])
    params.forgetBias = bool(call["forget_bias"])
    params.hasBiasVectors = call["b"] is not None
    params.hasPeepholeVectors = call["peep"] is not None
    params.coupledInputAndForgetGate = bool(call["coupled_input_forget_gate"])
    params.cellClipThreshold = call["cell_clip_threshold"]


def _lstm_weights(call: Call, message: Any, suffix: str = "") -> None:
    square, wide = _matrices(call)
    gates = tuple(_LSTM_FIELDS[gate] for gate in _LSTM_GATES)
    _gates(call, message, f"W_x{suffix}", gates, "WeightMatrix", wide)
    _gates(call, message, f"W_h{suffix}", gates, "RecursionMatrix", square)
    if call[f"b{suffix}"] is not None:
        _gates(call, message, f"b{suffix}", gates, "BiasVector", square[:1])
    if call[f"peep{suffix}"] is not None:
        _gates(call, message, f"peep{suffix}", gates[:3], "PeepholeVector", square[:1])


def _lstm_activations(call: Call, target: Any) -> None:
    for parameter in ("inner_activation", "cell_state_update_activation", "output_activation"):
        set_activation(call, target.add(), parameter)


def unilstm(call: Call) -> None:
    _lstm_activations(call, call.params.activations)
    _lstm_params(call)
    _lstm_weights(call, call.params.weightParams)


def bidirlstm(call: Call) -> None:
    """Two sets of weights."""
    for parameter in ("b", "peep"):
        if (call[parameter] is None) != (call[f"{parameter}_back"] is None):
            call.refuse(f"{parameter}_back", f"as {parameter}: both or none", "one of them")
    _lstm_activations(call, call.params.activationsForwardLSTM)
    _lstm_activations(call, call.params.activationsBackwardLSTM)
    _lstm_params(call)
    for suffix in ("", "_back"):
        _lstm_weights(call, call.params.weightParams.add(), suffix)
