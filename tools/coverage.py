"""Writes docs/coverage.md from the lists that the program itself uses: `tools/coverage.py [--check]`.

--check: exit 1 when the stored page is not what the lists say.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pyruntime.layers.families  # noqa: F401  (files every layer function under its name)
from pyruntime.engines.registry import ENGINES
from pyruntime.layers.registry import LAYERS
from pyruntime.model_types import APPLE_ONLY
from pyruntime.native import lib
from pyruntime.spec import messages

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
LEVEL = re.compile(r"_(ref|avx2|avx512|neon)\.c$")


def layers() -> list[str]:
    """One line per layer type of the format."""
    lines = ["| layer | number | runs | lowered in |", "| --- | --: | --- | --- |"]
    oneof = messages.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"]
    for field in sorted(oneof.fields, key=lambda f: f.number):
        function = LAYERS[field.name].lower if field.name in LAYERS else None
        where = f"`layers/{function.__module__.rsplit('.', 1)[-1]}.py`" if function else ""
        lines.append(f"| {field.name} | {field.number} | {'yes' if function else ''} | {where} |")
    total = len(oneof.fields)
    return [f"{len(LAYERS)} of {total} layer types run.", "", *lines]


def model_types() -> list[str]:
    """One line per model type of the format."""
    lines = ["| model type | runs |", "| --- | --- |"]
    oneof = messages.Model.DESCRIPTOR.oneofs_by_name["Type"]
    for field in oneof.fields:
        state = "yes" if field.name in ENGINES else "only on Apple's systems" if field.name in APPLE_ONLY else ""
        lines.append(f"| {field.name} | {state} |")
    return lines


def families() -> list[str]:
    """Which C families have files for which instruction-set level."""
    levels = [level for level in lib.levels() if level != "ref"]
    lines = [f"| family | {' | '.join(levels)} |", f"| --- |{' --- |' * len(levels)}"]
    for folder in sorted([*(ROOT / "csrc" / "ops").iterdir(), ROOT / "csrc" / "knn"]):
        if not folder.is_dir():
            continue
        there = {m.group(1) for path in folder.glob("*.c") if (m := LEVEL.search(path.name))}
        lines.append(f"| {folder.name} | {' | '.join('yes' if level in there else '' for level in levels)} |")
    return lines


def page() -> str:
    parts = [
        "# Coverage",
        "Written by `tools/coverage.py` from the lists that the program uses. Empty: not yet; such a model is refused "
        "with the layer's name. Numbers are float32 throughout; quantized and half-precision weights are expanded when "
        "a model is compiled.",
        "## Model types",
        "\n".join(model_types()),
        "## Layers of neural networks",
        "\n".join(layers()),
        "## Fast kernels by instruction set",
        "Every operator has a plain C reference; these families have more.",
        "\n".join(families()),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
