"""What quantization has changed: outputs of two models for the same inputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.description import ImageConstraint
from pyruntime.errors import BuildError
from pyruntime.model import MLModel


def compare_models(full_precision_model: Any, quantized_model: Any, sample_data: Any) -> None:
    """Print for every output how far two models differ.

    sample_data: a list of dictionaries of inputs; or, for a model with one image input, a folder of images, which are
        scaled to its size.
    Arrays and numbers: signal to noise in dB over all samples.  Labels: how many are the same.  Scores by label: how
    often the best one is.
    """
    first, second = (m if isinstance(m, MLModel) else MLModel(m) for m in (full_precision_model, quantized_model))
    samples = _images(first, sample_data) if isinstance(sample_data, str | os.PathLike) else list(sample_data)
    if not samples:
        raise BuildError("compare_models: there are no samples")
    pairs = [(first.predict(sample), second.predict(sample)) for sample in samples]
    print(f"{len(samples)} samples")
    for name in pairs[0][0]:
        print(f"{name}: {_describe([(a[name], b[name]) for a, b in pairs])}")


def _describe(values: list[tuple[Any, Any]]) -> str:
    example = values[0][0]
    if isinstance(example, Mapping):
        same = sum(max(a, key=a.get) == max(b, key=b.get) for a, b in values if a and b)
        return f"the best label is the same in {same} of {len(values)}"
    if isinstance(example, str | int):
        return f"the same in {sum(a == b for a, b in values)} of {len(values)}"
    a, b = (np.concatenate([np.asarray(v[side], np.float64).ravel() for v in values]) for side in (0, 1))
    noise = float(np.sum((a - b) ** 2))
    if noise == 0:
        return "identical"
    return f"signal to noise {10 * np.log10(max(float(np.sum(a**2)), 1e-300) / noise):.1f} dB"


def _images(model: MLModel, folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    from PIL import Image

    inputs = list(model.model_description.inputs)
    constraint = inputs[0].constraint if len(inputs) == 1 else None
    if not isinstance(constraint, ImageConstraint):
        raise BuildError("compare_models: a folder of images needs a model with one input, an image")
    samples = []
    for name in sorted(os.listdir(folder)):
        if name.lower().endswith((".png", ".jpg", ".jpeg", ".bmp")):
            with Image.open(os.path.join(folder, name)) as picture:
                size = (constraint.width, constraint.height)
                samples.append({inputs[0].name: picture.convert(constraint.mode).resize(size)})
    return samples
