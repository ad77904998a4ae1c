"""Image files as a model takes them."""

from __future__ import annotations

from typing import Any

from pyruntime.description import FeatureDescription, ImageConstraint
from pyruntime.errors import FeatureTypeError


def open_image(path: str, feature: FeatureDescription, image: ImageConstraint) -> tuple[Any, str]:
    """The picture in the model's size and mode, and a sentence about what was changed, "" for nothing.

    Turned as its EXIF orientation says; stretched to the size, without keeping its proportions.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            picture.load()
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is no image, damaged, or of a kind that Pillow does not read"
        raise FeatureTypeError(
            f"feature {feature.name!r}: expected an image file, cannot read {path}: {reason}"
        ) from None
    changes = []
    if picture.mode != image.mode:
        changes.append(f"from {picture.mode} to {image.mode}")
        picture = picture.convert(image.mode)
    if not image.allows(*picture.size):
        changes.append(f"from {picture.width} x {picture.height} to {image.width} x {image.height} pixels")
        picture = picture.resize((image.width, image.height), Image.Resampling.BILINEAR)
    return picture, f"input {feature.name!r}: image converted {', '.join(changes)}" if changes else ""
