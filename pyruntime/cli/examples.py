"""Examples to predict: from --input and --inputs to dictionaries of features."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyruntime.cli.failure import UsageError
from pyruntime.cli.values import from_json, from_text, read_json_lines
from pyruntime.description import FeatureDescription, ModelDescription
from pyruntime.errors import FeatureTypeError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
ARRAYS = (".npy", ".npz", ".json")


@dataclass(frozen=True)
class Example:
    """name: how the result calls it, a path if it has one.  load: reads its files and gives the features."""

    name: str
    load: Callable[[Callable[[str], None]], dict[str, Any]]


def from_options(inputs: Sequence[Sequence[str]], file: str | None, description: ModelDescription) -> list[Example]:
    """The examples that --input (each with one or more values) and --inputs ask for."""
    if inputs and file:
        raise UsageError("--input and --inputs cannot be used together")
    if file:
        return _from_file(file, description)
    named: dict[str, list[str]] = {}
    for group in inputs:
        name, values = _named(group, description)
        named.setdefault(name, []).extend(values)
    return _from_texts(named, description)


def _named(group: Sequence[str], description: ModelDescription) -> tuple[str, list[str]]:
    """The input that `name=value …` or, for a model with one input, `value …` is for."""
    names = list(description.input_descriptions_by_name)
    name, equals, rest = group[0].partition("=")
    if equals and name in names:
        return name, [rest, *group[1:]]
    needed = [feature.name for feature in description.inputs if not feature.is_optional]
    only = needed if len(needed) == 1 else names
    if len(only) == 1 and (not equals or os.path.exists(group[0])):
        return only[0], list(group)
    listed = ", ".join(f"{feature.name}: {feature.type_name}" for feature in description.inputs[:10])
    raise FeatureTypeError(
        f"--input {group[0]}: expected NAME=VALUE with an input of the model, which takes {listed}"
        f"{', …' if len(names) > 10 else ''}"
    )


def _from_texts(named: Mapping[str, list[str]], description: ModelDescription) -> list[Example]:
    features = description.input_descriptions_by_name
    expanded = {name: list(_expanded(features[name], values)) for name, values in named.items()}
    total = max((len(values) for values in expanded.values()), default=1)
    for name, values in expanded.items():
        if len(values) not in (1, total):
            raise UsageError(
                f"--input {name}: got {len(values)} values, another input has {total}; give one or as many"
            )
    return [_example({n: v[i] if len(v) > 1 else v[0] for n, v in expanded.items()}, features) for i in range(total)]


def _expanded(feature: FeatureDescription, values: Sequence[str]) -> Iterator[str]:
    """Values, with the files inside instead of a folder."""
    suffixes = {"image": PICTURES, "multiArray": ARRAYS, "dictionary": (".json",)}.get(feature.kind)
    for value in values:
        if suffixes is None or not value or not os.path.isdir(value):
            yield value
            continue
        files = sorted(file for file in Path(value).rglob("*") if file.suffix.lower() in suffixes)
        if not files:
            raise FeatureTypeError(
                f"feature {feature.name!r}: no file in the folder {value} ends in {', '.join(suffixes)}"
            )
        yield from map(str, files)


def _example(texts: Mapping[str, str], features: Mapping[str, FeatureDescription]) -> Example:
    def load(note: Callable[[str], None]) -> dict[str, Any]:
        return {name: from_text(features[name], text, note) for name, text in texts.items()}

    return Example(", ".join(texts.values()), load)


def _from_file(path: str, description: ModelDescription) -> list[Example]:
    values = read_json_lines(path)
    if not values:
        raise FeatureTypeError(f"{path} has no examples in it, expected objects such as {_sample(description)}")
    return [
        from_object(value, f"{path}, {i}", Path(path).parent, description.inputs) for i, value in enumerate(values, 1)
    ]


def from_object(value: Any, where: str, folder: Path, features: Sequence[FeatureDescription]) -> Example:
    """An example from a JSON object of features.  Raises FeatureTypeError naming `where` when it is none."""
    known = {feature.name: feature for feature in features}
    if not isinstance(value, dict):
        raise FeatureTypeError(
            f"{where}: expected an object with the features {', '.join(known)}, got a {type(value).__name__}"
        )
    unknown = [name for name in value if name not in known]
    if unknown:
        raise FeatureTypeError(f"{where}: {unknown[0]!r} is no input of the model, which takes {', '.join(known)}")

    def load(note: Callable[[str], None]) -> dict[str, Any]:
        try:
            return {name: from_json(known[name], item, note, folder) for name, item in value.items()}
        except FeatureTypeError as error:
            raise FeatureTypeError(f"{where}: {error}") from None

    return Example(where, load)


def _sample(description: ModelDescription) -> str:
    return "{" + ", ".join(f'"{feature.name}": …' for feature in description.inputs[:3]) + "}"
