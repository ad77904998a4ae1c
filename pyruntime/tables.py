"""Text in columns, for terminals and pipes alike.

What is shown may come from a stranger's file, so control characters, which could move the cursor or change
colours, are shown as escapes.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

INDENT = "  "
GAP = "  "
JOINER = "\u200d"  # joins emoji to one picture
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def printable(text: str) -> str:
    """One line, its words apart by one space, with control and direction characters as \\x1b, \\u202e, …"""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """The text with control and direction characters, line ends included, as \\x1b, \\u202e, …"""
    return "".join(
        character if character == JOINER or unicodedata.category(character) not in _UNSEEN
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )  # fmt: skip


def columns(text: str) -> int:
    """Columns of a terminal that the text takes; wide characters and emoji take two."""
    return sum(
        0 if unicodedata.combining(c) or c == "\u200d" else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def nbytes(count: int) -> str:
    """ "362 bytes", "391 KB", "2.3 MB": steps of 1000, as files are usually counted."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("KB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"
    return f"{size:.0f} TB"


def counted(count: int, noun: str) -> str:
    """ "1 example", "3 examples"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def table(
    rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Sequence[int] = (), width: int = 0
) -> list[str]:
    """Aligned lines.  right: columns to align right.  width: for wrapping the last column, 0 for never."""
    if not rows:
        return []
    cells = [[printable(cell) for cell in row] for row in ([header, *rows] if header else rows)]
    sizes = [max(columns(row[i]) for row in cells) for i in range(len(cells[0]))]
    before = len(INDENT) + sum(sizes[:-1]) + len(GAP) * (len(sizes) - 1)
    room = max(width - before, 24) if width else 0
    lines = []
    for row in cells:
        last = textwrap.wrap(row[-1], room) if room and columns(row[-1]) > room else [row[-1]]
        aligned = [_aligned(cell, sizes[i], i in right) for i, cell in enumerate([*row[:-1], last[0]])]
        lines.append((INDENT + GAP.join(aligned)).rstrip())
        lines += [" " * before + more for more in last[1:]]
    return lines


def wrapped(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """(name, text) rows, the text wrapped."""
    return table(rows, width=width)


def _aligned(text: str, size: int, right: bool) -> str:
    space = " " * (size - columns(text))
    return space + text if right else text + space
