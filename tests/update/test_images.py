"""Pictures in the model's size and mode: expected pixels come from NumPy."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyruntime.description import ImageConstraint
from pyruntime.errors import FeatureTypeError
from pyruntime.images import CropAndScale, ImageOptions, convert_image, load_image

GRAY, RGB, BGR, FLOAT = 10, 20, 30, 40


def gray(width: int, height: int) -> ImageConstraint:
    return ImageConstraint(width, height, GRAY)


def picture(pixels: object) -> Image.Image:
    return Image.fromarray(np.asarray(pixels, np.uint8))


def pixels_of(image: Image.Image) -> list[list[int]]:
    return np.asarray(image).tolist()  # type: ignore[no-any-return]


def test_codes_are_those_of_vision() -> None:
    assert [int(value) for value in CropAndScale] == [0, 1, 2, 257, 258]


def test_shrinking_averages_the_covered_area_and_fills_by_default() -> None:
    checks = np.indices((40, 80)).sum(0) % 2 * 200
    shrunk = np.asarray(convert_image(picture(checks), gray(4, 4)))
    assert shrunk.shape == (4, 4)
    assert abs(shrunk.astype(int) - 100).max() <= 2  # without antialiasing: 0 or 200


def test_a_picture_that_fits_is_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5))
    assert pixels_of(convert_image(picture(pixels), gray(5, 6))) == pixels.tolist()
    flexible = ImageConstraint(2, 2, GRAY, ranges=((1, 8), (1, -1)))
    assert convert_image(picture(pixels), flexible).size == (5, 6)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (CropAndScale.CENTER_CROP, [[2, 3], [6, 7]]),
        (CropAndScale.SCALE_FILL, None),
    ],
)
def test_center_crop_cuts_the_long_side_evenly(how: CropAndScale, expected: list[list[int]] | None) -> None:
    wide = picture([[1, 2, 3, 4], [5, 6, 7, 8]])
    result = pixels_of(convert_image(wide, gray(2, 2), ImageOptions(how)))
    assert (result == expected) is (expected is not None)


def test_scale_fit_keeps_proportions_and_is_black_beside() -> None:
    wide = picture(np.full((2, 4), 9))
    result = pixels_of(convert_image(wide, gray(4, 4), ImageOptions(CropAndScale.SCALE_FIT)))
    assert result == [[0] * 4, [9] * 4, [9] * 4, [0] * 4]


def test_rotated_variants_turn_counter_clockwise_first() -> None:
    tall = picture([[1, 2], [3, 4], [5, 6]])
    result = pixels_of(convert_image(tall, gray(3, 2), ImageOptions(CropAndScale.SCALE_FILL_ROTATE_90_CCW)))
    assert result == np.rot90([[1, 2], [3, 4], [5, 6]]).tolist()


def test_the_crop_rectangle_counts_from_the_top_left() -> None:
    options = ImageOptions(crop_rect=(0.5, 0, 0.5, 0.5))
    assert pixels_of(convert_image(picture(np.arange(16).reshape(4, 4)), gray(2, 2), options)) == [[2, 3], [6, 7]]


EXIF = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose,
    6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90,
}  # fmt: skip


@pytest.mark.parametrize("orientation", EXIF)
def test_exif_orientation_is_honoured_and_an_argument_replaces_it(tmp_path: Path, orientation: int) -> None:
    stored = np.array([[10, 20], [30, 40], [50, 60]])
    upright = EXIF[orientation](stored)
    exif = Image.Exif()
    exif[0x112] = orientation
    picture(stored).save(tmp_path / "a.png", exif=exif)
    constraint = gray(upright.shape[1], upright.shape[0])
    assert pixels_of(load_image(tmp_path / "a.png", constraint)) == upright.tolist()
    exif[0x112] = orientation % 8 + 1
    picture(stored).save(tmp_path / "b.png", exif=exif)
    assert (
        pixels_of(load_image(tmp_path / "b.png", constraint, ImageOptions(orientation=orientation))) == upright.tolist()
    )


def test_colours_become_the_models_mode() -> None:
    red = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert convert_image(red, ImageConstraint(2, 2, RGB)).getpixel((0, 0)) == (255, 0, 0)  # alpha is ignored
    assert convert_image(red, ImageConstraint(2, 2, BGR)).getpixel((0, 0)) == (255, 0, 0)  # the network swaps, not we
    assert convert_image(red, gray(2, 2)).getpixel((0, 0)) == 76  # ITU-R 601: 0.299 * 255
    assert convert_image(red, ImageConstraint(2, 2, FLOAT)).mode == "F"
    palette = Image.new("P", (1, 1))
    palette.putpalette([7, 8, 9] * 256)
    assert convert_image(palette, ImageConstraint(1, 1, RGB)).getpixel((0, 0)) == (7, 8, 9)
    deep = Image.fromarray(np.array([[0, 0x8080, 0xFFFF]], np.uint16))
    assert pixels_of(convert_image(deep, gray(3, 1))) == [[0, 128, 255]]


@pytest.mark.parametrize("rect", [(0, 0, 0, 1), (-0.1, 0, 1, 1), (0.5, 0, 0.6, 1), (0, 0, float("nan"), 1)])
def test_impossible_options_are_refused(rect: tuple[float, float, float, float]) -> None:
    with pytest.raises(FeatureTypeError, match=r"crop_rect"):
        ImageOptions(crop_rect=rect)
    with pytest.raises(FeatureTypeError, match=r"orientation"):
        ImageOptions(orientation=9)


def png(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, and has none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"hello", "cannot be read"),
        (png(2, 2), "cannot be read"),
        (png(20000, 5000), "20000 x 5000 pixels are more than"),
        (png(60000, 60000), "cannot be read|are more than"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read"),
    ],
    ids=["empty", "text", "no data", "large", "bomb", "postscript"],
)
def test_hostile_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(FeatureTypeError, match=rf"bad\.png: ({message})"):
        load_image(tmp_path / "bad.png", gray(4, 4))


def test_damaged_files_are_refused_or_give_a_picture(tmp_path: Path) -> None:
    picture(np.random.default_rng(0).integers(0, 256, (16, 16))).save(tmp_path / "a.jpg")
    whole = bytearray((tmp_path / "a.jpg").read_bytes())
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        (tmp_path / "b.jpg").write_bytes(damaged)
        try:
            loaded = load_image(tmp_path / "b.jpg", gray(4, 4))
        except FeatureTypeError:
            refused += 1
        else:
            assert loaded.size == (4, 4)
    assert refused > 20


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in (("pipe.png", "not a regular file"), ("missing.png", "no such file"), (".", "not a regular")):
        with pytest.raises(FeatureTypeError, match=message):
            load_image(tmp_path / name, gray(4, 4))
