"""The source of the generated module.

A model file is data from strangers: each of its names goes through `names.identifiers`, each of its texts through
`names.literal` or `names.docstring`, and numbers are printed as numbers.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.card.names import model_type
from pyruntime.description import FeatureDescription, ModelDescription, describe_model
from pyruntime.errors import MLModelError
from pyruntime.generate.features import input_type, output_type, phrase
from pyruntime.generate.names import TAKEN, class_identifier, docstring, identifiers, literal
from pyruntime.generate.templates import IMPORTS, MODEL, UPDATE

FEW = 100
"""Class labels up to which there is an enum."""


@dataclass(frozen=True)
class Attribute:
    """A feature in a class.  type: its annotation without None."""

    feature: FeatureDescription
    name: str
    type: str

    @property
    def declared(self) -> str:
        """As a field, and as a parameter."""
        return f"{self.name}: {self.type} | None = None" if self.feature.is_optional else f"{self.name}: {self.type}"


def generate_classes(model: str | os.PathLike[str], class_name: str | None = None) -> str:
    """Python source with typed classes for the model file at `model`.

    class_name: of the class X; by default made of the file's name.  XInput, XOutput, XLabel for a classifier with few
    labels that stay, and XTrainingInput for an updatable model are named after it.

    Raises what reading the file raises, and MLModelError for a class name that Python cannot have.
    """
    from pyruntime.card.read import open_messages

    if class_name is not None and (not class_name.isidentifier() or not class_name.isascii() or class_name in TAKEN):
        raise MLModelError(f"class name {class_name!r}: expected a name that a Python class can have, such as Sticker")
    spec, _ = open_messages(model)
    file = os.path.basename(os.path.normpath(model))
    return _Module(file, spec, class_name or class_identifier(os.path.splitext(file)[0])).source()


class _Module:
    """One model's module, put together from blocks of lines."""

    def __init__(self, file: str, spec: Any, name: str) -> None:
        self.file, self.name = file, name
        self.spec = spec
        self.description: ModelDescription = describe_model(spec)
        d = self.description
        self.labels = self._labels()
        taken = [f"{name}{part}" for part in ("", "Input", "Output", "TrainingInput", "Label")]
        self.inputs = self._attributes(d.inputs, input_type, taken)
        self.outputs = self._attributes(d.outputs, output_type, taken)
        self.training = self._attributes(d.training_inputs, input_type, taken) if d.is_updatable else []

    def _labels(self) -> tuple[str, ...] | tuple[int, ...]:
        """Those of the enum; none where they are many, or where an update adds some."""
        labels = self.description.class_labels
        feature = self.description.output_descriptions_by_name.get(self.description.predicted_feature_name)
        if not labels or len(labels) > FEW or feature is None or feature.kind not in ("string", "int64"):
            return ()
        if isinstance(labels[0], str) != (feature.kind == "string"):
            return ()
        return () if self.description.is_updatable and _grows(self.spec) else labels

    def _attributes(self, features: Sequence[FeatureDescription], type_of: Any, taken: list[str]) -> list[Attribute]:
        names = identifiers([feature.name for feature in features], taken=taken)
        return [Attribute(f, name, self._type(f, type_of(f))) for f, name in zip(features, names, strict=True)]

    def _type(self, feature: FeatureDescription, otherwise: str) -> str:
        named = feature.name == self.description.predicted_feature_name and feature.kind in ("string", "int64")
        return f"{self.name}Label" if named and self.labels else otherwise

    def source(self) -> str:
        blocks = [self._label_class()] if self.labels else []
        blocks.append(self._features_class("Input", "Inputs", self.inputs))
        blocks.append(self._output_class())
        if self.training:
            blocks.append(self._features_class("TrainingInput", "One example to learn from", self.training))
        blocks.append(self._model_class())
        body = "\n\n\n".join("\n".join(block) for block in blocks)
        told = f"Typed classes of {self.file}, written by `pyruntime generate`: generate them again to change them."
        head = docstring([told], "")
        lines = [*head, "# isort: skip_file", "", "from __future__ import annotations", "", *_imports(body)]
        return "\n".join(lines) + f"\n\n\n{body}\n"

    def _label_class(self) -> list[str]:
        base = "str, Enum" if isinstance(self.labels[0], str) else "IntEnum"
        names = identifiers([str(label) for label in self.labels], upper=True, start="LABEL")
        members = [
            f"    {name} = {literal(label, '    ') if isinstance(label, str) else label}"
            for name, label in zip(names, self.labels, strict=True)
        ]
        return [f"class {self.name}Label({base}):", f'    """Class labels of {self.name}."""', "", *members]

    def _features_class(self, suffix: str, what: str, attributes: list[Attribute]) -> list[str]:
        lines = ["@dataclass(eq=False)", f"class {self.name}{suffix}(TypedFeatures):"]
        return [*lines, f'    """{what} of {self.name}."""', *self._fields(attributes)]

    def _output_class(self) -> list[str]:
        lines = ["@dataclass(eq=False)", f"class {self.name}Output(TypedFeatures):"]
        lines += [f'    """Outputs of {self.name}."""', *self._fields(self.outputs, outputs=True), ""]
        lines += ["    @classmethod"]
        lines += [f"    def from_features(cls, features: Mapping[str, Any]) -> {self.name}Output:"]
        lines += ['        """From outputs by the model\'s names."""', "        return cls("]
        for one in self.outputs:
            value = f"features[{literal(one.feature.name, ' ' * 12)}]"
            lines.append(f"            {one.name}={f'{one.type}({value})' if one.type.endswith('Label') else value},")
        return [*lines, "        )"]

    def _fields(self, attributes: list[Attribute], *, outputs: bool = False) -> list[str]:
        """Required ones first, as dataclasses want them."""
        lines = []
        for one in sorted(attributes, key=lambda one: one.feature.is_optional and not outputs):
            lines += ["", f"    {f'{one.name}: {one.type}' if outputs else one.declared}"]
            lines += docstring([f"{_sentence(one.feature.description)}{_first_upper(phrase(one.feature))}."], "    ")
        pairs = [f'        {literal(one.feature.name, " " * 8)}: "{one.name}",' for one in attributes]
        return [*lines, "", "    attributes_by_feature: ClassVar[Mapping[str, str]] = {", *pairs, "    }"]

    def _model_class(self) -> list[str]:
        d = self.description
        about = [d.short_description or f"{model_type(self.spec)}."]
        told = (("Author", d.author), ("License", d.license), ("Version", d.version))
        about += [_sentence(f"{what}: {text}") for what, text in told if text]
        about.append(f"{model_type(self.spec)}. `model` may be set to another model with the same features.")
        required = sorted(self.inputs, key=lambda one: one.feature.is_optional)
        text = MODEL + (UPDATE if self.training else "")
        parameters = ["self", "/", *(["*"] if required else []), *(one.declared for one in required)]
        for key, value in (
            ("«PARAMETERS»", _joined(parameters)),
            ("«X»", self.name),
            ("«FILE»", literal(self.file, " " * 8)),
        ):
            text = text.replace(key, value)
        return [f"class {self.name}:", *docstring(about, "    "), "", *text.strip("\n").split("\n")]


def _imports(body: str) -> list[str]:
    """Only what the body uses; words of docstrings are no uses."""
    there = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = []
    for line, names in IMPORTS:
        used = [name for name in names if name in there]
        if used:
            lines.append(line.format(", ".join(used)))
        elif not names:
            lines.append(line)
    return lines


def _joined(parameters: Sequence[str]) -> str:
    """In the line, or on lines of their own."""
    line = ", ".join(parameters)
    return line if len(line) < 60 else "".join(f"\n        {one}," for one in parameters) + "\n    "


def _grows(spec: Any) -> bool:
    """Whether an update adds labels: that of a k-NN does."""
    kind = spec.WhichOneof("Type")
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        parts = (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models
        return any(map(_grows, parts))
    return bool(kind == "kNearestNeighborsClassifier")


def _sentence(text: str) -> str:
    """The author's text as a sentence before ours."""
    text = " ".join(text.split())
    return "" if not text else f"{text} " if text[-1] in ".!?" else f"{text}. "


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
