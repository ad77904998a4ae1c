"""One HTML file with every drawing and what the model said about it, before and after learning."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Drawing = NDArray[np.uint8]


class Row(NamedTuple):
    """A drawing that was asked about, what it is, and the two answers."""

    drawing: Drawing
    label: str
    before: str
    after: str


STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --dim: #667485; --right: #1c8a4b; --wrong: #c2402d; --line: #d9dfe6; --paper: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --dim: #93a1b0; --right: #56c98a; --wrong: #ff8a75; --line: #33404d; --paper: #151b21 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem } p { color: var(--dim); margin: .2rem 0 }
.drawings { display: flex; flex-wrap: wrap; gap: .6rem } figure { margin: 0; width: 5.4rem }
img { width: 5.4rem; height: 5.4rem; image-rendering: pixelated; border-radius: .5rem; border: 2px solid var(--line) }
.right img { border-color: var(--right) } .wrong img { border-color: var(--wrong) }
figcaption { font-size: .74rem; line-height: 1.25; text-align: center; color: var(--dim) }
b { font-weight: 600 } .right b { color: var(--right) } .wrong b { color: var(--wrong) }
"""


def picture(drawing: Drawing) -> str:
    """The drawing as an <img>."""
    data = io.BytesIO()
    Image.fromarray(drawing).save(data, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def figure(row: Row) -> str:
    kind = "right" if row.after == row.label else "wrong"
    caption = f"{escape(row.before)} → <b>{escape(row.after)}</b>"
    return f'<figure class="{kind}">{picture(row.drawing)}<figcaption>{caption}</figcaption></figure>'


def write_page(path: Path, rows: list[Row], examples: Drawing, labels: list[str]) -> None:
    """Examples that were learned, then every other drawing with the answer before → after."""
    right = sum(row.after == row.label for row in rows)
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>Stickers</title><style>{STYLE}</style><h1>Stickers learned on this machine</h1>",
        f"<p>{right} of {len(rows)} drawings not seen before are right. Under each: before → <b>after</b>.</p>",
    ]
    for name in dict.fromkeys(labels):
        taught = "".join(
            f"<figure>{picture(d)}</figure>" for d, label in zip(examples, labels, strict=True) if label == name
        )
        asked = "".join(figure(row) for row in rows if row.label == name)
        parts.append(f'<h2>{escape(name)}</h2><p>learned from</p><div class="drawings">{taught}</div>')
        parts.append(f'<p>asked about</p><div class="drawings">{asked}</div>')
    parts.append("<p>Drawings: Quick, Draw! by Google, CC BY 4.0.</p></html>")
    path.write_text("\n".join(parts), encoding="utf-8")
