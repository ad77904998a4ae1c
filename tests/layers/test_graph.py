"""Names and types of layers: what a network may not do, whatever its layers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.layers.network import LAYERS
from pyruntime.model import MLModel
from pyruntime.spec import messages

from .network import layer, model, predict, refused, weights

COPY = layer("activation", "x", "y", "first", ReLU={})
BAD: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "unknown input": ([layer("softmax", "nowhere", name="soft1")], ("soft1", "softmax", "input", "nowhere")),
    "input made later": (
        [layer("softmax", "z", name="soft1"), layer("softmax", "x", "z")], ("soft1", "input", "z")
    ),
    "its own output": ([layer("softmax", "y", "y", "soft1")], ("soft1", "input", "y")),
    "output of a name that is taken": ([COPY, layer("softmax", "x", "y", "soft1")], ("soft1", "output", "y", "taken")),
    "output of an input's name": ([layer("softmax", "x", "x", "soft1"), COPY], ("soft1", "output", "x", "taken")),
    "one name for two outputs": (
        [layer("split", "x", "a a", "split1", nOutputs=2), COPY], ("split1", "output", "a", "taken")
    ),
    "no output": ([layer("softmax", "x", "", "soft1"), COPY], ("soft1", "output", "1 name", "[]")),
    "two outputs of one result": ([layer("softmax", "x", "y z", "soft1")], ("soft1", "output", "1 name", "z")),
    "no type": ([messages.NeuralNetworkLayer(name="none1", input=["x"], output=["y"])], ("none1", "type")),
    "no name": ([layer("reduce", mode=77)], ("the reduce", "77")),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "words"), BAD.values(), ids=BAD)
def test_bad_networks_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3, 3)}, layers), *words)


def test_every_layer_type_of_the_format_is_lowered() -> None:
    oneof = messages.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"]
    assert {field.name for field in oneof.fields} == set(LAYERS)


@pytest.mark.parametrize("kind", LAYERS)
def test_an_empty_layer_runs_or_is_refused_in_one_sentence(kind: str) -> None:
    """Defaults only: whatever a layer makes of them, nothing but this package's errors leaves it."""
    from pyruntime.errors import MLModelError

    spec = model({"x": (4, 3, 3)}, [layer(kind, name="empty1")])
    try:
        predict(spec, {"x": np.ones((4, 3, 3))})
    except MLModelError as error:
        assert f"'empty1' ({kind})" in str(error)


def test_a_result_larger_than_the_memory_limit_is_refused() -> None:
    layers = [layer("upsample", "x", "u", "large1", scalingFactor=(1000, 1000)), layer("softmax", "u", "y")]
    spec = model({"x": (4, 3, 3)}, layers)
    with pytest.raises(MemoryError, match=r"at least 14\d{4} KiB.*limit is 1024 KiB"):
        MLModel(spec, configuration=MLModelConfiguration(threads=1, memory_limit=2**20)).predict(
            {"x": np.ones((4, 3, 3))}
        )


def test_constants_are_not_blown_up_when_the_model_is_loaded() -> None:
    """A file of some hundred bytes must not ask for gigabytes before anybody predicts."""
    import tracemalloc

    constant = layer("loadConstant", "", "c", "c", shape=(1, 1, 1), data=weights([1.0]))
    grown = [layer("upsample", "c", "u", scalingFactor=(8192, 8192)), layer("reduce", "u", "m", mode=7)]
    spec = model({"x": (1, 1, 1)}, [constant, *grown, layer("add", "x m")])
    tracemalloc.start()
    try:
        MLModel(spec, configuration=MLModelConfiguration(threads=1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**26, f"{peak >> 20} MiB for a constant of one number"
