"""A folder of pictures as training data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pyruntime.description import FeatureDescription, ImageConstraint
from pyruntime.errors import FeatureTypeError
from pyruntime.images import ImageOptions, load_image

SUFFIXES = (".png", ".jpg", ".jpeg")


class ImageFolderProvider:
    """Examples from a folder that has one folder of PNG or JPEG files per class; files are opened when asked for.

    feature: the model's image input; pictures are converted to its size and mode.
    input_name, label_name: how the examples call picture and class; by default the feature's name, and "label".
    label_type: str, or int for models whose labels are numbers (then folders are named by numbers).
    Classes and files come in the order of their names; hidden ones are left out.
    Raises FeatureTypeError when the folder cannot be read or has no pictures in it.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        feature: FeatureDescription,
        input_name: str | None = None,
        label_name: str = "label",
        *,
        label_type: type[str] | type[int] = str,
        options: ImageOptions | None = None,
    ) -> None:
        if not isinstance(feature.constraint, ImageConstraint):
            raise FeatureTypeError(
                f"feature {feature.name!r}: expected an image to read a folder for, it is {feature.type_name}"
            )
        self._constraint, self._options = feature.constraint, options
        self._input, self._label = input_name or feature.name, label_name
        self.files: tuple[tuple[Path, str | int], ...] = tuple(
            (file, _label(place, label_type))
            for place in _entries(Path(folder))
            if place.is_dir()
            for file in _pictures(place)
        )
        if not self.files:
            raise FeatureTypeError(
                f"folder {os.fspath(folder)}: no pictures in it; "
                f"expected one folder per class with {' or '.join(SUFFIXES)} files"
            )

    @property
    def labels(self) -> tuple[str | int, ...]:
        """The classes that have pictures."""
        return tuple(dict.fromkeys(label for _, label in self.files))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        path, label = self.files[index]
        return {self._input: load_image(path, self._constraint, self._options), self._label: label}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if not place.name.startswith("."))
    except OSError as error:
        raise FeatureTypeError(f"folder {folder}: cannot be read: {error.strerror}") from None


def _pictures(folder: Path) -> list[Path]:
    return [place for place in _entries(folder) if place.suffix.lower() in SUFFIXES]


def _label(folder: Path, label_type: type[str] | type[int]) -> str | int:
    try:
        return label_type(folder.name)
    except ValueError:
        raise FeatureTypeError(
            f"folder {folder}: expected a whole number as its name, labels of this model are numbers"
        ) from None
