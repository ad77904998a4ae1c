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

from peers.network import Array, Source, Unwritable

Run = Callable[[], Any]


@dataclass
class Opened:
    """run: one prediction.  results: outputs of the last one, in the network's order.  note: for the reader."""

    run: Run
    results: Callable[[], list[Array]]
    note: str = ""
    keep: list[Any] = field(default_factory=list)


WRONG_FUSIONS = {"yolov3_tiny": ["Pad_Fusion"]}
"""Optimisations of ONNX Runtime that change answers: it merges padding by zeros into a maximum, which pads by -inf."""


def open_onnxruntime(source: Source, threads: int) -> Opened:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    wrong = WRONG_FUSIONS.get(source.name, [])
    session = ort.InferenceSession(
        source.onnx(), options, providers=["CPUExecutionProvider"], disabled_optimizers=wrong
    )  # fmt: skip
    feeds = dict(source.inputs)
    note = f"without {', '.join(wrong)}, which changes the answer" if wrong else ""
    return _opened(lambda: session.run(None, feeds), lambda out: out, note)


def open_openvino(source: Source, threads: int) -> Opened:
    """Its latency hint; float32, as it would choose 16 bits by itself on CPUs that have them."""
    import openvino as ov

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = ov.Core().compile_model(source.onnx(), "CPU", settings).create_infer_request()
    for i, array in enumerate(source.inputs.values()):
        request.set_input_tensor(i, ov.Tensor(array))

    def run() -> list[Any]:
        request.infer()
        return [request.get_output_tensor(i).data for i in range(len(source.outputs))]

    return _opened(run, lambda out: out)


def open_torch(source: Source, threads: int) -> Opened:
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return _torch_opened(source.torch(), source)


def open_torch_frozen(source: Source, threads: int) -> Opened:
    """Traced, frozen and optimised for inference: batch normalisation folded, oneDNN layouts."""
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return _torch_opened(torch.jit.optimize_for_inference(torch.jit.freeze(source.traced().eval())), source)


def _torch_opened(module: Any, source: Source) -> Opened:
    import torch

    arrays = list(source.inputs.values())

    def run() -> list[Any]:
        with torch.inference_mode():
            out = module(*map(torch.from_numpy, arrays))
        return [x.numpy() for x in (out if isinstance(out, tuple) else (out,))]

    return _opened(run, lambda out: out)


def open_ncnn(source: Source, threads: int) -> Opened:
    import ncnn

    scores = source.without_arg_max()
    folder = tempfile.TemporaryDirectory(prefix="ncnn-")
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = net.opt.use_vulkan_compute = False
    param, weights = scores.ncnn(Path(folder.name))
    if net.load_param(str(param)) != 0 or net.load_model(str(weights)) != 0:
        raise Unwritable("ncnn does not load what pnnx wrote")
    inputs = [_ncnn_input(array) for array in source.inputs.values()]
    names = [f"out{i}" for i in range(len(scores.outputs))]

    def run() -> list[Any]:
        extractor = net.create_extractor()
        for i, array in enumerate(inputs):
            extractor.input(f"in{i}", ncnn.Mat(array))
        found = [extractor.extract(name) for name in names]
        if any(code != 0 for code, _ in found):
            raise Unwritable("ncnn cannot compute it")
        return [np.array(mat, copy=False) for _, mat in found]

    note = "" if scores is source else "without the arg-max, which ncnn does not have"
    opened = _opened(run, lambda out: [np.array(x) for x in out] if scores is source else [np.argmax(out[0], 0)], note)
    opened.keep += [folder, net]
    return opened


def _ncnn_input(array: Array) -> Array:
    """ncnn has no batch axis."""
    if array.dtype == np.int64:
        return array.astype(np.int32)
    return np.ascontiguousarray(array[0] if array.ndim > 1 and array.shape[0] == 1 else array)


