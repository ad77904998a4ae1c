"""Curves of an update in a terminal: dots of Braille, or letters where its encoding lacks them."""

from __future__ import annotations

from pyruntime.update.history import TrainingHistory
from pyruntime.update.plot import Curve, Panel, panels, ticks

ROWS = 8
COLOURS = ("\x1b[34m", "\x1b[33m")
LETTERS = ("*", "o")
BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a Braille cell, by row and column."""


def curves(history: TrainingHistory, width: int, *, colour: bool, encoding: str = "utf-8") -> str:
    """Loss, and beside it accuracy, in `width` columns; "" before the first epoch has ended.

    Without colours, curves differ by their letters.
    """
    shown = [panel for panel in panels(history) if panel.curves]
    if not shown:
        return ""
    braille = colour and encoding.lower().replace("-", "") in ("utf8", "utf16")
    own = min((width - 2 * (len(shown) - 1)) // len(shown), 60)
    blocks = [_panel(panel, own, colour=colour, braille=braille) for panel in shown]
    return "\n".join("  ".join(lines) for lines in zip(*blocks, strict=True)) + "\n"


def _panel(panel: Panel, width: int, *, colour: bool, braille: bool) -> list[str]:
    """Lines of equal width on the screen: a title with the newest values, the curves, the axis below."""
    points = [point for curve in panel.curves for point in curve.points]
    low, high = (0.0, 1.0) if panel.share else (min(y for _, y in points), max(y for _, y in points))
    scale = ticks(low, high, 3)
    labels = [f"{100 * y:.3g} %" if panel.share else f"{y:.3g}" for y in (scale[-1], scale[0])]
    margin = max(map(len, labels))
    columns = max(width - margin - 2, 8)
    grid = Grid(columns, ROWS, braille=braille)
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    for i, curve in enumerate(panel.curves):
        grid.draw(
            [((x - first) / max(last - first, 1), (y - scale[0]) / (scale[-1] - scale[0])) for x, y in curve.points], i
        )
    edges = [labels[0], *[""] * (ROWS - 2), labels[1]]
    lines = [f"{edge:>{margin}} │{line}" for edge, line in zip(edges, grid.lines(colour=colour), strict=True)]
    axis = f"{first:g}{f'epoch {last:g}':>{columns - len(f'{first:g}')}}"
    ascii_bar = [line if braille else line.replace("│", "|") for line in lines]
    return [_title(panel, width, margin, colour=colour), *ascii_bar, f"{'':>{margin}}  {axis}"]


def _title(panel: Panel, width: int, margin: int, *, colour: bool) -> str:
    """Names and newest values, in the colours of the curves."""
    text, length = f"{'':>{margin}}  {panel.title}", margin + 2 + len(panel.title)
    for i, curve in enumerate(panel.curves):
        piece = f"  {_mark(i, colour=colour)}{curve.name} {_newest(curve, panel)}"
        if length + len(piece) <= width:
            text += f"{COLOURS[i]}{piece}\x1b[0m" if colour else piece
            length += len(piece)
    return text + " " * (width - length)


def _mark(i: int, *, colour: bool) -> str:
    return "" if colour else f"{LETTERS[i]} "


def _newest(curve: Curve, panel: Panel) -> str:
    value = curve.points[-1][1]
    return f"{100 * value:.1f} %" if panel.share else f"{value:.4g}"


class Grid:
    """Cells of characters on which curves are drawn, a later one over an earlier one."""

    def __init__(self, columns: int, rows: int, *, braille: bool) -> None:
        self._fine = (2, 4) if braille else (1, 1)
        self._braille = braille
        self._cells = [[0] * columns for _ in range(rows)]
        self._owner = [[-1] * columns for _ in range(rows)]

    def draw(self, points: list[tuple[float, float]], which: int) -> None:
        """points: (x, y) from 0 to 1, from the lower left, in the order of x."""
        wide, high = len(self._cells[0]) * self._fine[0] - 1, len(self._cells) * self._fine[1] - 1
        places = [(round(x * wide), round((1 - min(max(y, 0.0), 1.0)) * high)) for x, y in points]
        for (x0, y0), (x1, y1) in zip(places, places[1:] or places, strict=False):
            count = max(abs(x1 - x0), abs(y1 - y0), 1)
            for i in range(count + 1):
                self._dot(round(x0 + (x1 - x0) * i / count), round(y0 + (y1 - y0) * i / count), which)

    def _dot(self, x: int, y: int, which: int) -> None:
        column, row = x // self._fine[0], y // self._fine[1]
        self._owner[row][column] = which
        self._cells[row][column] |= DOTS[y % 4][x % 2] if self._braille else 1

    def lines(self, *, colour: bool) -> list[str]:
        return [
            "".join(self._cell(row, i, colour=colour) for i in range(len(self._cells[0])))
            for row in range(len(self._cells))
        ]

    def _cell(self, row: int, column: int, *, colour: bool) -> str:
        dots, owner = self._cells[row][column], self._owner[row][column]
        if not dots:
            return " "
        shown = chr(BRAILLE + dots) if self._braille else LETTERS[owner]
        return f"{COLOURS[owner]}{shown}\x1b[0m" if colour else shown
