"""The demo as a user runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "examples" / "stickers" / "demo.py"


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(DEMO), *arguments], capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout


def test_five_drawings_of_each_sticker_are_enough_to_beat_raw_pixels_by_far(tmp_path: Path) -> None:
    text = run("--output", str(tmp_path))
    shares = [float(number) for number in re.findall(r"([\d.]+) %", text)]
    before, after, pixels, later, later_pixels = shares
    assert before == 0.0
    assert after > pixels + 40, "the network's k-NN against k-NN on raw pixels, five stickers"
    assert later > later_pixels + 40, "with two more stickers"
    assert "the same answers to the last bit" in text
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 280, "every drawing, learned or asked about, is on the page"


def test_the_demo_runs_with_apples_drawing_classifier(models_dir: Path, tmp_path: Path) -> None:
    text = run("--model", str(models_dir / "UpdatableDrawingClassifier.mlmodel"), "--output", str(tmp_path))
    assert "the same answers to the last bit" in text
