"""What the race takes for the right answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

if not (Path(__file__).resolve().parents[2] / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not beside the tests", allow_module_level=True)

ONE, TWO = np.linspace(-1, 2, 12, dtype=np.float32).reshape(1, 3, 4), np.arange(12, dtype=np.float32)


def test_outputs_may_come_in_another_order_and_shape() -> None:
    from worker import compare

    assert compare("peer", {"out0": ONE, "out1": TWO}, [TWO, ONE[0]]) == 0


def test_the_greatest_difference_is_relative_to_the_greatest_magnitude() -> None:
    from worker import compare

    off = ONE.copy()
    off[0, 0, 0] += 0.001
    assert compare("peer", {"out0": ONE, "out1": TWO}, [off, TWO]) == pytest.approx(0.0005, rel=1e-3)
    off[0, 0, 0] += 0.003
    with pytest.raises(ValueError, match=r"peer, out0: the answer differs by 2\.0e-03 .* allowed 0\.001"):
        compare("peer", {"out0": ONE}, [off])
    assert compare("peer", {"out0": ONE}, [off], 0.01) == pytest.approx(0.002, rel=1e-3)


@pytest.mark.parametrize(
    ("got", "message"),
    [([ONE, TWO], "2 outputs, expected 1"), ([ONE[0, 0]], "12 numbers expected, the outputs have 4"),
     ([np.full_like(ONE, np.nan)], "differs by inf"), ([np.zeros_like(ONE)], "differs by 1.0e")],
)  # fmt: skip
def test_wrong_answers_are_told(got: list[np.ndarray], message: str) -> None:
    from worker import compare

    with pytest.raises(ValueError, match=message):
        compare("peer", {"out0": ONE}, got)


def test_indices_may_differ_in_one_place_of_a_thousand() -> None:
    from worker import compare

    right = np.arange(2000)
    nearly = right.copy()
    nearly[0] = 7
    compare("peer", {"out0": right}, [nearly])
    nearly[:3] = 7
    with pytest.raises(ValueError, match="differs by inf"):
        compare("peer", {"out0": right}, [nearly])


def test_a_missing_form_says_why(tmp_path: Path) -> None:
    from exported import read_exported
    from peers.network import Unwritable

    np.savez(tmp_path / "reference.npz", out0=TWO, in1=TWO, in0=ONE)
    (tmp_path / "executorch.reason").write_text("it takes too long\n")
    network = read_exported(tmp_path)
    assert list(network.inputs) == ["in0", "in1"] and network.outputs == ("out0",)
    with pytest.raises(Unwritable, match="it takes too long"):
        network.file("model.pte")
    with pytest.raises(Unwritable, match=r"model\.onnx was not exported"):
        network.onnx()
