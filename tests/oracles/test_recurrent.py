"""The oracle's recurrent layers against torch.nn and, for what PyTorch lacks, ONNX Runtime.

The files are written by coremltools' builder, whose lists of gates are i, f, o, z; PyTorch stacks i, f, g, o
and ONNX i, o, f, c.
"""

import numpy as np
import pytest
import torch
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from . import onnx_node, torch_network

SEQ, BATCH, INPUTS, HIDDEN = 5, 2, 3, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(SEQ, BATCH, INPUTS))
H0, C0 = RNG.normal(size=(2, BATCH, HIDDEN))


def matrices(count):
    """count times (W, R, b)."""
    shapes = ((HIDDEN, INPUTS), (HIDDEN, HIDDEN), (HIDDEN,))
    return [[RNG.normal(size=shape).astype(np.float32) for _ in range(count)] for shape in shapes]


def network(outputs, states, add):
    """A model of one recurrent layer; `add` calls the builder with the names of inputs and outputs."""
    names = ["x", *states]
    sizes = [INPUTS] + [HIDDEN] * len(states)
    features = [(n, datatypes.Array(size)) for n, size in zip(names, sizes, strict=True)]
    builder = NeuralNetworkBuilder(features, [(n, datatypes.Array(HIDDEN)) for n in outputs])
    add(builder, names, outputs)
    return builder.spec


def run(spec, **given):
    """Blobs without their last two axes; arrays given as (B, n) are states, as (Seq, B, n) sequences."""
    five = {k: v.reshape(*([1] * (3 - v.ndim)), *v.shape, 1, 1) for k, v in given.items()}
    return {name: blob[..., 0, 0] for name, blob in torch_network.blobs(spec, five).items()}


def stack(*arrays):
    return np.concatenate(arrays)


def torch_cell(module, weights_, suffix=""):
    """Copy (W, R, b) in PyTorch's order of gates into a torch.nn module."""
    w, r, b = weights_
    for name, value in (("weight_ih", w), ("weight_hh", r), ("bias_ih", b), ("bias_hh", 0 * b)):
        getattr(module, f"{name}_l0{suffix}").data = torch.from_numpy(value).double()


def in_torch_order(parts):
    return [stack(v[0], v[1], v[3], v[2]) for v in parts]


def add_lstm(parts, **options):
    w, r, b = parts

    def add(builder, inputs, outputs):
        builder.add_unilstm("lstm", r, w, b, HIDDEN, INPUTS, inputs, outputs, **options)

    return add


@pytest.mark.parametrize("reverse", [False, True])
def test_lstm_agrees_with_pytorch(reverse):
    parts = matrices(4)
    spec = network("yhc", ["h0", "c0"], add_lstm(parts, output_all=True, reverse_input=reverse))
    got = run(spec, x=X, h0=H0, c0=C0)
    module = torch.nn.LSTM(INPUTS, HIDDEN).double()
    torch_cell(module, in_torch_order(parts))
    given = X[::-1].copy() if reverse else X
    y, (h, c) = module(torch.from_numpy(given), (torch.from_numpy(H0)[None], torch.from_numpy(C0)[None]))
    for name, expected in (("y", y), ("h", h), ("c", c)):
        np.testing.assert_allclose(got[name], expected.detach().numpy(), atol=1e-12)


def test_lstm_without_sequence_output_gives_the_last_step():
    parts = matrices(4)
    specs = [network("yhc", [], add_lstm(parts, output_all=flag)) for flag in (False, True)]
    last, everything = (run(spec, x=X) for spec in specs)
    module = torch.nn.LSTM(INPUTS, HIDDEN).double()
    torch_cell(module, in_torch_order(parts))
    expected = module(torch.from_numpy(X))[0].detach().numpy()
    np.testing.assert_allclose(everything["y"], expected, atol=1e-12)
    np.testing.assert_allclose(last["y"], expected[-1:], atol=1e-12)


@pytest.mark.parametrize("coupled", [False, True])
def test_lstm_with_peepholes_and_forget_bias_agrees_with_onnx_runtime(coupled):
    w, r, b = matrices(4)
    peep = RNG.normal(size=(3, HIDDEN)).astype(np.float32)  # i, f, o
    options = {
        "peep": list(peep),
        "coupled_input_forget_gate": coupled,
        "forget_bias": True,
        "output_all": True,
    }
    got = run(network("yhc", ["h0", "c0"], add_lstm((w, r, b), **options)), x=X, h0=H0, c0=C0)
    order = (0, 2, 1, 3)  # ONNX: i, o, f, c
    ws, rs = (stack(*(v[i] for i in order))[None] for v in (w, r))
    biases = stack(b[0], b[2], b[1] + 1, b[3], np.zeros(4 * HIDDEN))[None].astype(np.float32)
    single = [v.astype(np.float32) for v in (X, H0[None], C0[None])]
    inputs = [single[0], ws, rs, biases, None, *single[1:], stack(peep[0], peep[2], peep[1])[None]]
    y, h, c = onnx_node.run("LSTM", inputs, outputs=3, hidden_size=HIDDEN, input_forget=int(coupled))
    for name, expected in (("y", y[:, 0]), ("h", h), ("c", c)):
        np.testing.assert_allclose(got[name], expected, atol=1e-5)


