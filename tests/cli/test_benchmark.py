"""benchmark: what is measured and how it is reported.  No test judges a speed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pyruntime.benchmark import Timing, benchmark, in_turns
from pyruntime.samples import sample_features, table_sizes

from . import models
from .conftest import Run


def test_numbers_of_a_timing_are_numpys() -> None:
    seconds = [0.5, 0.1, 0.4, 0.2, 0.3]
    timing = Timing.of(seconds)
    assert (timing.runs, timing.minimum, timing.median) == (5, 0.1, 0.3)
    assert timing.p90 == pytest.approx(np.quantile(seconds, 0.9))
    assert timing.mean == pytest.approx(0.3)


def test_models_take_turns() -> None:
    seen: list[str] = []
    times = in_turns([lambda: seen.append("a"), lambda: seen.append("b")], seconds=100, runs=3)
    assert seen == ["a", "b"] * 3
    assert [len(each) for each in times] == [3, 3]


def test_there_are_some_runs_even_when_the_time_is_short() -> None:
    assert len(in_turns([lambda: None], seconds=0.0)[0]) == 3


def test_every_step_is_in_the_profile(sticker: str) -> None:
    (measured,) = benchmark([sticker], runs=4, warm_up=1, profile=True)
    assert measured.timing.runs == 4
    assert len(measured.profile) == measured.steps > 0
    assert sum(step.share for step in measured.profile) == pytest.approx(1)
    gemm = [step for step in measured.profile if step.operator == "gemm"]
    assert [(step.network, "dense_vector" in step.layer) for step in gemm] == [("embedding", True)]


def test_a_profile_compares_steps_with_the_machine(run: Run, sticker: str) -> None:
    lines = run("benchmark", sticker, "--runs", "3", "--threads", "1", "--profile").out.splitlines()
    assert lines[-1].startswith("  This machine: ")
    (header,) = [line for line in lines if line.lstrip().startswith("Layer")]
    assert header.split() == ["Layer", "Operator", "µs", "Share", "GFLOP/s", "of", "peak", "GB/s", "of", "memory"]
    (measured,) = benchmark([sticker], runs=3, profile=True)
    assert measured.machine
    assert measured.machine.operations > 1e6
    assert measured.machine.bandwidth > 1e6


def test_a_trace_has_an_event_per_step(run: Run, sticker: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    steps = run("benchmark", sticker, "--runs", "3", "--trace", str(path), "--json").json["results"][0]["profile"]
    events = [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == "X"]
    assert [event["name"] for event in events] == [step["layer"] for step in steps]
    assert [event["dur"] for event in events] == pytest.approx([step["seconds"] * 1e6 for step in steps])
    ends = [event["ts"] + event["dur"] for event in events]
    assert [event["ts"] for event in events[1:]] == pytest.approx(ends[:-1])


def test_a_trace_is_of_one_model(run: Run, linear: str, sticker: str, tmp_path: Path) -> None:
    wrong = run("benchmark", linear, sticker, "--trace", str(tmp_path / "trace.json"))
    assert wrong.code == 2
    assert "--trace: expected one model, got 2" in wrong.err


def test_text_has_one_row_per_model(run: Run, linear: str, sticker: str) -> None:
    lines = run("benchmark", linear, sticker, "--runs", "5", "--threads", "1").out.splitlines()
    assert lines[0].startswith("CPU, ")
    assert "1 thread;" in lines[0]
    assert lines[1].split()[:4] == ["Model", "Load", "First", "Min"]
    assert [line.split()[0] for line in lines[2:]] == [linear, sticker]
    assert [line.split()[6] for line in lines[2:]] == ["5", "5"]


def test_json_has_stable_keys(run: Run, linear: str) -> None:
    result = run("benchmark", linear, "--runs", "3", "--level", "ref", "--json").json["results"][0]
    assert list(result) == [
        "model", "load", "first", "timing", "threads", "level", "steps", "arena", "peak", "weights", "profile",
        "machine",
    ]  # fmt: skip
    assert list(result["timing"]) == ["runs", "minimum", "median", "p90", "mean"]
    assert result["level"] == "ref"
    assert result["timing"]["minimum"] <= result["timing"]["median"] <= result["timing"]["p90"]


def test_inputs_can_be_given(run: Run, linear: str) -> None:
    assert run("benchmark", linear, "--runs", "3", "--input", "1,2").code == 0
    wrong = run("benchmark", linear, "--runs", "3", "--input", "1,2,3")
    assert wrong.code == 1
    assert "'x'" in wrong.err


def test_samples_are_the_same_for_the_same_seed_and_fit_the_description() -> None:
    first, again, other = (sample_features(models.sticker(), seed)["drawing"] for seed in (1, 1, 2))
    assert first.shape == (4, 4)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_inputs_of_an_embedding_are_indices_into_its_table() -> None:
    spec = models.linear()
    network = spec.neuralNetwork
    network.layers[0].input[0] = "looked_up"
    permuted = network.layers.add(name="p", input=["x"], output=["px"]).permute
    permuted.axis.extend([0, 1, 2, 3])
    network.layers.add(name="e", input=["px"], output=["looked_up"]).embedding.inputDim = 7
    assert table_sizes(spec) == {"x": 7}
    values = np.concatenate([sample_features(spec, seed)["x"] for seed in range(200)])
    assert set(values.tolist()) == {0, 1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    "name",
    [
        "GestureLSTMClassifier",
        "HousePriceUpdatable",
        "LinearUpdatable",
        "MNISTClassifier",
        "UpdatableDrawingClassifier",
    ],
)
def test_models_of_others_can_be_measured(run: Run, models_dir: object, name: str) -> None:
    result = run("benchmark", f"{models_dir}/{name}.mlmodel", "--runs", "2", "--profile", "--json").json["results"][0]
    assert len(result["profile"]) == result["steps"] > 0
