"""Examples to learn from: a folder with one folder per class, or JSON objects of features."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from pyruntime.cli.examples import PICTURES, Example, from_object
from pyruntime.cli.values import from_json, read_json_lines
from pyruntime.description import FeatureDescription, ImageConstraint, ModelDescription
from pyruntime.errors import FeatureTypeError, UpdateError
from pyruntime.image_folder import SUFFIXES, ImageFolderProvider

Note = Callable[[str], None]


@dataclass(frozen=True)
class Labelled:
    """An example and its class, "" when classes are not known."""

    example: Example
    label: str


class Examples(Sequence[dict[str, Any]]):
    """Examples read when they are asked for.  read: told how many were read so far, at each reading."""

    def __init__(self, items: Sequence[Labelled], note: Note, read: Callable[[int], None] | None = None) -> None:
        self.items = tuple(items)
        self._note = note
        self._read = read
        self._count = 0

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Examples: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Examples:
        if isinstance(index, slice):
            return Examples(self.items[index], self._note, self._read)
        features = self.items[index].example.load(self._note)
        self._count += 1
        if self._read:
            self._read(self._count)
        return features

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({item.label for item in self.items if item.label}))


def read_examples(path: str, description: ModelDescription, note: Note, *, option: str = "--data") -> list[Labelled]:
    """The examples of a folder or JSON file.  option: where the path was given, for errors.

    Raises UpdateError when there are none, FeatureTypeError when they do not fit the model.
    """
    place = Path(path)
    if not place.exists():
        raise UpdateError(f"{option} {path}: there is no such folder or file; nothing was learned")
    items = _from_folder(place, description, note) if place.is_dir() else _from_json_lines(path, description)
    if not items:
        what = (
            f"folders of pictures ({', '.join(PICTURES)}), one folder per class" if place.is_dir() else "JSON objects"
        )
        raise UpdateError(f"{option} {path}: there are no examples in it, expected {what}; nothing was learned")
    return items


def _from_folder(folder: Path, description: ModelDescription, note: Note) -> list[Labelled]:
    image, label = _image_and_label(description)
    entries = [place for place in folder.iterdir() if not place.name.startswith(".")]
    if not any(place.is_dir() for place in entries) and any(file.suffix.lower() in PICTURES for file in entries):
        raise UpdateError(
            f"--data {folder}: its pictures lie in no class; put them into folders, such as {folder / 'cat'}"
        )
    kind = int if label.kind == "int64" else str
    files = ImageFolderProvider(folder, image, label_name=label.name, label_type=kind).files
    others = sum(len(list(place.glob("[!.]*"))) for place in entries if place.is_dir()) - len(files)
    if others > 0:
        note(f"{others} files in {folder} are no pictures with the names {', '.join(SUFFIXES)} and were left out")
    return [Labelled(_picture(file, image, label.name, value), str(value)) for file, value in files]


def _picture(file: Path, image: FeatureDescription, label: str, value: str | int) -> Example:
    return Example(str(file), lambda note: {image.name: from_json(image, str(file), note, Path()), label: value})


def _image_and_label(description: ModelDescription) -> tuple[FeatureDescription, FeatureDescription]:
    images = [f for f in description.training_inputs if isinstance(f.constraint, ImageConstraint)]
    labels = [f for f in description.training_inputs if f.kind in ("string", "int64")]
    if len(images) == len(labels) == 1 and len(description.training_inputs) == 2:
        return images[0], labels[0]
    takes = ", ".join(f"{f.name}: {f.type_name}" for f in description.training_inputs)
    raise FeatureTypeError(
        f"--data: folders of classes fit models that learn an image and a label, this one takes {takes}; "
        "give a file with a JSON object of these features on each line"
    )


def _from_json_lines(path: str, description: ModelDescription) -> list[Labelled]:
    folder, label = Path(path).parent, description.predicted_feature_name
    return [
        Labelled(
            from_object(value, f"{path}, example {i}", folder, description.training_inputs),
            str(value.get(label, "")) if isinstance(value, dict) else "",
        )
        for i, value in enumerate(read_json_lines(path), 1)
    ]


def split(items: Sequence[Labelled], share: float, seed: int = 0) -> tuple[list[Labelled], list[Labelled]]:
    """(to learn from, held out): `share` of each class, but one example of it stays to learn from."""
    by_label: dict[str, list[Labelled]] = {}
    for item in items:
        by_label.setdefault(item.label, []).append(item)
    kept, held = [], []
    for label in sorted(by_label):
        group = by_label[label]
        random.Random(f"{seed} {label}").shuffle(group)
        count = min(round(share * len(group)), len(group) - 1)
        held += group[:count]
        kept += group[count:]
    return kept, held
