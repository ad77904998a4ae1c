"""Image files as a model takes them, and what was done to them."""

from __future__ import annotations

from typing import Any

from pyruntime.description import FeatureDescription, ImageConstraint
from pyruntime.errors import FeatureTypeError
from pyruntime.images import load_image


def open_image(path: str, feature: FeatureDescription, image: ImageConstraint) -> tuple[Any, str]:
    """The picture in the model's size and mode, and a sentence about what was changed, "" for nothing."""
    try:
        picture = load_image(path, image)
    except FeatureTypeError as error:
        raise FeatureTypeError(f"feature {feature.name!r}: {error}") from None
    from PIL import Image

    with Image.open(path) as file:  # the header only
        mode, (width, height) = file.mode, file.size
    changes = [f"from {mode} to {picture.mode}"] if mode != picture.mode else []
    if {width, height} != {picture.width, picture.height}:  # a picture that was only turned kept its size
        changes.append(f"from {width} x {height} to {picture.width} x {picture.height} pixels")
    return picture, f"input {feature.name!r}: image converted {', '.join(changes)}" if changes else ""
