"""Drawings: 28 x 28 pixels, white ink on black.  PNG files from strangers are checked before they are decoded."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 28
MOST_BYTES = 8192
"""Of one PNG file; 28 x 28 pixels with alpha take less than 4 KB even when nothing can be compressed."""

Drawing = NDArray[np.uint8]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"bKGD"}
_INK = 64  # a sheet without a brighter pixel counts as empty


class BadPicture(ValueError):
    """A picture that is refused; the message says why and is shown to the person."""


def read_drawing(data: bytes) -> Drawing:
    """The pixels of a PNG file, uint8 (28, 28).  Raises BadPicture."""
    _check_chunks(data)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as file:
            pixels = np.array(file.convert("L"))
    except Exception:  # readers of damaged files raise almost anything
        raise BadPicture("the picture is damaged") from None
    if pixels.max() < _INK:
        raise BadPicture("the sheet is empty; draw something first")
    return pixels


def _check_chunks(data: bytes) -> None:
    """The frame of the file: its size in pixels, and only chunks of pixels; texts and profiles may unpack to a lot."""
    if len(data) > MOST_BYTES:
        raise BadPicture(f"the picture has {len(data)} bytes, expected at most {MOST_BYTES}")
    if not data.startswith(_SIGNATURE):
        raise BadPicture("expected a PNG picture")
    place, first = len(_SIGNATURE), True
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind not in _CHUNKS or first != (kind == b"IHDR"):
            raise BadPicture("expected a plain PNG picture, without texts, profiles or animation")
        if first:
            width, height = struct.unpack_from(">II", data.ljust(place + 16), place + 8)
            if (width, height) != (SIZE, SIZE):
                raise BadPicture(f"expected {SIZE} x {SIZE} pixels, got {width} x {height}")
        place, first = place + 12 + length, False
        if kind == b"IEND" and place == len(data):
            return
    raise BadPicture("the picture is cut off, or something follows it")


def write_png(drawing: Drawing) -> bytes:
    """The drawing as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "PNG")
    return file.getvalue()


def centred(drawing: Drawing) -> Drawing:
    """The drawing with its ink in the middle of the sheet, as the page sends its drawings."""
    rows, columns = np.flatnonzero(drawing.any(axis=1)), np.flatnonzero(drawing.any(axis=0))
    if not rows.size:
        return drawing
    box = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sheet = np.zeros_like(drawing)
    top, left = (SIZE - box.shape[0]) // 2, (SIZE - box.shape[1]) // 2
    sheet[top : top + box.shape[0], left : left + box.shape[1]] = box
    return sheet
