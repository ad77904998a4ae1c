"""Networks that tools/networks built: one folder each, with a file per runtime and PyTorch's own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from peers.network import Array, Unwritable

FOLDER = Path(__file__).resolve().parents[1] / "build" / "networks"
ORDER = (
    "mobilenet_v1", "mobilenet_v2", "efficientnet_lite0", "resnet50", "squeezenet11", "googlenet", "vgg16",
    "yolov3_tiny", "deeplab_mv2", "style256", "bert_base_128", "minilm_128", "lstm2", "gru2", "gpt2_decode",
)  # fmt: skip
"""Of the table's rows; others follow."""
FORMATS = {".mlmodel": "coreml", ".param": "ncnn", ".tflite": "tflite", ".pte": "executorch", ".pt": "torch"}


@dataclass(frozen=True)
class ExportedNetwork:
    """inputs, expected: by name and in order; expected is what PyTorch computed."""

    folder: Path
    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.expected)

    def file(self, name: str) -> str:
        path = self.folder / name
        if path.exists():
            return str(path)
        reason = self.folder / f"{FORMATS.get(path.suffix, path.suffix[1:])}.reason"
        raise Unwritable(reason.read_text().strip() if reason.exists() else f"{name} was not exported")

    def onnx(self) -> str:
        return self.file("model.onnx")

    def traced(self) -> Any:
        import torch

        return torch.jit.load(self.file("model.pt"))

    def torch(self) -> Any:
        return self.traced()

    def ncnn(self, folder: Path) -> tuple[Path, Path]:
        return Path(self.file("model.ncnn.param")), Path(self.file("model.ncnn.bin"))

    def without_arg_max(self) -> ExportedNetwork:
        return self


def read_exported(folder: Path) -> ExportedNetwork:
    with np.load(folder / "reference.npz") as file:
        arrays = {kind: {k: file[k] for k in sorted(file.files) if k.startswith(kind)} for kind in ("in", "out")}
    return ExportedNetwork(folder, arrays["in"], arrays["out"])


def exported_folders(folder: Path = FOLDER) -> list[Path]:
    """Networks that are there, in the order of the table."""
    found = {path.parent.name: path.parent for path in folder.glob("*/reference.npz")}
    names = [*(name for name in ORDER if name in found), *sorted(set(found) - set(ORDER))]
    return [found[name].resolve() for name in names]
