"""Curves of a TrainingHistory: laid out once as lines and texts, drawn as SVG or with Pillow."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from pyruntime.update.context import MetricKey

if TYPE_CHECKING:
    from pyruntime.update.history import TrainingHistory

Point = tuple[float, float]
WIDTH, PANEL = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 40, 44
INK, GRID, TRAINING, HELD = "#222222", "#dddddd", "#1f6fb4", "#d1603d"
SCALE = 2
"""Pixels of a PNG per unit; it is drawn twice as fine and then shrunk, which smooths the lines."""


@dataclass(frozen=True)
class Curve:
    """points: (epoch, value), finite."""

    name: str
    colour: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """share: values are shares of 1, shown as percentages."""

    title: str
    curves: tuple[Curve, ...]
    share: bool = False


@dataclass(frozen=True)
class Line:
    """A stroke through points, in units of the picture from its upper left."""

    points: tuple[Point, ...]
    colour: str
    width: float


@dataclass(frozen=True)
class Text:
    """anchor: start, middle or end of the text is at x; y is its middle."""

    x: float
    y: float
    text: str
    anchor: str
    size: int
    colour: str = INK


def panels(history: TrainingHistory) -> tuple[Panel, ...]:
    """Loss, and accuracy when there is one."""
    loss = _curves(history, MetricKey.LOSS_VALUE, MetricKey.VALIDATION_LOSS)
    right = _curves(history, MetricKey.ACCURACY, MetricKey.VALIDATION_ACCURACY)
    return Panel("Loss", loss), *([Panel("Accuracy", right, True)] if right else [])


def _curves(history: TrainingHistory, *keys: MetricKey) -> tuple[Curve, ...]:
    """Values that are no numbers have no place on a curve."""
    found = []
    for key, name, colour in zip(keys, ("training", "hold-out"), (TRAINING, HELD), strict=True):
        points = tuple((float(x), y) for x, y in history.series(key) if math.isfinite(y))
        if points:
            found.append(Curve(name, colour, points))
    return tuple(found)


def picture(history: TrainingHistory, suffix: str) -> bytes:
    """The bytes of a .png or .svg file."""
    shown = panels(history)
    shapes = [shape for i, panel in enumerate(shown) for shape in layout(panel, i * PANEL)]
    size = WIDTH, PANEL * len(shown)
    return svg(shapes, size).encode() if suffix == ".svg" else png(shapes, size)


def layout(panel: Panel, top: float) -> list[Line | Text]:
    """The lines and texts of a panel whose upper edge is at `top`."""
    points = [point for curve in panel.curves for point in curve.points] or [(1.0, 0.0)]
    across = ticks(min(x for x, _ in points), max(x for x, _ in points), 10, least=1.0)
    low, high = (0.0, 1.0) if panel.share else (min(y for _, y in points), max(y for _, y in points))
    up = ticks(low, high, 6)
    x0, x1 = min(points)[0], max(max(points)[0], min(points)[0] + 1)
    y0, y1 = up[0], up[-1]

    def at(x: float, y: float) -> Point:
        return (
            LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
            top + PANEL - BOTTOM - (y - y0) / (y1 - y0) * (PANEL - TOP - BOTTOM),
        )

    shapes: list[Line | Text] = [Text(LEFT, top + TOP / 2, panel.title, "start", 15)]
    for y in up:
        shapes.append(Line((at(x0, y), at(x1, y)), GRID, 1))
        label = f"{100 * y:.3g} %" if panel.share else f"{y:.4g}"
        shapes.append(Text(LEFT - 8, at(x0, y)[1], label, "end", 11))
    for x in across:
        if x0 <= x <= x1:
            shapes.append(Text(at(x, y0)[0], at(x, y0)[1] + 14, f"{x:g}", "middle", 11))
    shapes.append(Text(WIDTH - RIGHT, top + PANEL - 14, "epoch", "end", 11))
    for i, curve in enumerate(reversed(panel.curves)):
        shapes.append(Text(WIDTH - RIGHT - 90 * i, top + TOP / 2, curve.name, "end", 12, curve.colour))
        shapes.append(_drawn(curve, at))
    return shapes


def _drawn(curve: Curve, at: Any) -> Line:
    """One epoch alone is a short stroke."""
    places = [at(x, y) for x, y in curve.points]
    if len(places) == 1:
        (x, y), *_ = places
        places = [(x - 3, y), (x + 3, y)]
    return Line(tuple(places), curve.colour, 2)


def ticks(low: float, high: float, most: int, least: float = 0.0) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, `most` steps at the most, each at least `least`."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    wanted = max((high - low) / most, least)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= wanted * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def svg(shapes: Sequence[Line | Text], size: tuple[int, int]) -> str:
    """The shapes as SVG; size: width and height."""
    width, height = size
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for shape in shapes:
        if isinstance(shape, Line):
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            lines.append(
                f'<polyline points="{points}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"/>'
            )
        else:
            lines.append(
                f'<text x="{shape.x:.2f}" y="{shape.y + shape.size * 0.35:.2f}" font-size="{shape.size}" '
                f'text-anchor="{shape.anchor}" fill="{shape.colour}">{escape(shape.text)}</text>'
            )
    return "\n".join([*lines, "</svg>"]) + "\n"


def png(shapes: Sequence[Line | Text], size: tuple[int, int]) -> bytes:
    """The shapes as PNG, SCALE pixels per unit."""
    from PIL import Image, ImageDraw

    fine = 2 * SCALE
    image = Image.new("RGB", (size[0] * fine, size[1] * fine), "#ffffff")
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, Line):
            points = [(x * fine, y * fine) for x, y in shape.points]
            draw.line(points, shape.colour, round(shape.width * fine), joint="curve")
        else:
            _write(draw, shape, fine)
    image = image.resize((size[0] * SCALE, size[1] * SCALE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return data.getvalue()


def _write(draw: Any, text: Text, fine: int) -> None:
    """Pillow's own font, which has no sizes before Pillow 10.1 or without FreeType."""
    from PIL import ImageFont

    try:
        font: Any = ImageFont.load_default(text.size * fine)
    except TypeError:
        font = ImageFont.load_default()
    left, top, right, bottom = draw.textbbox((0, 0), text.text, font=font)
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * (right - left)
    draw.text((text.x * fine - shift - left, text.y * fine - (top + bottom) / 2), text.text, text.colour, font=font)
