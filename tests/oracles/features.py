"""Features of a model's interface <-> blobs of its network: images, rank mapping, optional inputs."""

import math
from typing import Any

import numpy as np
import torch
from PIL import Image

# ArrayFeatureType.ArrayDataType
DTYPES = {65568: np.float32, 65600: np.float64, 131104: np.int32, 131080: np.int8, 65552: np.float16}
GRAY, RGB, BGR, GRAY_FLOAT16 = 10, 20, 30, 40  # ImageFeatureType.ColorSpace
EXACT_ARRAYS, RANK4_IMAGES = 1, 1


def to_blob(feature: Any, value: Any, network: Any) -> np.ndarray:
    """Value of a model input, as float64 in the rank in which the network sees it.

    feature: FeatureDescription.  value: a PIL image of the model's size, anything NumPy takes as an
    array, or None for an optional input that is left out.
    """
    if feature.type.WhichOneof("Type") == "imageType":
        return _image(feature, value, network)
    array = _default(feature) if value is None else np.asarray(value, dtype=np.float64)
    return array if network.arrayInputShapeMapping == EXACT_ARRAYS else _rank5(array)


def _default(feature: Any) -> np.ndarray:
    if not feature.type.isOptional:
        raise ValueError(f"input {feature.name} is missing")
    array_type = feature.type.multiArrayType
    kind = array_type.WhichOneof("defaultOptionalValue")
    value = getattr(array_type, kind) if kind else 0.0
    return np.full([int(n) for n in array_type.shape], value, dtype=np.float64)


def _rank5(array: np.ndarray) -> np.ndarray:
    """[C], [Seq,C], [C,H,W], [B,C,H,W] or [Seq,B,C,H,W] -> [Seq,B,C,H,W]."""
    first, *rest = shape = array.shape
    full = {1: (1, 1, first, 1, 1), 2: (first, 1, *rest, 1, 1), 3: (1, 1, *shape), 4: (1, *shape), 5: shape}
    return array.reshape(full[array.ndim])


def _image(feature: Any, picture: Any, network: Any) -> np.ndarray:
    space = feature.type.imageType.colorSpace
    mode = {GRAY: "L", GRAY_FLOAT16: "F"}.get(space, "RGB")
    if not isinstance(picture, Image.Image) or picture.mode != mode:
        raise ValueError(f"input {feature.name} takes a PIL image of mode {mode}")
    pixels = np.asarray(picture, dtype=np.float64)
    planes = pixels[None] if mode != "RGB" else pixels.transpose(2, 0, 1)
    if space == BGR:
        planes = planes[::-1]
    for step in network.preprocessing:
        if step.featureName in ("", feature.name):
            planes = _preprocess(step, planes, space)
    return planes[None] if network.imageInputShapeMapping == RANK4_IMAGES else planes[None, None]


def _preprocess(step: Any, planes: np.ndarray, space: int) -> np.ndarray:
    """scale * x + bias, the bias belonging to a colour and not to a position; or x - mean."""
    if step.WhichOneof("preprocessor") == "meanImage":
        return planes - np.array(step.meanImage.meanImage, np.float64).reshape(planes.shape)
    s = step.scaler
    colours = [s.redBias, s.greenBias, s.blueBias] if len(planes) == 3 else [s.grayBias]
    if space == BGR:
        colours.reverse()
    return planes * s.channelScale + np.array(colours)[:, None, None]


def from_blob(feature: Any, blob: torch.Tensor, legacy: bool) -> Any:
    """A blob as the value of a model output: array of the declared dtype and shape, or PIL image."""
    values = blob.numpy()
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        return _picture(values, feature.type.imageType.colorSpace)
    if kind != "multiArrayType":
        return values.item()
    array_type = feature.type.multiArrayType
    shape = delivered_shape(values.shape, tuple(int(n) for n in array_type.shape), legacy)
    return values.reshape(shape).astype(DTYPES[array_type.dataType])


def delivered_shape(shape: tuple[int, ...], declared: tuple[int, ...], legacy: bool) -> tuple[int, ...]:
    """Legacy: the declared shape if it fits, else [C,H,W] for one example and [Seq,B,C,H,W] for more.

    Otherwise the blob's own shape, a scalar being (1,).
    """
    if not legacy:
        return tuple(shape) or (1,)
    if declared and math.prod(declared) == math.prod(shape):
        return declared
    return tuple(shape[2:]) if len(shape) == 5 and tuple(shape[:2]) == (1, 1) else tuple(shape)


def _picture(values: np.ndarray, space: int) -> Image.Image:
    planes = values.reshape(values.shape[-3:])
    if space == GRAY_FLOAT16:
        return Image.fromarray(planes[0].astype(np.float32), mode="F")
    pixels = np.rint(planes).clip(0, 255).astype(np.uint8)
    if space == GRAY:
        return Image.fromarray(pixels[0])
    rgb = pixels[::-1] if space == BGR else pixels
    return Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