def open_mnn(source: Source, threads: int) -> Opened:
    """The session interface, twice as fast from Python as modules; networks with loops run only as modules."""
    import MNN

    path, inputs = source.file("model.mnn"), list(source.inputs.items())
    interpreter = MNN.Interpreter(path)
    session = interpreter.createSession({"numThread": threads, "precision": "high", "backend": "CPU"})
    found = [interpreter.getSessionOutput(session, name) for name in source.outputs]
    if any(tensor is None or not tensor.getShape() or 0 in tensor.getShape() for tensor in found):
        return _mnn_module(path, source, threads)
    kinds = {np.dtype(np.int32): MNN.Halide_Type_Int, np.dtype(np.float32): MNN.Halide_Type_Float}
    layout = MNN.Tensor_DimensionType_Caffe
    feeds = [
        (interpreter.getSessionInput(session, name), MNN.Tensor(array.shape, kinds[array.dtype], array, layout))
        for name, array in inputs
    ]
    shapes = [tensor.getShape() for tensor in found]

    def run() -> list[Any]:
        for tensor, values in feeds:
            tensor.copyFrom(values)
        interpreter.runSession(session)
        results = [MNN.Tensor(shape, MNN.Halide_Type_Float, np.empty(shape, np.float32), layout) for shape in shapes]
        for tensor, result in zip(found, results, strict=True):
            tensor.copyToHostTensor(result)
        return results

    opened = _opened(run, lambda out: [np.array(tensor.getNumpyData()) for tensor in out])
    opened.keep += [interpreter, session]
    return opened


def _mnn_module(path: str, source: Source, threads: int) -> Opened:
    from MNN import expr, nn

    high = expr.PrecisionMode.High
    names = [list(source.inputs), list(source.outputs)]
    module = nn.load_module_from_file(path, *names, precision_mode=high, thread_num=threads)
    kinds = {np.dtype(np.int32): expr.int, np.dtype(np.float32): expr.float}

    def run() -> list[Any]:
        feeds = []
        for array in source.inputs.values():
            feeds.append(expr.placeholder(list(array.shape), expr.NCHW, kinds[array.dtype]))
            feeds[-1].write(array)
        out = module.forward(feeds)
        return [x.read() for x in (out if isinstance(out, list | tuple) else [out])]

    return _opened(run, lambda out: out, "as a module, because it has loops")


def open_litert(source: Source, threads: int) -> Opened:
    """With XNNPACK, its default.  Pictures are channels last, and come so."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(source.file("model.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    slots = sorted(interpreter.get_input_details(), key=lambda slot: slot["name"])
    results = [slot["index"] for slot in interpreter.get_output_details()]
    feeds, turned = [], False
    for slot, array in zip(slots, source.inputs.values(), strict=True):
        if tuple(slot["shape"]) != array.shape:
            array, turned = np.ascontiguousarray(array.transpose(0, 2, 3, 1)), True
        feeds.append((slot["index"], array))

    def run() -> list[Any]:
        for index, array in feeds:
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in results]

    return _opened(run, lambda out: [x.transpose(0, 3, 1, 2) if turned and x.ndim == 4 else x for x in out])


def open_executorch(source: Source, threads: int) -> Opened:
    """With XNNPACK, to which the export gave whatever it takes."""
    import torch
    from executorch.extension.pybindings import portable_lib

    torch.set_num_threads(threads)
    portable_lib._unsafe_reset_threadpool(threads)
    module = portable_lib._load_for_executorch(source.file("model.pte"))
    inputs = [torch.from_numpy(array) for array in source.inputs.values()]
    return _opened(lambda: module.forward(inputs), lambda out: [x.numpy() for x in out])


def _opened(run: Run, arrays: Callable[[Any], list[Any]], note: str = "") -> Opened:
    last: list[Any] = [None]

    def kept() -> None:
        last[0] = run()

    return Opened(kept, lambda: [np.asarray(x) for x in arrays(last[0])], note)


PEERS: dict[str, Callable[[Source, int], Opened]] = {
    "onnxruntime": open_onnxruntime,
    "openvino": open_openvino,
    "ncnn": open_ncnn,
    "mnn": open_mnn,
    "litert": open_litert,
    "executorch": open_executorch,
    "torch": open_torch,
    "torch-frozen": open_torch_frozen,
}
