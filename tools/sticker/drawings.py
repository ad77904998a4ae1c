"""Labelled drawings: reading, centring, and choosing those that the demo ships.

A drawing is uint8 (28, 28), white ink on black.  A set of drawings is an .npz file with `images` (N, 28, 28)
and `labels` (N,) strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

SIZE = 28
STICKERS = ("cat", "flower", "house", "star", "sun")  # the demo begins with these
LATER_STICKERS = ("fish", "umbrella")  # and is shown these afterwards
PER_STICKER = 40
# Classes with a close relative in training: motorbike, pickup truck, alarm clock, mug, face, palm tree.
# Left out where it is asked how the network does on things unlike any that it was trained on.
RELATED = ("bicycle", "car", "clock", "cup", "smiley face", "tree")


@dataclass(frozen=True, slots=True)
class Drawings:
    """images: uint8 (N, 28, 28); labels: str (N,)."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.str_]

    @property
    def classes(self) -> list[str]:
        """The labels that occur, sorted."""
        return [str(name) for name in np.unique(self.labels)]

    def of(self, classes: list[str] | tuple[str, ...]) -> Drawings:
        """Only the drawings of these classes, in the order of the file."""
        keep = np.isin(self.labels, classes)
        return Drawings(self.images[keep], self.labels[keep])


def load(path: Path) -> Drawings:
    """Read a set of drawings.  ValueError when the images are not uint8 (N, 28, 28) with a label each."""
    with np.load(path) as file:
        images, labels = file["images"], file["labels"]
    if images.dtype != np.uint8 or images.shape[1:] != (SIZE, SIZE) or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path}: expected images uint8 (N, {SIZE}, {SIZE}) and labels (N,), "
            f"got {images.dtype} {images.shape} and {labels.shape}"
        )
    return Drawings(images, labels.astype(str))


def stickers(drawings: Drawings) -> Drawings:
    """The demo's drawings: of each sticker the first PER_STICKER of the file, none left out."""
    rows = [row for name in STICKERS + LATER_STICKERS for row in np.flatnonzero(drawings.labels == name)[:PER_STICKER]]
    return Drawings(drawings.images[rows], drawings.labels[rows])


def save(drawings: Drawings, path: Path) -> None:
    """Write a set of drawings, as `load` reads it."""
    np.savez_compressed(path, images=drawings.images, labels=drawings.labels)


def centred(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same drawings with the box around their ink in the middle of the sheet."""
    out = np.zeros_like(images)
    for image, target in zip(images, out, strict=True):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        if rows.size:
            box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            top, left = (SIZE - box.shape[0]) // 2, (SIZE - box.shape[1]) // 2
            target[top : top + box.shape[0], left : left + box.shape[1]] = box
    return out
