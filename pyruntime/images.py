"""Image files and pictures as a model takes them: turned, cropped, scaled, converted.

Options are Core ML's (MLFeatureValue from an image).  What it leaves open is decided so: without options a picture is
stretched to the model's size (scale fill); a crop rectangle counts from the top left; resampling is bilinear, over the
whole covered area when it shrinks; scale fit fills up with black on both sides.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pyruntime.description import ImageConstraint
from pyruntime.errors import FeatureTypeError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 1 << 26
"""A file that says it has more (some need a kilobyte for a billion) is refused before it is read."""
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Pillow reads more, with less-used readers that strangers' files should not reach."""


class CropAndScale(IntEnum):
    """How a picture of other proportions gets the model's size; numbers are Vision's."""

    CENTER_CROP = 0
    SCALE_FIT = 1
    SCALE_FILL = 2
    SCALE_FIT_ROTATE_90_CCW = 257
    SCALE_FILL_ROTATE_90_CCW = 258


@dataclass(frozen=True)
class ImageOptions:
    """crop_rect: (x, y, width, height) of the part to use, as shares of the picture, 0 to 1; first of all steps.

    orientation: 1 to 8 as in EXIF; replaces what the file says.  None: the file's, or upright.
    """

    crop_and_scale: CropAndScale = CropAndScale.SCALE_FILL
    crop_rect: tuple[float, float, float, float] | None = None
    orientation: int | None = None

    def __post_init__(self) -> None:
        if self.crop_rect is not None:
            x, y, width, height = self.crop_rect
            if not (x >= 0 and y >= 0 and width > 0 and height > 0 and x + width <= 1 and y + height <= 1):
                raise FeatureTypeError(
                    f"crop_rect: expected x, y, width, height inside 0 to 1 of the picture, got {self.crop_rect}"
                )
        if self.orientation not in (None, *range(1, 9)):
            raise FeatureTypeError(f"orientation: expected 1 to 8 as in EXIF, got {self.orientation!r}")


def load_image(path: str | os.PathLike[str], image: ImageConstraint, options: ImageOptions | None = None) -> Image:
    """The picture of a file in the model's mode and size.

    Raises FeatureTypeError naming the file when it cannot be read, is no image, is damaged or far too large.
    """
    from PIL import Image as Pillow

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # asked before opening: a pipe would wait for a writer
            raise FeatureTypeError(f"image {os.fspath(path)}: it is not a regular file")
        with Pillow.open(path, formats=FORMATS) as file:
            width, height = file.size
            if width * height > MOST_PIXELS:
                raise FeatureTypeError(
                    f"image {os.fspath(path)}: {width} x {height} pixels are more than {MOST_PIXELS}; make it smaller"
                )
            file.load()
            return convert_image(file, image, options)
    except FeatureTypeError:
        raise
    except FileNotFoundError:
        raise FeatureTypeError(f"image {os.fspath(path)}: there is no such file") from None
    except Exception as error:  # readers of damaged files raise almost anything
        reason = getattr(error, "strerror", None) or f"no image, damaged, or of another kind than {', '.join(FORMATS)}"
        raise FeatureTypeError(f"image {os.fspath(path)}: cannot be read: {reason}") from None


def convert_image(picture: Image, image: ImageConstraint, options: ImageOptions | None = None) -> Image:
    """A Pillow image in the model's mode and size; one whose size the model takes is not scaled."""
    options = options or ImageOptions()
    picture = _in_mode(_upright(picture, options.orientation), image.mode)
    if options.crop_rect is not None:
        picture = _cropped(picture, options.crop_rect)
    return (
        picture if image.allows(*picture.size) else _scaled(picture, options.crop_and_scale, image.width, image.height)
    )


def _upright(picture: Image, orientation: int | None) -> Image:
    from PIL import ImageOps
    from PIL.Image import Transpose

    if orientation is None:
        return ImageOps.exif_transpose(picture)
    turns: dict[int, Any] = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }  # fmt: skip
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _in_mode(picture: Image, mode: str) -> Image:
    """Alpha is ignored; 16-bit gray keeps its brightness."""
    if picture.mode.startswith("I"):
        import numpy as np
        from PIL import Image as Pillow

        gray = np.clip(np.asarray(picture, np.int64) // 257, 0, 255).astype(np.uint8)
        picture = Pillow.fromarray(gray)
    return picture if picture.mode == mode else picture.convert(mode)


def _cropped(picture: Image, rect: tuple[float, float, float, float]) -> Image:
    x, y, width, height = rect
    left, top = round(x * picture.width), round(y * picture.height)
    right, bottom = round((x + width) * picture.width), round((y + height) * picture.height)
    left, top = min(left, picture.width - 1), min(top, picture.height - 1)
    return picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _scaled(picture: Image, how: CropAndScale, width: int, height: int) -> Image:
    from PIL.Image import Transpose

    if how > 256:
        picture, how = picture.transpose(Transpose.ROTATE_90), CropAndScale(how - 256)
    steps: dict[CropAndScale, Callable[[Image, int, int], Image]] = {
        CropAndScale.CENTER_CROP: _center_crop, CropAndScale.SCALE_FIT: _fit, CropAndScale.SCALE_FILL: _fill,
    }  # fmt: skip
    return steps[how](picture, width, height)


def _fill(picture: Image, width: int, height: int) -> Image:
    from PIL.Image import Resampling

    return picture.resize((width, height), Resampling.BILINEAR)


def _center_crop(picture: Image, width: int, height: int) -> Image:
    """The largest part in the middle that has the target's proportions."""
    from PIL.Image import Resampling

    scale = min(picture.width / width, picture.height / height)
    w, h = width * scale, height * scale
    x, y = (picture.width - w) / 2, (picture.height - h) / 2
    return picture.resize((width, height), Resampling.BILINEAR, box=(x, y, x + w, y + h))


def _fit(picture: Image, width: int, height: int) -> Image:
    """All of the picture, black beside it."""
    from PIL import Image as Pillow

    scale = min(width / picture.width, height / picture.height)
    w, h = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    canvas = Pillow.new(picture.mode, (width, height))
    canvas.paste(_fill(picture, w, h), ((width - w) // 2, (height - h) // 2))
    return canvas
