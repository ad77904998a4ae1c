"""soundAnalysisPreprocessing (vggish): 0.975 s of sound at 16 kHz to 96 frames of 64 log-mel bands.

The frames, the window and the bands are those of VGGish: 25 ms windows every 10 ms, magnitudes of a 512-point
transform, and triangles that are linear in HTK mels between 125 and 7500 Hz.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import Doubles, array, as_declared, check_holds
from pyruntime.features import wrong

RATE, SAMPLES = 16000, 15600
WINDOW, HOP, POINTS = 400, 160, 512
FRAMES, BANDS = 96, 64
LOWEST, HIGHEST = 125.0, 7500.0
OFFSET = 0.01
"""Added before the logarithm."""


class SoundPreprocessing(Transform):
    """15600 samples in -1 … 1 to an array 1 x 96 x 64."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        if part.spec.soundAnalysisPreprocessing.WhichOneof("SoundAnalysisPreprocessingType") != "vggish":
            raise self.broken("its SoundAnalysisPreprocessingType is not set, expected vggish")
        self.need(self.input, "multiArray")
        self.need(self.output, "multiArray")
        if fixed_count(self.input) not in (SAMPLES, None):
            raise self.broken(f"input {self.input.name!r} is {self.input.type_name}, expected {SAMPLES} samples")
        check_holds(self.output, FRAMES * BANDS)

    def apply(self, value: Any) -> Any:
        samples = array(self.input, value).reshape(-1)
        if samples.size != SAMPLES:
            raise wrong(self.input, f"{SAMPLES} samples", samples.size)
        return as_declared(self.output, log_mel(samples).reshape(1, FRAMES, BANDS))


def log_mel(samples: Doubles) -> Doubles:
    """(frames, BANDS) of any number of samples; a frame that is not full is left out."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    magnitudes = np.abs(np.fft.rfft(frames * window, POINTS))
    return np.asarray(np.log(magnitudes @ _bands() + OFFSET))


def _mel(hertz: Doubles) -> Doubles:
    return np.asarray(1127.0 * np.log1p(hertz / 700.0))


@lru_cache(maxsize=1)
def _bands() -> Doubles:
    """Weights (POINTS / 2 + 1, BANDS) of the spectrum's lines in each band; the line of 0 Hz has none."""
    edges = np.linspace(_mel(np.array(LOWEST)), _mel(np.array(HIGHEST)), BANDS + 2)
    lines = _mel(np.linspace(0, RATE / 2, POINTS // 2 + 1))[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0, np.minimum((lines - low) / (middle - low), (high - lines) / (high - middle)))
    weights[0] = 0
    return np.asarray(weights)
