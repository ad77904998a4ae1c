"""What stands on the command line, or in a JSON file, as feature values."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyruntime.cli.pictures import open_image
from pyruntime.description import (
    DictionaryConstraint,
    FeatureDescription,
    ImageConstraint,
    MultiArrayConstraint,
)
from pyruntime.errors import FeatureTypeError

Note = Callable[[str], None]
MAX_JSON_BYTES = 1 << 30


def from_text(feature: FeatureDescription, text: str, note: Note) -> Any:
    """The value of a feature from the command line.

    Images: a path.  Arrays: numbers separated by commas, JSON, or the path of a .npy, .npz or .json file.
    Dictionaries and sequences: JSON or the path of a .json file.  Raises FeatureTypeError.
    """
    if feature.kind in ("image", "string"):
        return from_json(feature, text, note, Path())
    if feature.kind in ("int64", "double"):
        return _number(feature, text)
    if text.endswith((".npy", ".npz")):
        return _array_file(feature, text)
    if text.endswith(".json"):
        return from_json(feature, read_json(text), note, Path(text).parent)
    if feature.kind == "multiArray" and text.lstrip()[:1] not in ("[", "{"):
        return _shaped(feature, [_number(feature, part) for part in text.split(",")])
    return from_json(feature, _parsed(text, f"feature {feature.name!r}"), note, Path())


def from_json(feature: FeatureDescription, value: Any, note: Note, folder: Path) -> Any:
    """The value of a feature from JSON; relative paths of images and arrays start at `folder`."""
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        if not isinstance(value, str):
            raise _wrong(feature, "the path of an image file", value)
        picture, change = open_image(str(folder / value), feature, constraint)
        if change:
            note(change)
        return picture
    if isinstance(constraint, MultiArrayConstraint):
        if isinstance(value, str) and value.endswith((".npy", ".npz")):
            return _array_file(feature, str(folder / value))
        return _shaped(feature, value)
    if isinstance(constraint, DictionaryConstraint):
        if not isinstance(value, dict):
            raise _wrong(feature, 'a JSON object such as {"word": 1}', value)
        return {_key(feature, constraint, key): number for key, number in value.items()}
    return value


def _key(feature: FeatureDescription, constraint: DictionaryConstraint, key: str) -> str | int:
    if constraint.key == "String":
        return key
    try:
        return int(key)
    except ValueError:
        raise _wrong(feature, "whole numbers as keys", key) from None


def _number(feature: FeatureDescription, text: str) -> int | float:
    kinds: tuple[type[int] | type[float], ...] = (int,) if feature.kind == "int64" else (int, float)
    for kind in kinds:
        try:
            return kind(text)
        except ValueError:
            pass
    what = (
        "a whole number" if feature.kind == "int64" else "a number" if feature.kind == "double" else feature.type_name
    )
    raise _wrong(feature, what, text)


def _shaped(feature: FeatureDescription, value: Any) -> Any:
    """Numbers as an array; a flat list takes the declared shape when it has as many numbers."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:
        raise _wrong(feature, f"{feature.type_name}, rows of equal length", "rows of different lengths") from None
    if array.dtype.kind not in "fiub":
        raise _wrong(feature, f"{feature.type_name}, numbers", value)
    return _declared(feature, array)


def _declared(feature: FeatureDescription, array: Any) -> Any:
    import math

    constraint = feature.constraint
    if isinstance(constraint, MultiArrayConstraint) and array.ndim <= 1 and array.size == math.prod(constraint.shape):
        return array.reshape(constraint.shape)
    return array


def _array_file(feature: FeatureDescription, path: str) -> Any:
    """The array of a .npy file, or the one named like the feature (or the only one) of a .npz file."""
    import zipfile

    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            names = loaded.files
            if feature.name not in names and len(names) != 1:
                raise _wrong(feature, f"{path} to have an array of that name", f"arrays {', '.join(names) or 'none'}")
            loaded = loaded[feature.name if feature.name in names else names[0]]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or has Python objects in it instead of numbers"
        raise FeatureTypeError(f"feature {feature.name!r}: expected an array, cannot read {path}: {reason}") from None
    return _declared(feature, loaded)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Contents of a JSON file.  Raises FeatureTypeError."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_JSON_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise FeatureTypeError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        ) from None
    return _parsed(text, str(path))


def read_json_lines(path: str | os.PathLike[str]) -> list[Any]:
    """A JSON list, one JSON value, or one JSON value per line.  Raises FeatureTypeError naming the line."""
    try:
        value = read_json(path)
        return value if isinstance(value, list) else [value]
    except FeatureTypeError:
        with open(path, encoding="utf-8") as file:
            lines = file.read(MAX_JSON_BYTES).splitlines()
        return [_parsed(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeatureTypeError(f"{where}: expected JSON, got {_short(text)!r} ({error})") from None


def _wrong(feature: FeatureDescription, expected: str, got: Any) -> FeatureTypeError:
    return FeatureTypeError(f"feature {feature.name!r}: expected {expected}, got {_short(got)!r}")


def _short(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) <= 60 else value[:57] + "…"
