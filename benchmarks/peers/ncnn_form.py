"""A PyTorch module -> ncnn's two files, through pnnx, the converter that ncnn recommends."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import torch

from peers.network import PlainNetwork, Unwritable
from peers.torch_form import TorchForm


def write_ncnn(network: PlainNetwork, folder: Path) -> tuple[Path, Path]:
    """Paths of the .param and .bin files made in `folder`.  Raises Unwritable when ncnn lacks an operator."""
    inputs = tuple(torch.from_numpy(array) for array in network.inputs.values())
    traced = torch.jit.trace(TorchForm(network), inputs)
    source = folder / "network.pt"
    traced.save(str(source))
    _pnnx(source, inputs)
    param, weights = folder / "network.ncnn.param", folder / "network.ncnn.bin"
    if not param.exists():
        raise Unwritable("pnnx wrote no ncnn model")
    unknown = sorted(
        {line.split()[0] for line in param.read_text().splitlines()[2:] if line[:1].islower() or "." in line.split()[0]}
    )
    if unknown:
        raise Unwritable(f"ncnn has no {', '.join(unknown)}")
    return param, weights


def _pnnx(source: Path, inputs: tuple[torch.Tensor, ...]) -> None:
    import pnnx

    program = Path(pnnx.__file__).parent / "pnnx"
    names = {torch.float32: "f32", torch.int64: "i64"}
    shapes = ",".join(f"[{','.join(map(str, x.shape))}]{names[x.dtype]}" for x in inputs)
    with contextlib.redirect_stdout(io.StringIO()):
        done = subprocess.run(
            [program, source.name, f"inputshape={shapes}", "fp16=0"], cwd=source.parent, capture_output=True, text=True
        )
    if done.returncode != 0:
        raise Unwritable(f"pnnx failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
