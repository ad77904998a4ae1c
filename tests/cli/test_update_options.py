"""Flags of update that go beyond the model's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyruntime import MLModel

from .conftest import Run
from .test_update_networks import bars, folder


@pytest.fixture
def network(tmp_path: Path) -> str:
    return bars(tmp_path)


def learned(run: Run, model: str, tmp_path: Path, *flags: object) -> list[float]:
    data = tmp_path / "bars"
    if not data.exists():
        folder(data, 12)
    command = ("update", model, "--data", data, "--output", tmp_path / "Mine.mlmodel", "--parameter", "epochs=2")
    outcome = run(*command, "--json", *flags)
    assert outcome.code == 0, outcome.err
    return list(outcome.json["loss"])


def test_each_flag_does_something(run: Run, network: str, tmp_path: Path) -> None:
    plain = learned(run, network, tmp_path)
    for flags in (
        ["--optimizer", "adamw"], ["--weight-decay", 0.5], ["--clip-norm", 0.01],
        ["--clip-value", 0.001], ["--schedule", "cosine"], ["--warmup", 3], ["--class-weight", "left=3"],
        ["--class-weight", "0=3"], ["--label-smoothing", 0.2], ["--adapter", 2], ["--adapter", "2:8"],
    ):  # fmt: skip
        found = learned(run, network, tmp_path, *flags)
        assert found != plain, flags
        assert found[0] == pytest.approx(plain[0], rel=0.5)


def test_adapters_that_are_kept(run: Run, network: str, tmp_path: Path) -> None:
    layer = next(one.name for one in MLModel(network).get_spec().neuralNetworkClassifier.layers if one.isUpdatable)
    learned(run, network, tmp_path, "--adapter", 2, "--adapter-layer", layer, "--keep-adapters")
    assert MLModel(tmp_path / "Mine.mlmodel").parameter_value(f"{layer} adapter A:weights").shape[0] == 2


BAD = [
    (["--class-weight", "left"], 2, "LABEL=NUMBER"), (["--adapter", "two"], 2, "RANK"),
    (["--keep-adapters"], 2, "--adapter RANK"), (["--optimizer", "lion"], 1, "'lion'"),
    (["--weight-decay", "-1"], 1, "weight_decay"), (["--class-weight", "top=2"], 1, "left, middle, right"),
    (["--momentum", "0.5"], 1, "configuration"), (["--low-precision", "half"], 1, "low_precision"),
    (["--schedule", "exponential"], 1, "'exponential'"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "code", "word"), BAD)
def test_flags_that_cannot_be_meant(
    run: Run,
    network: str,
    tmp_path: Path,
    flags: list[str],
    code: int,
    word: str,
) -> None:
    data = folder(tmp_path / "bars", 3)
    outcome = run("update", network, "--data", data, "--output", tmp_path / "Mine.mlmodel", *flags)
    assert (outcome.code, outcome.out) == (code, "")
    assert word in outcome.err
    assert not (tmp_path / "Mine.mlmodel").exists()
