"""Results of a prediction: as JSON, as files, as text."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pyruntime.description import ModelDescription
from pyruntime.errors import ModelIOError
from pyruntime.tables import columns, printable, table

BAR = 24
FIRST_NUMBERS = 5


def is_image(value: Any) -> bool:
    return hasattr(value, "mode") and hasattr(value, "save")


def save(outputs: Mapping[str, Any], folder: Path, stem: str) -> dict[str, str]:
    """Write arrays (.npy) and images (.png, .tiff) into `folder`: output -> path.  Raises ModelIOError."""
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in outputs.items():
            place = folder / f"{_file_name(stem)}.{_file_name(name)}"
            if is_image(value):
                path = f"{place}.{'tiff' if value.mode == 'F' else 'png'}"
                value.save(path)
            elif isinstance(value, np.ndarray):
                path = f"{place}.npy"
                np.save(path, value, allow_pickle=False)
            else:
                continue
            written[name] = path
    except OSError as error:
        raise ModelIOError(f"cannot write the outputs into {folder}: {error.strerror or error}") from None
    return written


def _file_name(text: str) -> str:
    """A name that stays in its folder, whatever the model calls its output."""
    return re.sub(r"[^\w.-]+", "_", text).strip(".")[:80] or "output"


def to_json(outputs: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Outputs for JSON.  Arrays that were saved are their file, type and shape; others nested lists."""
    return {name: _json_value(value, files.get(name)) for name, value in outputs.items()}


def _json_value(value: Any, file: str | None) -> Any:
    if is_image(value):
        return {"width": value.width, "height": value.height, "mode": value.mode, "file": file}
    if isinstance(value, np.ndarray):
        return value.tolist() if file is None else {"file": file, "dtype": str(value.dtype), "shape": list(value.shape)}
    return value.item() if isinstance(value, np.generic) else value


def one_line(outputs: Mapping[str, Any], description: ModelDescription) -> str:
    """The result of one of many examples: label and its probability, or all outputs in short."""
    label = outputs.get(description.predicted_feature_name)
    if label is None:
        return "  ".join(f"{name}: {summary(value)}" for name, value in outputs.items())
    scores = outputs.get(description.predicted_probabilities_name)
    score = scores.get(label) if isinstance(scores, dict) else None
    return f"{label}" if score is None else f"{label}  {score:.1%}"


def text(outputs: Mapping[str, Any], description: ModelDescription, files: Mapping[str, str], top: int) -> list[str]:
    """Lines about all outputs; probabilities as bars, the `top` largest."""
    plain = [
        (name, summary(value), files.get(name, "")) for name, value in outputs.items() if not isinstance(value, dict)
    ]
    lines = table(plain) if plain else []
    for name, value in outputs.items():
        if isinstance(value, dict):
            lines += [f"  {printable(name)}{_count(value, top)}", *_bars(value, top)]
    return lines


def _count(scores: Mapping[Any, float], top: int) -> str:
    return f" ({top} of {len(scores)})" if len(scores) > top else "" if scores else ": none yet"


def _bars(scores: Mapping[Any, float], top: int) -> list[str]:
    best = sorted(scores.items(), key=lambda item: -item[1])[:top]
    names = [printable(str(key)) for key, _ in best]
    width = max(map(columns, names), default=0)
    lines = []
    for name, (_, score) in zip(names, best, strict=True):
        bar = "█" * round(BAR * min(max(score, 0.0), 1.0)) if all(0 <= s <= 1.001 for _, s in best) else ""
        lines.append(f"    {name}{' ' * (width - columns(name))}  {score:8.4f}  {bar}".rstrip())
    return lines


def summary(value: Any) -> str:
    """A value in one line."""
    if is_image(value):
        return f"image {value.width} x {value.height}, {value.mode}"
    if isinstance(value, np.ndarray):
        return array_summary(value)
    if isinstance(value, dict):
        return f"{len(value)} scores"
    return f"{value:g}" if isinstance(value, float) else str(value)


def array_summary(array: np.ndarray[Any, Any]) -> str:
    """Type, shape, range, mean and the first numbers."""
    shape = " x ".join(map(str, array.shape))
    if array.size == 0:
        return f"{array.dtype} {shape}"
    first = ", ".join(f"{number:g}" for number in array.reshape(-1)[:FIRST_NUMBERS])
    if array.size <= FIRST_NUMBERS:
        return f"{first}  ({array.dtype} {shape})"
    range_ = f"min {array.min():g}, mean {array.mean(dtype=np.float64):g}, max {array.max():g}"
    return f"{array.dtype} {shape}: {range_}, first {first}, …"


def stem(name: str, index: int) -> str:
    """The beginning of file names for example `index`, called `name`."""
    return f"{index:04d}-{Path(name.split(',')[0].split(os.sep)[-1]).stem}"
