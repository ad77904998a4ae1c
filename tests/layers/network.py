"""Small models for tests, built from messages, and what a test says about them.

    model({"x": (3, 8, 8)}, [layer("softmax")])            legacy ranks: (Seq, Batch, C, H, W) inside
    model({"x": (2, 3, 8, 8)}, [layer("softmax")], exact=True)

An answer is compared with the formula of the test, and, where PyTorch and coremltools are installed, with
tests/oracles on the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import SpecError
from pyruntime.model import MLModel
from pyruntime.spec import messages

FLOAT32, DOUBLE, INT32, FLOAT16 = 65568, 65600, 131104, 65552
GRAY, RGB, BGR, GRAY_FLOAT16 = 10, 20, 30, 40
TOLERANCE = 1e-5
"""Of the largest number of an answer: sums of some hundred float32 products lose about 100 * 2**-24 = 6e-6."""
ONE_THREAD = MLModelConfiguration(threads=1)

both_mappings = pytest.mark.parametrize("exact", [False, True], ids=["rank5", "exact"])

Features = Mapping[str, Any]


def lead(exact: bool) -> tuple[int, ...]:
    """Axes in front of (C, H, W): a batch of 2 where arrays keep their rank."""
    return (2,) if exact else ()


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def weights(values: Any, **fields: Any) -> Any:
    return messages.WeightParams(floatValue=np.asarray(values, np.float32).ravel(), **fields)


def borders(*pairs: tuple[int, int]) -> dict[str, Any]:
    """BorderAmounts of (start, end) pairs."""
    return {"borderAmounts": [{"startEdgeSize": a, "endEdgeSize": b} for a, b in pairs]}


def layer(kind: str, inputs: str = "x", outputs: str = "y", name: str = "", **fields: Any) -> Any:
    """A layer message; `inputs` and `outputs` are names with spaces between them."""
    message = messages.NeuralNetworkLayer(name=name or f"the {kind}", input=inputs.split(), output=outputs.split())
    params = getattr(message, kind)
    params.SetInParent()
    params.MergeFrom(type(params)(**fields))
    return message


def array(
    name: str,
    shape: Sequence[int] = (),
    dtype: int = FLOAT32,
    *,
    optional: bool = False,
    default: float | None = None,
    shapes: Iterable[Sequence[int]] = (),
    ranges: Iterable[tuple[int, int]] = (),
) -> Any:
    """The description of an array feature."""
    feature = messages.FeatureDescription(name=name)
    feature.type.isOptional = optional
    feature.type.multiArrayType.shape.extend(shape)
    feature.type.multiArrayType.dataType = dtype
    if default is not None:
        feature.type.multiArrayType.floatDefaultValue = default
    for one in shapes:
        feature.type.multiArrayType.enumeratedShapes.shapes.add(shape=one)
    for low, high in ranges:
        feature.type.multiArrayType.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    return feature


def image(
    name: str,
    width: int,
    height: int,
    space: int,
    *,
    sizes: Iterable[tuple[int, int]] = (),
    ranges: Sequence[tuple[int, int]] = (),
) -> Any:
    """The description of an image feature; sizes and ranges are width first."""
    feature = messages.FeatureDescription(name=name)
    t = feature.type.imageType
    t.width, t.height, t.colorSpace = width, height, space
    for w, h in sizes:
        t.enumeratedSizes.sizes.add(width=w, height=h)
    for (low, high), axis in zip(ranges, ("widthRange", "heightRange"), strict=False):
        side = getattr(t.imageSizeRange, axis)
        side.lowerBound, side.upperBound = low, high
    return feature


def scalar(name: str, kind: str) -> Any:
    """The description of an int64, double, string or dictionary feature."""
    feature = messages.FeatureDescription(name=name)
    getattr(feature.type, f"{kind}Type").SetInParent()
    return feature


def model(
    inputs: Mapping[str, Sequence[int]] | Sequence[Any],
    layers: Sequence[Any],
    outputs: Sequence[Any] = ("y",),
    *,
    exact: bool = False,
    kind: str = "neuralNetwork",
    version: int = 4,
    **network: Any,
) -> Any:
    """A Model message.  inputs: shapes by name, or descriptions; outputs: names, or descriptions."""
    spec = messages.Model(specificationVersion=version)
    described = [array(n, s) for n, s in inputs.items()] if isinstance(inputs, Mapping) else inputs
    spec.description.input.extend(described)
    spec.description.output.extend(array(o) if isinstance(o, str) else o for o in outputs)
    message = getattr(spec, kind)
    message.MergeFrom(type(message)(layers=layers, arrayInputShapeMapping=int(exact), **network))
    return spec


def predict(spec: Any, features: Features) -> dict[str, Any]:
    return MLModel(spec, configuration=ONE_THREAD).predict(features)


def check(
    spec: Any, features: Features, expected: Any = None, *, tolerance: float = TOLERANCE, oracle: bool = True
) -> dict[str, Any]:
    """The prediction equals `expected` (an array for "y", or arrays by name), and the oracle's answer.

    expected None: the oracle alone knows; the test is skipped without it.
    """
    got = predict(spec, features)
    if expected is not None:
        for name, wanted in (expected if isinstance(expected, Mapping) else {"y": expected}).items():
            close(got[name], wanted, tolerance, f"{name} against the formula")
    if oracle and (expected is None or has_oracle()):
        for name, wanted in ask_oracle(spec, features).items():
            close(got[name], wanted, tolerance, f"{name} against PyTorch")
    return got


def close(got: Any, wanted: Any, tolerance: float, what: str = "") -> None:
    """Same shape, and differences up to `tolerance` of the largest number."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    assert got.shape == wanted.shape, what
    assert np.array_equal(np.isfinite(got), np.isfinite(wanted)), what
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite], err_msg=what)
    scale = float(np.abs(wanted[finite]).max(initial=0.0))
    worst = float(np.abs(got[finite] - wanted[finite]).max(initial=0.0))
    assert worst <= tolerance * scale, f"{what}: differs by {worst}, largest number {scale}"


def has_oracle() -> bool:
    try:
        import coremltools
        import torch  # noqa: F401
    except ImportError:
        return False
    return bool(coremltools)


def ask_oracle(spec: Any, features: Features) -> dict[str, Any]:
    """What tests/oracles computes from the same bytes; skips without its libraries."""
    pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    pytest.importorskip("coremltools", reason="coremltools, which reads files for the oracle, is not installed")
    from coremltools.proto import Model_pb2

    from ..oracles import torch_network

    return torch_network.predict(Model_pb2.Model.FromString(spec.SerializeToString()), dict(features))


def refused(spec: Any, *words: str, error: type[Exception] = SpecError) -> None:
    """Loading raises exactly `error`, with a sentence that has all the words."""
    with pytest.raises(error) as caught:
        MLModel(spec, configuration=ONE_THREAD)
    says(caught.value, error, words)


def refused_at_predict(spec: Any, features: Features, *words: str, error: type[Exception]) -> None:
    """The model loads; predicting raises exactly `error`, with a sentence that has all the words."""
    loaded = MLModel(spec, configuration=ONE_THREAD)
    with pytest.raises(error) as caught:
        loaded.predict(features)
    says(caught.value, error, words)


def says(caught: Exception, error: type[Exception], words: Sequence[str]) -> None:
    assert type(caught) is error, repr(caught)
    missing = [word for word in words if word not in str(caught)]
    assert not missing, f"{missing} not in: {caught}"
