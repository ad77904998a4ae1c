"""Sampling on other grids, pixels to numbers, rows of a table: against formulas and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.ops import GatherRows, Image, Resize, ResizeGrid, ResizeKind
from pyruntime.native import lib

GRIDS = {
    "FLOOR": lambda i, n, x: np.floor(i * x / n),
    "STRICT_ALIGN": lambda i, n, x: np.linspace(0, x - 1, n),
    "ALIGN": lambda i, n, x: np.linspace(0, x - 1, n) if n > 1 else np.array([(x - 1) / 2]),
    "UPSAMPLE": lambda i, n, x: np.linspace(0, x - x / n, n),
    "ROI_ALIGN": lambda i, n, x: max(1, x - 1) / n * (i + 0.5),
    "HALF_PIXEL": lambda i, n, x: (i + 0.5) * x / n - 0.5,
}


def sample(x: np.ndarray, axis: int, n: int, grid: str, kind: ResizeKind) -> np.ndarray:
    """Values at n positions of the grid along one axis, in double."""
    size = x.shape[axis]
    p = np.clip(GRIDS[grid](np.arange(n), n, size), 0, size - 1)
    low = np.floor(p + 1e-12).astype(int)
    high = np.minimum(low + 1, size - 1)
    part = np.maximum(p - low, 0) if kind == ResizeKind.BILINEAR else np.zeros(n)
    part = part.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("c", [1, 3, 8, 21, 40])
@pytest.mark.parametrize(
    "sizes", [((5, 7), (10, 14)), ((9, 8), (3, 5)), ((1, 1), (3, 4)), ((6, 2), (1, 1)), ((3, 4), (3, 9))]
)
def test_bilinear_on_every_grid(grid, c, sizes, run, rng):
    (h, w), size = sizes
    x = rng.standard_normal((2, h, w, c)).astype(np.float32)
    (got,) = run(Resize(ResizeKind.BILINEAR, ResizeGrid[grid], size), x)
    want = sample(
        sample(x.astype(np.float64), 1, size[0], grid, ResizeKind.BILINEAR),
        2,
        size[1],
        grid,
        ResizeKind.BILINEAR,
    )
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("size", [(10, 14), (3, 5), (1, 1), (0, 3), (5, 7)])
def test_nearest_takes_cells_unchanged(size, run, rng):
    x = rng.standard_normal((2, 5, 7, 3)).astype(np.float32)
    x[0, 2, 3] = np.inf
    (got,) = run(Resize(ResizeKind.NEAREST, ResizeGrid.FLOOR, size), x)
    rows, columns = (np.arange(n) * d // max(n, 1) for n, d in zip(size, (5, 7), strict=True))
    np.testing.assert_array_equal(got, x[:, rows][:, :, columns])


@pytest.mark.parametrize("factor", [1.0, 1.66, 2.32, 2.98])
@pytest.mark.parametrize("align", [True, False])
def test_fractional_factors_as_pytorch(factor, align, run, rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((1, 37, 33, 4)).astype(np.float32)
    grid = ResizeGrid.STRICT_ALIGN if align else ResizeGrid.HALF_PIXEL
    (got,) = run(Resize(ResizeKind.BILINEAR, grid, (), (factor, factor)), x)
    want = torch.nn.functional.interpolate(
        torch.from_numpy(x.transpose(0, 3, 1, 2)), scale_factor=factor, mode="bilinear", align_corners=align,
        recompute_scale_factor=True,
    )  # fmt: skip
    np.testing.assert_allclose(got.transpose(0, 3, 1, 2), want.numpy(), atol=2e-5)


def test_large_image_with_many_channels_as_pytorch(run, rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((1, 33, 33, 21)).astype(np.float32)
    (got,) = run(Resize(ResizeKind.BILINEAR, ResizeGrid.STRICT_ALIGN, (257, 255)), x)
    want = torch.nn.functional.interpolate(
        torch.from_numpy(x.transpose(0, 3, 1, 2)), size=(257, 255), mode="bilinear", align_corners=True
    )
    np.testing.assert_allclose(got.transpose(0, 3, 1, 2), want.numpy(), atol=2e-5)


def test_resize_shape_rule(shapes):
    def up(size, factor=(1.0, 1.0)):
        return Resize(ResizeKind.BILINEAR, ResizeGrid.UPSAMPLE, size, factor)

    assert shapes(up((4, 5)), (-1, -1, 3, -1)) == [(-1, 4, 5, -1)]
    assert shapes(up((), (2.0, 1.66)), (1, -1, 50, 3)) == [(1, -1, 83, 3)]
    nan = float("nan")
    for op, shape in [
        (up((4,)), (1, 2, 2, 1)), (up((4, -1)), (1, 2, 2, 1)), (up((), (nan, 1.0)), (1, 2, 2, 1)),
        (up((), (-1.0, 1.0)), (1, 2, 2, 1)), (up((), (1e30, 1.0)), (1, 2, 2, 1)), (up((2, 2)), (2, 2)),
        (up((2, 2)), (1, 0, 2, 1)), (up((2**30, 2**30)), (1, 2, 2, 1)),
        (Resize(7, ResizeGrid.FLOOR, (2, 2)), (1, 2, 2, 1)), (Resize(ResizeKind.NEAREST, 9, (2, 2)),
        (1, 2, 2, 1)),
    ]:  # fmt: skip
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(op, shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 33), (0, 2), (120, 131)])
def test_pixels_are_scaled_then_shifted(channels, reverse, size, run, rng):
    x = rng.integers(0, 256, (2, *size, channels)).astype(np.uint8)
    bias = (-5.0, -6.0, -2.5)
    (got,) = run(Image(reverse, 2.0, bias), x)
    want = x.astype(np.float32) * 2
    want = want + np.float32(bias[0]) if channels == 1 else want[..., :: -1 if reverse else 1] + np.float32(bias)
    np.testing.assert_array_equal(got, want)


def test_image_shape_rule(shapes):
    image = Image(False, 1.0, (0.0, 0.0, 0.0))
    assert shapes(image, np.zeros((1, 2, 3, 3), np.uint8)) == [(1, 2, 3, 3)]
    for x in [
        np.zeros((1, 2, 2, 4), np.uint8),
        np.zeros((2, 3), np.uint8),
        np.zeros((1, 2, 2, 3), np.float32),
    ]:
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(image, x)


@pytest.mark.parametrize("index", [(), (4,), (2, 3, 1), (0,), (3000,)], ids=str)
@pytest.mark.parametrize("biased", [False, True])
def test_gathers_rows(index, biased, run, rng):
    table, bias = rng.standard_normal((11, 13)).astype(np.float32), rng.standard_normal(13).astype(np.float32)
    i = rng.integers(0, 11, index).astype(np.float32)
    operands = [i + np.float32(0.25), table, *([bias] if biased else [])]
    np.testing.assert_array_equal(run(GatherRows(biased), *operands)[0], table[i.astype(int)] + (bias if biased else 0))


@pytest.mark.parametrize("bad", [float("nan"), -1.0, 11.0, float("inf"), 1e30, -float("inf")])
def test_an_index_outside_the_table_is_named(bad, run):
    index = np.array([0, 1, bad, 2], np.float32)
    with pytest.raises(MLModelError, match=r"layer: index .* at position 2, the table has rows 0 to 10"):
        run(GatherRows(), index, np.zeros((11, 2), np.float32))


def test_gather_shape_rule(shapes):
    assert shapes(GatherRows(), (-1, 2), (11, 3)) == [(-1, 2, 3)]
    for op, operands in [
        (GatherRows(), [(2,), (11,)]), (GatherRows(True), [(2,), (11, 3)]), (GatherRows(True), [(2,),
        (11, 3), (2,)]),
        (GatherRows(), [(2,), (11, 3), (3,)]), (GatherRows(), [(1,) * 8, (11, 3)]),
        (GatherRows(), [(2,), np.zeros((2, 2), np.uint8)]), (GatherRows(), [(2**30,), (11, 2**20)]),
    ]:  # fmt: skip
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(op, *operands)
