"""One class per runtime: open a network for so many threads, then call it.  Arrays in, arrays out.

Every runtime computes in float32.  Settings are those that each project documents for latency of single predictions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from peers.network import Array, PlainNetwork, Unwritable

Run = Callable[[], Any]


@dataclass
class Opened:
    """run: one prediction.  results: outputs of the last one, in the network's order.  note: for the reader."""

    run: Run
    results: Callable[[], list[Array]]
    note: str = ""
    keep: list[Any] = field(default_factory=list)


def open_onnxruntime(network: PlainNetwork, threads: int) -> Opened:
    import onnxruntime as ort

    from peers.onnx_form import onnx_model

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = ort.InferenceSession(onnx_model(network), options, providers=["CPUExecutionProvider"])
    feeds = dict(network.inputs)
    return _opened(lambda: session.run(None, feeds), lambda out: out)


def open_torch(network: PlainNetwork, threads: int) -> Opened:
    import torch

    from peers.torch_form import TorchForm

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return _torch_opened(TorchForm(network), network)


def open_torch_frozen(network: PlainNetwork, threads: int) -> Opened:
    """Traced, frozen and optimised for inference: batch normalisation folded, oneDNN layouts."""
    import torch

    from peers.torch_form import TorchForm

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    inputs = tuple(torch.from_numpy(array) for array in network.inputs.values())
    traced = torch.jit.freeze(torch.jit.trace(TorchForm(network), inputs))
    return _torch_opened(torch.jit.optimize_for_inference(traced), network)


def _torch_opened(module: Any, network: PlainNetwork) -> Opened:
    import torch

    arrays = list(network.inputs.values())

    def run() -> list[Any]:
        with torch.inference_mode():
            out = module(*map(torch.from_numpy, arrays))
        return [x.numpy() for x in (out if isinstance(out, tuple) else (out,))]

    return _opened(run, lambda out: out)


def open_ncnn(network: PlainNetwork, threads: int) -> Opened:
    import ncnn

    from peers.ncnn_form import write_ncnn

    scores = network.without_arg_max()
    folder = tempfile.TemporaryDirectory(prefix="ncnn-")
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = net.opt.use_vulkan_compute = False
    param, weights = write_ncnn(scores, Path(folder.name))
    if net.load_param(str(param)) != 0 or net.load_model(str(weights)) != 0:
        raise Unwritable("ncnn does not load what pnnx wrote")
    inputs = [_ncnn_input(network, array) for array in network.inputs.values()]
    names = [f"out{i}" for i in range(len(scores.outputs))]

    def run() -> list[Any]:
        extractor = net.create_extractor()
        for i, array in enumerate(inputs):
            extractor.input(f"in{i}", ncnn.Mat(array))
        found = [extractor.extract(name) for name in names]
        if any(code != 0 for code, _ in found):
            raise Unwritable("ncnn cannot compute it")
        return [np.array(mat, copy=False) for _, mat in found]

    note = "" if scores is network else "without the arg-max, which ncnn does not have"
    opened = _opened(run, lambda out: [np.array(x) for x in out] if scores is network else [np.argmax(out[0], 0)], note)
    opened.keep += [folder, net]
    return opened


def _ncnn_input(network: PlainNetwork, array: Array) -> Array:
    """ncnn has no batch axis."""
    if array.dtype == np.int64:
        return array.astype(np.int32)
    return np.ascontiguousarray(array[0] if array.ndim > 1 else array)


def _opened(run: Run, arrays: Callable[[Any], list[Any]], note: str = "") -> Opened:
    last: list[Any] = [None]

    def kept() -> None:
        last[0] = run()

    return Opened(kept, lambda: [np.asarray(x) for x in arrays(last[0])], note)


PEERS: dict[str, Callable[[PlainNetwork, int], Opened]] = {
    "onnxruntime": open_onnxruntime,
    "ncnn": open_ncnn,
    "torch": open_torch,
    "torch-frozen": open_torch_frozen,
}
