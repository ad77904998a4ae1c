"""Names of the format as people write them."""

from __future__ import annotations

import re
from typing import Any

SYSTEMS = {
    1: "iOS 11", 2: "iOS 11.2", 3: "iOS 12", 4: "iOS 13", 5: "iOS 14", 6: "iOS 15", 7: "iOS 16", 8: "iOS 17",
    9: "iOS 18", 10: "iOS 26",
}  # fmt: skip
"""The first system that reads a specification version."""

_ABBREVIATIONS = {"glm": "GLM", "ml": "ML"}


def type_name(kind: str) -> str:
    """ "kNearestNeighborsClassifier" -> "K Nearest Neighbors Classifier"."""
    words = re.findall(r"[a-z]+|[A-Z][a-z]*", kind)
    return " ".join(_ABBREVIATIONS.get(word, word[:1].upper() + word[1:]) for word in words)


def model_type(spec: Any) -> str:
    """ "Pipeline: Neural Network → K Nearest Neighbors Classifier"; pipelines inside stand in brackets."""
    kind = spec.WhichOneof("Type")
    if not kind.startswith("pipeline"):
        return type_name(kind)
    pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
    return f"Pipeline: {_chain(pipeline)}"


def _chain(pipeline: Any) -> str:
    inner = [model_type(model).removeprefix("Pipeline: ") for model in pipeline.models]
    nested = [model.WhichOneof("Type").startswith("pipeline") for model in pipeline.models]
    return " → ".join(f"({text})" if is_nested else text for text, is_nested in zip(inner, nested, strict=True))
