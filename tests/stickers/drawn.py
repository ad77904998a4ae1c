"""Drawings as strokes: lists of (x, y), 0 to 1, as a person would draw them on the page's sheet."""

from __future__ import annotations

from math import cos, pi, sin

Stroke = list[tuple[float, float]]


def circle(x: float, y: float, radius: float, points: int = 16) -> Stroke:
    turns = [2 * pi * i / points for i in range(points + 1)]
    return [(x + radius * cos(turn), y + radius * sin(turn)) for turn in turns]


def cat() -> list[Stroke]:
    ears: list[Stroke] = [[(0.29, 0.36), (0.27, 0.12), (0.43, 0.28)], [(0.57, 0.28), (0.73, 0.12), (0.71, 0.36)]]
    whiskers: list[Stroke] = [
        [(0.5 + side * 0.1, y), (0.5 + side * 0.38, y + 1.2 * (y - 0.63))] for side in (-1, 1) for y in (0.6, 0.66)
    ]
    nose: Stroke = [(0.47, 0.6), (0.53, 0.6), (0.5, 0.64), (0.47, 0.6)]
    return [circle(0.5, 0.55, 0.28), *ears, circle(0.4, 0.48, 0.03, 10), circle(0.6, 0.48, 0.03, 10), nose, *whiskers]


def house() -> list[Stroke]:
    return [
        [(0.28, 0.5), (0.28, 0.82), (0.75, 0.82), (0.75, 0.48)],
        [(0.2, 0.52), (0.5, 0.2), (0.82, 0.5)],
        [(0.28, 0.5), (0.75, 0.49)],
        [(0.46, 0.82), (0.46, 0.64), (0.58, 0.64), (0.58, 0.82)],
    ]


def rocket(lean: float = 0.0) -> list[Stroke]:
    """lean: makes each a little different."""
    return [
        [(0.4 + lean, 0.7), (0.4, 0.35), (0.5, 0.12 + lean), (0.6, 0.35), (0.6 - lean, 0.7), (0.4 + lean, 0.7)],
        [(0.4, 0.55), (0.28, 0.75 + lean), (0.4, 0.7)],
        [(0.6, 0.55), (0.72, 0.75 - lean), (0.6, 0.7)],
        circle(0.5, 0.4 + lean, 0.05),
        [(0.45, 0.72), (0.5, 0.88 - lean), (0.55, 0.72)],
    ]
