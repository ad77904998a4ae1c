"""Seeded, plausible inputs for any model, made from its description and from what its layers expect."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import features
from .torch_network import NETWORKS, load, submodels

SMALLEST_PICTURE = 24  # arrays (C, H, W) from this size on are filled like pictures, with values in [0, 1]


def example_inputs(model: Any, seed: int, optional: bool = False) -> dict[str, Any]:
    """One value per input: PIL images in the right mode and size, arrays in the declared shape and dtype.

    model: path or Model message.  optional: also give the inputs that may be left out.
    """
    spec = load(model)
    rng = np.random.default_rng(seed)
    indices = _index_inputs(spec)
    words = _known_words(spec)
    values = {}
    for feature in spec.description.input:
        if optional or not feature.type.isOptional:
            values[feature.name] = _value(feature, rng, indices, words)
    return values


def _value(feature: Any, rng: np.random.Generator, indices: dict[str, int], words: list[str]) -> Any:
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        return _picture(feature.type.imageType, rng)
    if kind == "multiArrayType":
        return _array(feature, rng, indices.get(feature.name))
    if kind == "dictionaryType":
        chosen = rng.choice(words, min(12, len(words)), replace=False)
        return {str(word): float(rng.integers(1, 4)) for word in chosen}
    if kind == "int64Type":
        return int(rng.integers(0, 10))
    return float(rng.normal()) if kind == "doubleType" else "a"


def _array(feature: Any, rng: np.random.Generator, vocabulary: int | None) -> np.ndarray:
    array_type = feature.type.multiArrayType
    shape = tuple(int(n) for n in array_type.shape)
    if vocabulary is not None:
        values = rng.integers(0, vocabulary, shape)
    elif len(shape) == 3 and min(shape[1:]) >= SMALLEST_PICTURE:
        pixels = [np.asarray(_drawing(shape[2], shape[1], rng), np.float64) for _ in range(shape[0])]
        values = np.stack(pixels) / 255
    else:
        values = rng.normal(size=shape)
    return values.astype(features.DTYPES[array_type.dataType])


def _picture(image_type: Any, rng: np.random.Generator) -> Image.Image:
    width, height = int(image_type.width), int(image_type.height)
    if image_type.colorSpace == features.GRAY:
        return _drawing(width, height, rng)
    if image_type.colorSpace == features.GRAY_FLOAT16:
        return _drawing(width, height, rng).convert("F")
    return Image.merge("RGB", [_scene(width, height, rng) for _ in range(3)])


def _drawing(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """White strokes on black, as a finger draws them."""
    picture = Image.new("L", (width, height))
    pen = ImageDraw.Draw(picture)
    for _ in range(3):
        points = [(float(x), float(y)) for x, y in rng.uniform(0.1, 0.9, (4, 2)) * (width, height)]
        pen.line(points, fill=255, width=max(1, width // 14), joint="curve")
    return picture.filter(ImageFilter.GaussianBlur(width / 56))


def _scene(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """One colour plane: large soft patches with grain, like a photograph out of focus."""
    patches = Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8))
    smooth = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    return Image.fromarray((smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8))


def _parts(spec: Any) -> list[Any]:
    """The model and all models inside."""
    kind = spec.WhichOneof("Type")
    inner = submodels(spec) if kind.startswith("pipeline") else []
    return [spec, *[part for model in inner for part in _parts(model)]]


def _index_inputs(spec: Any) -> dict[str, int]:
    """Inputs that go straight into an embedding -> number of its rows."""
    rows = {}
    for part in _parts(spec):
        kind = part.WhichOneof("Type")
        for layer in getattr(part, kind).layers if kind in NETWORKS else []:
            if layer.HasField("embedding"):
                rows[layer.input[0]] = int(layer.embedding.inputDim)
            elif layer.HasField("embeddingND"):
                rows[layer.input[0]] = int(layer.embeddingND.vocabSize)
    return rows


def _known_words(spec: Any) -> list[str]:
    """The dictionary of a vectorizer, for inputs that map words to counts."""
    for part in _parts(spec):
        if part.WhichOneof("Type") == "dictVectorizer":
            return list(part.dictVectorizer.stringToIndex.vector)
    return ["a", "b"]
