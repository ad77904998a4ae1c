"""TrainingHistory: what epochs told, as numbers, table and picture."""

from __future__ import annotations

import csv
import io
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime import MetricKey, MLModel, MLUpdateProgressHandlers, MLUpdateTask, TrainingHistory, UpdateEvent
from pyruntime.errors import ModelIOError, UpdateError
from pyruntime.update.plot import HELD, TRAINING, ticks
from tests.training.networks import as_examples
from tests.training.test_task import classes, pictures

EXAMPLES = as_examples(x=pictures(20), y_true=[[i % 3] for i in range(20)])


def trained(history: TrainingHistory, **more: Any) -> MLUpdateTask:
    task = MLUpdateTask(MLModel(classes()), EXAMPLES[:14], progress_handlers=history, **more)
    task.resume()
    assert task.wait(60)
    assert task.error is None, task.error
    return task


def test_it_is_a_set_of_progress_handlers_and_calls_others_too() -> None:
    told: list[str] = []
    then = MLUpdateProgressHandlers(
        UpdateEvent.MINI_BATCH_END, lambda c: told.append(c.event.name), lambda c: told.append("completed")
    )
    history = TrainingHistory(then)
    trained(history, validation_data=EXAMPLES[14:])
    assert len(history.epochs) == 20
    assert [e["epochIndex"] for e in history.epochs] == list(range(20))
    assert told == ["MINI_BATCH_END"] * 80 + ["completed"]
    assert set(history.epochs[0]) == {key.value for key in MetricKey} - {"miniBatchIndex"}
    assert history.series("lossValue") == history.series(MetricKey.LOSS_VALUE)
    assert history.series("lossValue")[0] == (1, history.epochs[0]["lossValue"])
    history.epochs[0]["lossValue"] = 7
    assert history.epochs[0]["lossValue"] != 7, "a copy"
    assert hash(history) != hash(TrainingHistory())
    assert "20 epochs" in repr(history)


def test_csv_has_all_digits(tmp_path: Path) -> None:
    history = TrainingHistory()
    trained(history, validation_data=EXAMPLES[14:])
    text = history.to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == list(history.epochs)
    plain = TrainingHistory()
    trained(plain)
    assert plain.to_csv().splitlines()[0] == "epochIndex,lossValue"


def made(rows: list[dict[str, float]]) -> TrainingHistory:
    history = TrainingHistory()
    for i, row in enumerate(rows):
        history.add({"epochIndex": i} | row)
    return history


ROWS = [
    {"lossValue": 3.0 / (i + 1), "validationLoss": 4.0 / (i + 1), "accuracy": i / 9, "validationAccuracy": i / 10}
    for i in range(10)
]


def test_an_svg_has_a_curve_per_metric_in_its_place(tmp_path: Path) -> None:
    made(ROWS).save_plot(tmp_path / "c.svg")
    root = ET.parse(tmp_path / "c.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    lines = [line for line in root.iter(f"{space}polyline") if line.get("stroke") in (TRAINING, HELD)]
    assert [line.get("stroke") for line in lines] == [HELD, TRAINING] * 2
    for line, key, low, high in zip(
        lines,
        ["validationLoss", "lossValue", "validationAccuracy", "accuracy"],
        [0, 0, 0, 0],
        [4, 4, 1, 1],
        strict=True,
    ):
        points = np.array([[float(n) for n in pair.split(",")] for pair in line.get("points", "").split()])
        x, y = points.T
        assert np.allclose(np.diff(x), np.diff(x)[0], atol=0.02), "epochs are equally far apart"
        values = np.array([row[key] for row in ROWS])
        slope = np.polyfit(values, y, 1)[0]
        assert np.allclose(y - y[0], slope * (values - values[0]), atol=0.02), "straight in the values"
        assert slope < 0, "larger is higher"
        assert high - low == pytest.approx(-(280 - 40 - 44) / slope, rel=1e-3)
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"Loss", "Accuracy", "training", "hold-out", "epoch", "100 %"} <= set(texts)


def test_a_png_has_the_colours_of_its_curves(tmp_path: Path) -> None:
    made(ROWS).save_plot(tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        assert (image.format, image.size) == ("PNG", (1440, 1120))
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20) or []}
    for wanted in (TRAINING, HELD):
        rgb = tuple(int(wanted[i : i + 2], 16) for i in (1, 3, 5))
        assert rgb in colours


@pytest.mark.parametrize(
    "rows",
    [
        [{"lossValue": 1.0}],
        [{"lossValue": 0.0}, {"lossValue": 0.0}],
        [{"lossValue": 1.0}, {"lossValue": math.inf}, {"lossValue": math.nan}],
        [{"lossValue": math.nan}],
        [{"lossValue": 1e30}, {"lossValue": 1e-30}],
        [{"lossValue": -3.0, "validationLoss": -3.0}],
        [{"lossValue": 1e-300}, {"lossValue": 2e-300}],
        [{"lossValue": float(i)} for i in range(3000)],
    ],
    ids=["one", "zero", "infinite", "nothing", "wide", "negative", "tiny", "many"],
)
def test_any_numbers_can_be_plotted(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    from pyruntime.cli.curves import curves

    history = made(rows)
    for name in ("c.svg", "c.png"):
        history.save_plot(tmp_path / name)
    assert "nan" not in (tmp_path / "c.svg").read_text()
    assert "inf" not in (tmp_path / "c.svg").read_text()
    ET.parse(tmp_path / "c.svg")
    assert len(curves(history, 80, colour=False).splitlines()) in (0, 10)


def test_an_epoch_that_is_told_again_counts_once() -> None:
    history = made(ROWS[:3])
    history.add({"epochIndex": 2, "lossValue": 0.5})
    assert history.series("lossValue") == [(1, 3.0), (2, 1.5), (3, 0.5)]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.3, 0.31), (-5, 1200), (7, 7), (0, 0), (1e-9, 1e9)])
def test_ticks_are_round_and_enclose(low: float, high: float) -> None:
    found = ticks(low, high, 6)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 2 <= len(found) <= 9
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    assert float(f"{steps[0]:e}"[:3]) in (1, 2, 5)


def test_what_cannot_be_plotted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"c.jpg: .*\.png or \.svg"):
        made(ROWS).save_plot(tmp_path / "c.jpg")
    with pytest.raises(UpdateError, match="no epoch has ended"):
        TrainingHistory().save_plot(tmp_path / "c.png")
    with pytest.raises(ModelIOError, match="No such file"):
        made(ROWS).save_plot(tmp_path / "none" / "c.png")