def test_lstm_clips_the_cell():
    spec = network("yhc", ["h0", "c0"], add_lstm(matrices(4), cell_clip_threshold=0.125))
    assert np.abs(run(spec, x=X, h0=H0, c0=C0)["c"]).max() == 0.125


@pytest.mark.parametrize("everything", [False, True])
def test_bidirectional_lstm_agrees_with_pytorch(everything):
    ahead, back = matrices(4), matrices(4)
    outputs = ["y", "h", "c", "h_rev", "c_rev"]
    names = ["h0", "c0", "h1", "c1"]

    def add(builder, inputs, outputs):
        both = [part[i] for part in (ahead, back) for i in (1, 0, 2)]
        builder.add_bidirlstm("l", *both, HIDDEN, INPUTS, inputs, outputs, output_all=everything)

    states = dict(zip(names, RNG.normal(size=(4, BATCH, HIDDEN)), strict=True))
    got = run(network(outputs, names, add), x=X, **states)
    module = torch.nn.LSTM(INPUTS, HIDDEN, bidirectional=True).double()
    torch_cell(module, in_torch_order(ahead))
    torch_cell(module, in_torch_order(back), "_reverse")
    start = [torch.from_numpy(np.stack([states[f"{k}0"], states[f"{k}1"]])) for k in "hc"]
    y, (h, c) = module(torch.from_numpy(X), tuple(start))
    expected = y.detach().numpy() if everything else np.concatenate(list(h.detach().numpy()), -1)[None]
    np.testing.assert_allclose(got["y"], expected, atol=1e-12)
    for i, suffix in enumerate(["", "_rev"]):
        np.testing.assert_allclose(got["h" + suffix][0], h[i].detach(), atol=1e-12)
        np.testing.assert_allclose(got["c" + suffix][0], c[i].detach(), atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [("SIGMOID", "Sigmoid"), ("SIGMOID_HARD", "HardSigmoid")])
@pytest.mark.parametrize("reverse", [False, True])
def test_gru_agrees_with_onnx_runtime_resetting_before_the_recursion(reverse, ours, theirs):
    w, r, b = matrices(3)  # update, reset, output

    def add(builder, inputs, outputs):
        options = {"inner_activation": ours, "output_all": True, "reverse_input": reverse}
        builder.add_gru("g", r, w, b, HIDDEN, INPUTS, inputs, outputs, **options)

    got = run(network("yh", ["h0"], add), x=X, h0=H0)
    given = (X[::-1] if reverse else X).astype(np.float32)
    biases = stack(*b, np.zeros(3 * HIDDEN))[None].astype(np.float32)
    inputs = [given, stack(*w)[None], stack(*r)[None], biases, None, H0[None].astype(np.float32)]
    attributes = {"hidden_size": HIDDEN, "linear_before_reset": 0, "activations": [theirs, "Tanh"]}
    if theirs == "HardSigmoid":
        attributes |= {"activation_alpha": [0.2], "activation_beta": [0.5]}
    y, h = onnx_node.run("GRU", inputs, outputs=2, **attributes)
    np.testing.assert_allclose(got["y"], y[:, 0], atol=1e-5)
    np.testing.assert_allclose(got["h"], h, atol=1e-5)


@pytest.mark.parametrize("activation", ["TANH", "RELU"])
def test_simple_recurrent_agrees_with_pytorch(activation):
    (w,), (r,), (b,) = matrices(1)

    def add(builder, inputs, outputs):
        builder.add_simple_rnn("r", r, w, b, HIDDEN, INPUTS, activation, inputs, outputs, output_all=True)

    got = run(network("yh", ["h0"], add), x=X, h0=H0)
    module = torch.nn.RNN(INPUTS, HIDDEN, nonlinearity=activation.lower()).double()
    torch_cell(module, (w, r, b))
    y, h = module(torch.from_numpy(X), torch.from_numpy(H0)[None])
    np.testing.assert_allclose(got["y"], y.detach(), atol=1e-12)
    np.testing.assert_allclose(got["h"], h.detach(), atol=1e-12)
