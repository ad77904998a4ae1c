"""Numbers to few bits: the arithmetic of quantization, on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import BuildError
from pyruntime.models.neural_network.weight_params import Quantization

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def linear(weights: Floats, bits: int) -> tuple[Bytes, Quantization]:
    """w = scale * q + bias per row, from the smallest number of the row to its largest.

    weights: (channels, n).  A row of one value has scale 0.
    """
    low, high = weights.min(axis=1, keepdims=True), weights.max(axis=1, keepdims=True)
    scale = (high - low) / np.float32((1 << bits) - 1)
    return _steps(weights - low, scale), Quantization(bits, scale=scale, bias=low)


def linear_symmetric(weights: Floats, bits: int) -> tuple[Bytes, Quantization]:
    """w = scale * (q - 128) per row, from minus the largest absolute number to plus; 8 bits."""
    if bits != 8:
        raise BuildError(f"linear_symmetric takes 8 bits, got {bits}")
    scale = np.abs(weights).max(axis=1, keepdims=True) / np.float32(127)
    steps = _divide(weights, scale) + 128
    return steps.astype(np.uint8), Quantization(bits, scale=scale, bias=-128 * scale)


def linear_table(weights: Floats, bits: int) -> tuple[Bytes, Quantization]:
    """w = table[q], one table of evenly spaced numbers for all."""
    low, high = weights.min(), weights.max()
    scale = (high - low) / np.float32((1 << bits) - 1)
    table = low + scale * np.arange(1 << bits, dtype=np.float64)
    return _steps(weights - low, np.array(scale)), Quantization(bits, table=table.astype(np.float32))


def kmeans_table(weights: Floats, bits: int) -> tuple[Bytes, Quantization]:
    """w = table[q], one table of the centres of clusters; exact where different numbers are no more than places."""
    numbers = np.sort(weights.ravel()).astype(np.float64)
    different = np.unique(numbers)
    if different.size <= 1 << bits:
        centres = np.pad(different, (0, (1 << bits) - different.size), mode="edge")
    else:
        centres = min((_lloyd(numbers, start) for start in _starts(numbers, 1 << bits)), key=lambda found: found[0])[1]
    table = centres.astype(np.float32)
    nearest = np.searchsorted((table[1:] + table[:-1]) / 2, weights)
    return nearest.astype(np.uint8), Quantization(bits, table=table)


def _starts(numbers: NDArray[np.float64], count: int) -> list[NDArray[np.float64]]:
    """Centres to begin with: as dense as the numbers; as the cube root of that, best for many centres; even."""
    places = (np.arange(count) + 0.5) / count
    histogram, edges = np.histogram(numbers, bins=max(8 * count, 256))
    dense = np.concatenate([[0.0], np.cumsum(np.cbrt(histogram))])
    even = numbers[0] + places * (numbers[-1] - numbers[0])
    return [np.quantile(numbers, places), np.interp(places * dense[-1], dense, edges), even]


def _lloyd(numbers: NDArray[np.float64], centres: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Lloyd's algorithm on a line: sorted numbers fall into an interval per centre, whose mean is the next centre.

    Gives the sum of squared errors, apart from a constant, and the centres, sorted.
    """
    sums = np.concatenate([[0.0], np.cumsum(numbers)])
    for _ in range(300):
        edges = np.concatenate([[0], np.searchsorted(numbers, (centres[1:] + centres[:-1]) / 2), [numbers.size]])
        counts = np.diff(edges)
        means = np.where(counts > 0, np.diff(sums[edges]) / np.maximum(counts, 1), centres)
        done = np.array_equal(means, centres)
        centres = np.sort(means)
        if done:
            break
    return -float(np.sum(np.diff(sums[edges]) ** 2 / np.maximum(counts, 1))), centres


def custom_table(
    function: Callable[[int, Any], tuple[Any, Any]],
) -> Callable[[Floats, int], tuple[Bytes, Quantization]]:
    """A quantizer from a caller's function: (bits, numbers) to (table, place in the table of each number)."""

    def quantize(weights: Floats, bits: int) -> tuple[Bytes, Quantization]:
        table, places = (np.asarray(part) for part in function(bits, weights.ravel()))
        if table.size != 1 << bits:
            raise BuildError(f"lut_function gave a table of {table.size} numbers, expected {1 << bits} for {bits} bits")
        if places.size != weights.size or not 0 <= places.min() <= places.max() < 1 << bits:
            raise BuildError(f"lut_function: expected {weights.size} places from 0 to {(1 << bits) - 1} in its table")
        return places.reshape(weights.shape).astype(np.uint8), Quantization(
            bits, table=table.astype(np.float32).ravel()
        )

    return quantize


def _steps(distance: Floats, scale: Floats) -> Bytes:
    return _divide(distance, scale).astype(np.uint8)


def _divide(numbers: Floats, scale: Floats) -> Floats:
    """Whole numbers of steps; 0 where the step is 0."""
    safe = np.where(scale == 0, np.float32(1), scale)
    steps: Floats = np.where(scale == 0, np.float32(0), np.round(numbers / safe)).astype(np.float32)
    return steps
