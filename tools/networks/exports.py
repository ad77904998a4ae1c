"""One function per format: writes a network's file into its folder.

torch comes first: `model.pt`, the traced network, and `reference.npz`, inputs and PyTorch's outputs as in0, out0, …
Others are made from the network or from a file that is already there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from catalogue import Inputs, Network, prepared
from torch import nn


class ExportError(Exception):
    """A converter did not do its work; the message is for the reader of the race."""


def load(network: Network, folder: Path) -> tuple[nn.Module, Inputs]:
    """The network with the weights of `model.pt`: other versions of PyTorch may draw other random numbers."""
    module, inputs = prepared(network)
    saved = folder / "model.pt"
    if saved.exists():
        module.load_state_dict(torch.jit.load(str(saved)).state_dict())
        with np.load(folder / "reference.npz") as reference:
            inputs = tuple(torch.from_numpy(reference[f"in{i}"]) for i in range(len(inputs)))
    return module, inputs


def write_torch(network: Network, folder: Path) -> None:
    module, inputs = prepared(network)
    found = module(*inputs)
    outputs = found if isinstance(found, tuple) else (found,)
    arrays = {f"{kind}{i}": x.numpy() for kind, some in (("in", inputs), ("out", outputs)) for i, x in enumerate(some)}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ExportError("the network's own answer is not finite")
    np.savez(folder / "reference.npz", **arrays)
    torch.jit.trace(module, inputs, check_trace=False).save(str(folder / "model.pt"))


def write_coreml(network: Network, folder: Path) -> None:
    import coremltools as ct

    module, inputs = load(network, folder)
    kinds = {torch.int32: np.int32, torch.float32: np.float32}
    types = [ct.TensorType(name=f"in{i}", shape=tuple(x.shape), dtype=kinds[x.dtype]) for i, x in enumerate(inputs)]
    names = [ct.TensorType(name=f"out{i}") for i in range(network.outputs)]
    traced = torch.jit.trace(module, inputs, check_trace=False)
    model = ct.convert(traced, inputs=types, outputs=names, convert_to="neuralnetwork")
    ct.utils.save_spec(model.get_spec(), str(folder / "model.mlmodel"))


def write_onnx(network: Network, folder: Path) -> None:
    module, inputs = load(network, folder)
    torch.onnx.export(
        module, inputs, str(folder / "model.onnx"), opset_version=17, dynamo=False,
        input_names=[f"in{i}" for i in range(len(inputs))],
        output_names=[f"out{i}" for i in range(network.outputs)],
    )  # fmt: skip


def write_ncnn(network: Network, folder: Path) -> None:
    """Through pnnx, the converter that ncnn recommends."""
    import pnnx

    _, inputs = load(network, folder)
    kinds = {torch.int32: "i32", torch.float32: "f32"}
    shapes = ",".join(f"[{','.join(map(str, x.shape))}]{kinds[x.dtype]}" for x in inputs)
    before = set(folder.iterdir())
    _run(
        Path(pnnx.__file__).parent / "pnnx", "model.pt", f"inputshape={shapes}", "fp16=0",
        "ncnnparam=model.ncnn.param", "ncnnbin=model.ncnn.bin", folder=folder,
    )  # fmt: skip
    for made in set(folder.iterdir()) - before:
        if not made.name.startswith("model.ncnn"):
            made.unlink()
    lines = (folder / "model.ncnn.param").read_text().splitlines()[2:]
    unknown = sorted({kind for kind in (line.split()[0] for line in lines) if kind[:1].islower() or "." in kind})
    if unknown:
        raise ExportError(f"ncnn has no {', '.join(unknown)}")


def write_mnn(network: Network, folder: Path) -> None:
    """MNN's converter as a function: its command line installs packages and reports its use."""
    from environments import environment

    words = ["mnnconvert", "-f", "ONNX", "--modelFile", "model.onnx", "--MNNModel", "model.mnn", "--bizCode", "race"]
    _run(environment("mnn"), "-c", f"import _tools; _tools.mnnconvert({words!r})", folder=folder)
    if not (folder / "model.mnn").exists():
        raise ExportError("MNN's converter wrote nothing")


def write_tflite(network: Network, folder: Path) -> None:
    """Pictures channels last, as TensorFlow Lite's networks have them."""
    import litert_torch

    module, inputs = load(network, folder)
    if inputs[0].dim() == 4 and len(inputs) == 1:
        with np.load(folder / "reference.npz") as reference:
            pictures = [i for i in range(network.outputs) if reference[f"out{i}"].ndim == 4]
        module = litert_torch.to_channel_last_io(module, args=[0], outputs=pictures or None)
        inputs = (inputs[0].permute(0, 2, 3, 1).contiguous(),)
    litert_torch.convert(module.eval(), inputs).export(str(folder / "model.tflite"))


def write_executorch(network: Network, folder: Path) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    module, inputs = load(network, folder)
    program = torch.export.export(module, inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    (folder / "model.pte").write_bytes(lowered.buffer)


def _run(*words: Any, folder: Path) -> None:
    done = subprocess.run([*map(str, words)], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ExportError(f"the converter ended with {done.returncode}: {' '.join(said[-1:])}")


@dataclass(frozen=True)
class Format:
    """file: that says it is there.  needs: the format it is made from.  environment: of benchmarks/environments.py in
    which `write` runs, "" for the running Python."""

    file: str
    write: Callable[[Network, Path], None]
    needs: str = "torch"
    environment: str = ""


FORMATS: dict[str, Format] = {
    "torch": Format("model.pt", write_torch, needs=""),
    "coreml": Format("model.mlmodel", write_coreml),
    "onnx": Format("model.onnx", write_onnx),
    "ncnn": Format("model.ncnn.param", write_ncnn),
    "mnn": Format("model.mnn", write_mnn, needs="onnx"),
    "tflite": Format("model.tflite", write_tflite, environment="litert-torch"),
    "executorch": Format("model.pte", write_executorch, environment="executorch"),
}
