"""Upsampling and resizing against interpolation with NumPy, and PyTorch where it has the same grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, predict, refused

NEAREST, BILINEAR = 0, 1
DEFAULT, ALIGN_TRUE, ALIGN_FALSE = range(3)


def interpolate(x: np.ndarray, axis: int, points: np.ndarray) -> np.ndarray:
    """Linear interpolation along one axis at points clamped to its cells."""
    cells = np.arange(x.shape[axis])
    return np.apply_along_axis(lambda line: np.interp(points, cells, line), axis, x.astype(np.float64))


def resample(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return interpolate(interpolate(x, -2, rows), -1, columns)


@both_mappings
@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (3, 1), (2, 5), ()], ids=str)
def test_nearest_upsampling_repeats_pixels(factors: tuple[int, ...], exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    rows, columns = factors or (1, 1)
    spec = model({"x": x.shape}, [layer("upsample", scalingFactor=factors)], exact=exact)
    check(spec, {"x": x}, x.repeat(rows, -2).repeat(columns, -1), tolerance=0)


def grid(size: int, out: int, mode: int) -> np.ndarray:
    i = np.arange(out)
    if mode == DEFAULT:
        return i * size / out
    if mode == ALIGN_TRUE:
        return i * (size - 1) / max(out - 1, 1)
    return (i + 0.5) * size / out - 0.5


@both_mappings
@pytest.mark.parametrize("mode", [DEFAULT, ALIGN_TRUE, ALIGN_FALSE])
@pytest.mark.parametrize("factors", [(2, 2), (1, 3), (4, 2)], ids=str)
def test_bilinear_upsampling_on_the_grid_of_its_mode(factors: tuple[int, int], mode: int, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    spec = model(
        {"x": x.shape},
        [layer("upsample", scalingFactor=factors, mode=BILINEAR, linearUpsampleMode=mode)],
        exact=exact,
    )
    expected = resample(x, grid(4, 4 * factors[0], mode), grid(5, 5 * factors[1], mode))
    check(spec, {"x": x}, expected)


@pytest.mark.parametrize("mode", [ALIGN_TRUE, ALIGN_FALSE])
@pytest.mark.parametrize(("factors", "size"), [((1.5, 2.5), (6, 12)), ((2.32, 1.66), (9, 8)), ((1.0, 2.98), (4, 14))])
def test_fractional_factors(factors: tuple[float, float], size: tuple[int, int], mode: int) -> None:
    x = numbers(2, 3, 4, 5)
    spec = model(
        {"x": x.shape},
        [layer("upsample", fractionalScalingFactor=factors, mode=BILINEAR, linearUpsampleMode=mode)],
        exact=True,
    )
    check(spec, {"x": x}, resample(x, grid(4, size[0], mode), grid(5, size[1], mode)))


@pytest.mark.parametrize(("mode", "corners"), [(ALIGN_TRUE, True), (ALIGN_FALSE, False)])
def test_bilinear_upsampling_as_pytorch(mode: int, corners: bool) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    x = numbers(1, 3, 6, 7)
    upsample = layer("upsample", scalingFactor=(3, 2), mode=BILINEAR, linearUpsampleMode=mode)
    got = predict(model({"x": x.shape}, [upsample], exact=True), {"x": x})["y"]
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(x), scale_factor=(3, 2), mode="bilinear", align_corners=corners
    )
    np.testing.assert_allclose(got, wanted.numpy(), atol=2e-6)


def sampling(method: int, size: int, count: int) -> np.ndarray:
    """The four grids of SamplingMode."""
    if method == 0 or (method == 1 and count > 1):
        return np.linspace(0, size - 1, count)
    if method == 1:
        return np.array([(size - 1) / 2])
    if method == 2:
        return np.minimum(np.linspace(0, size - size / count, count), size - 1)
    spacing = max(1, size - 1) / count
    return np.minimum(spacing / 2 + spacing * np.arange(count), size - 1)


@both_mappings
@pytest.mark.parametrize("method", range(4), ids=["strict align", "align", "upsample", "roi align"])
@pytest.mark.parametrize("target", [(8, 9), (4, 5), (3, 2), (1, 1), (7, 1)], ids=str)
def test_resize_bilinear_on_the_grid_of_its_mode(target: tuple[int, int], method: int, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    resize = layer("resizeBilinear", targetSize=target, mode={"samplingMethod": method})
    expected = resample(x, sampling(method, 4, target[0]), sampling(method, 5, target[1]))
    check(model({"x": x.shape}, [resize], exact=exact), {"x": x}, expected)


@pytest.mark.parametrize("method", range(4))
def test_a_single_pixel_fills_any_size(method: int) -> None:
    x = numbers(3, 1, 1)
    resize = layer("resizeBilinear", targetSize=(4, 3), mode={"samplingMethod": method})
    check(model({"x": x.shape}, [resize]), {"x": x}, np.broadcast_to(x, (3, 4, 3)))


BAD: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "one factor": ("upsample", {"scalingFactor": (2,)}, ("u", "scalingFactor", "[2]")),
    "factor 0": ("upsample", {"scalingFactor": (2, 0)}, ("u", "scalingFactor", "[2, 0]")),
    "huge factor": ("upsample", {"scalingFactor": (2**40, 1)}, ("u", "scalingFactor", str(2**40))),
    "result of absurd size": ("upsample", {"scalingFactor": (2**30, 2**30)}, ("u",)),
    "unknown mode": ("upsample", {"mode": 2}, ("u", "mode", "2")),
    "unknown linear mode": ("upsample", {"mode": 1, "linearUpsampleMode": 3}, ("u", "mode", "3")),
    "negative linear mode": ("upsample", {"mode": 1, "linearUpsampleMode": -1}, ("u", "mode", "-1")),
    "both kinds of factors": (
        "upsample",
        {"mode": 1, "linearUpsampleMode": 1, "scalingFactor": (2, 2), "fractionalScalingFactor": (2, 2)},
        ("u", "fractionalScalingFactor"),
    ),
    "factor that is no number": (
        "upsample",
        {"mode": 1, "linearUpsampleMode": 1, "fractionalScalingFactor": (float("nan"), 2)},
        ("u", "fractionalScalingFactor", "nan"),
    ),
    "three target sizes": ("resizeBilinear", {"targetSize": (1, 2, 3)}, ("u", "targetSize", "[1, 2, 3]")),
    "target size 0": ("resizeBilinear", {"targetSize": (0, 2)}, ("u", "targetSize", "[0, 2]")),
    "huge target size": ("resizeBilinear", {"targetSize": (2**40, 2)}, ("u", "targetSize", str(2**40))),
    "unknown grid": ("resizeBilinear", {"mode": {"samplingMethod": 4}}, ("u", "samplingMethod", "4")),
    "negative grid": ("resizeBilinear", {"mode": {"samplingMethod": -1}}, ("u", "samplingMethod", "-1")),
}


@pytest.mark.parametrize(("kind", "fields", "words"), BAD.values(), ids=BAD)
def test_bad_resizing_is_refused(kind: str, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5)}, [layer(kind, name="u", **fields)]), *words)


@pytest.mark.parametrize("kind", ["upsample", "resizeBilinear"])
def test_vectors_are_refused(kind: str) -> None:
    refused(model({"x": (5,)}, [layer(kind, name="u")], exact=True), "u", kind, "rank 3", "rank 1")
