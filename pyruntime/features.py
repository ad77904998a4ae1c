"""Feature values in and out: checked against their description, never converted silently into something else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import FeatureDescription, ImageConstraint, MultiArrayConstraint
from pyruntime.errors import FeatureTypeError

OUTPUT_TYPES: dict[int, type[np.generic]] = {
    65568: np.float32, 65600: np.float64, 131104: np.int32, 65552: np.float16, 131080: np.int8,
}  # fmt: skip


def wrong(feature: FeatureDescription, expected: str, got: object) -> FeatureTypeError:
    return FeatureTypeError(f"feature {feature.name!r}: expected {expected}, got {got}")


def image_pixels(feature: FeatureDescription, image: ImageConstraint, value: Any) -> NDArray[Any]:
    """Pixels (H, W, C) of a Pillow image or array: uint8, or float32 for 16-bit float gray.

    value: a Pillow image of mode L, RGB (also for BGR models) or F; or a uint8 array (H, W) or (H, W, 3) in RGB order.
    A prediction never resizes: another size is an error.
    """
    what = f"an image of {image.width} x {image.height} pixels, mode {image.mode}"
    if hasattr(value, "mode") and hasattr(value, "size"):
        if value.mode != image.mode:
            raise wrong(feature, what, f"mode {value.mode}; convert it with image.convert({image.mode!r})")
        pixels = np.asarray(value)
    elif isinstance(value, np.ndarray):
        pixels = value
        kind = np.dtype(np.float32 if image.is_float else np.uint8)
        if pixels.dtype != kind or pixels.ndim < 2 or pixels.shape[2:] != ((3,) if image.channels == 3 else ()):
            raise wrong(feature, f"{what}, as {kind} array", f"{pixels.dtype} array of shape {pixels.shape}")
    else:
        raise wrong(feature, f"{what} (a Pillow image or an array)", _kind(value))
    height, width = pixels.shape[:2]
    if not image.allows(width, height):
        raise wrong(feature, str(image), f"{width} x {height} pixels; resize the image first, a prediction does not")
    dtype = np.float32 if image.is_float else np.uint8
    if image.is_float and np.isnan(pixels).any():
        raise wrong(feature, "pixels that are numbers", f"NaN in {int(np.isnan(pixels).sum())} of {pixels.size}")
    return np.ascontiguousarray(pixels, dtype).reshape(height, width, image.channels)


def number_array(feature: FeatureDescription, value: Any) -> NDArray[np.float32]:
    """A NumPy array, list or number as float32, C-contiguous, without NaN."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise wrong(feature, feature.type_name, f"something that is no array ({error})") from None
    if array.dtype.kind not in "fiub":
        raise wrong(feature, f"{feature.type_name} of numbers", f"{_kind(value)} with elements of type {array.dtype}")
    with np.errstate(over="ignore"):  # a double beyond the range of floats is infinite
        floats = np.ascontiguousarray(array, np.float32).reshape(array.shape)
    if array.dtype.kind == "f" and np.isnan(floats).any():
        raise wrong(feature, "numbers", f"NaN in {int(np.isnan(floats).sum())} of {floats.size} elements")
    return floats


def network_array(
    feature: FeatureDescription, constraint: MultiArrayConstraint, value: Any, *, legacy: bool
) -> NDArray[np.float32]:
    """An array input of a network, in the shape of its graph input.

    legacy: blobs have rank 5; then [C] and [C,H,W] get leading (and trailing) 1s; (Seq, Batch, C, H, W), (Seq, C) and
    (Batch, C, H, W) are taken too.
    """
    array = number_array(feature, value)
    shape = array.shape
    if constraint.allows(shape):
        return _legacy(array) if legacy else array
    if legacy:

        def fits(channels_first: tuple[int, ...]) -> bool:
            """Whether (C, H, W) is what the model declares, as [C,H,W] or as [C]."""
            vector = channels_first[1:] == (1, 1) and constraint.allows(channels_first[:1])
            return constraint.allows(channels_first) or vector

        if len(shape) == 5 and fits(shape[2:]):
            return array
        if len(shape) == 4 and fits(shape[1:]):
            return array[None]
        if len(shape) == 2 and constraint.allows(shape[1:]):
            return array[:, None, :, None, None]
    elif not constraint.shape and not constraint.shapes and not constraint.ranges:
        return array
    raise wrong(feature, str(constraint), f"an array of shape {'x'.join(map(str, shape)) or '(scalar)'}")


def _legacy(array: NDArray[np.float32]) -> NDArray[np.float32]:
    if array.ndim == 1:
        return array.reshape(1, 1, -1, 1, 1)
    return array[None, None] if array.ndim == 3 else array


def default_array(
    feature: FeatureDescription, constraint: MultiArrayConstraint, memory_limit: int
) -> NDArray[np.float32]:
    """What a missing optional array stands for: its default value in its default shape."""
    if 4 * math.prod(constraint.shape) > memory_limit:
        raise wrong(
            feature, f"a value: its default of shape {list(constraint.shape)} does not fit memory_limit", "none"
        )
    return np.full(constraint.shape, constraint.default_value, np.float32)


def output_value(feature: FeatureDescription, blob: NDArray[Any], *, legacy: bool) -> Any:
    """A blob as the type that the model declares for it: array, image or number."""
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        return _output_image(constraint, blob)
    if feature.kind in ("double", "int64"):
        if blob.size != 1:
            raise wrong(feature, "one number from the network", f"an array of shape {blob.shape}")
        number = float(blob.reshape(()))
        if feature.kind == "double":
            return number
        if not math.isfinite(number):
            raise wrong(feature, "a whole number from the network", number)
        return int(number)
    if not isinstance(constraint, MultiArrayConstraint):
        raise wrong(feature, "an array, image or number as the type of a network's output", feature.type_name)
    array = blob.astype(OUTPUT_TYPES.get(constraint.data_type, np.float32), copy=False)
    if array.ndim == 0:
        return array.reshape(1)
    if legacy:
        if constraint.shape and math.prod(constraint.shape) == array.size:
            return array.reshape(constraint.shape)
        if array.shape[:2] == (1, 1):  # one example: [C, H, W]
            return array[0, 0]
    elif constraint.shape and len(constraint.shape) != array.ndim and _sizes(constraint.shape) == _sizes(array.shape):
        # An image enters as (1, C, H, W); what comes of it may be declared without the first axis.
        return array.reshape(constraint.shape)
    return array


def _sizes(shape: Sequence[int]) -> list[int]:
    """Without axes of 1."""
    return [size for size in shape if size != 1]


def _output_image(image: ImageConstraint, blob: NDArray[Any]) -> Any:
    """(..., C, H, W) numbers as Pillow image: RGBA for colour, L or F for gray."""
    from PIL import Image

    pixels = blob.reshape(blob.shape[-3:])
    if image.is_float:
        return Image.fromarray(np.ascontiguousarray(pixels[0], np.float32), "F")
    clipped = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if image.channels == 1:
        return Image.fromarray(clipped[0], "L")
    colours = clipped[::-1] if image.is_bgr else clipped
    return Image.fromarray(np.ascontiguousarray(colours.transpose(1, 2, 0)), "RGB").convert("RGBA")


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
