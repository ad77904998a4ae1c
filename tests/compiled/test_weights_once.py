"""While a model is compiled its weights are in memory once: file pages go back, arrays go when they are copied."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, save_spec
from pyruntime.ir.pages import FROM, let_go
from pyruntime.plan.encode import _copy
from pyruntime.spec import messages
from tests.small_models import linear

WIDTH, LAYERS = 2048, 5


def dense_network() -> messages.Model:
    """LAYERS matrices of 16 MiB, none like another."""
    spec = linear(1)
    for feature in (*spec.description.input, *spec.description.output):
        feature.type.multiArrayType.shape[:] = [WIDTH]
    one = spec.neuralNetwork.layers[0]
    assert one.WhichOneof("layer") == "innerProduct"
    names = [one.input[0], *(f"h{i}" for i in range(1, LAYERS)), spec.description.output[0].name]
    del spec.neuralNetwork.layers[:]
    for i in range(LAYERS):
        layer = spec.neuralNetwork.layers.add(name=f"dense{i}", input=[names[i]], output=[names[i + 1]])
        layer.innerProduct.inputChannels = layer.innerProduct.outputChannels = WIDTH
        matrix = np.random.default_rng(i).standard_normal((WIDTH, WIDTH), np.float32)
        layer.innerProduct.weights.floatValue[:] = matrix.reshape(-1)
    return spec


PROGRAM = """
import sys, pyruntime
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
configuration = pyruntime.MLModelConfiguration(cache_folder=None, threads=1)
pyruntime.MLModel(sys.argv[1], configuration=configuration)
before = peak()
model = pyruntime.MLModel(sys.argv[2], configuration=configuration)
print((peak() - before) / model.engine.program.weights.nbytes)
"""


def test_compiling_takes_little_more_than_the_weights(tmp_path: Path) -> None:
    save_spec(linear(1), tmp_path / "small.mlmodel")
    save_spec(dense_network(), tmp_path / "large.mlmodel")
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "small.mlmodel"), str(tmp_path / "large.mlmodel")]
    share = float(subprocess.run(words, check=True, capture_output=True, text=True, cwd=tmp_path).stdout)
    assert 1 <= share < 1.7  # the file, packed weights and their block were 3 before; one matrix more is 0.2


def test_table_of_an_embedding_in_another_order() -> None:
    size, vocabulary = 1400, 3001  # 16.0 MiB: not copied before it is where it will lie
    spec = messages.Model(specificationVersion=4)
    x = spec.description.input.add(name="x").type.multiArrayType
    x.shape.extend([5, 1])
    x.dataType = 65568
    y = spec.description.output.add(name="y").type.multiArrayType
    y.dataType = 65568
    spec.neuralNetwork.arrayInputShapeMapping = 1
    layer = spec.neuralNetwork.layers.add(name="words", input=["x"], output=["y"]).embeddingND
    layer.vocabSize, layer.embeddingSize = vocabulary, size
    weights = np.random.default_rng(0).standard_normal((size, vocabulary), np.float32)
    layer.weights.floatValue[:] = weights.reshape(-1)
    indices = np.array([[0], [3000], [17], [1500], [17]], np.float32)
    made = MLModel(spec, configuration=MLModelConfiguration(cache_folder=None)).predict({"x": indices})["y"]
    np.testing.assert_array_equal(made, weights.T[indices[:, 0].astype(int)])


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1), (2, 0, 1)])
@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 1), (40, 300, 200), (3, 1000, 1001), (0, 2, 3)])
def test_copy_of_any_order_of_axes(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape).transpose(axes)
    place = np.full(array.nbytes, 255, np.uint8)
    _copy(place, array)
    assert place.tobytes() == array.tobytes()


@pytest.mark.parametrize("access", [mmap.ACCESS_READ, mmap.ACCESS_WRITE, mmap.ACCESS_COPY])
def test_pages_that_are_given_back_lose_nothing(tmp_path: Path, access: int) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(256)) * (FROM // 128))
    with path.open("r+b") as file:
        pages = mmap.mmap(file.fileno(), 0, access=access)
    array = np.frombuffer(memoryview(pages), np.uint8)
    if access != mmap.ACCESS_READ:
        array[:3] = 9
    before = array.copy()
    let_go(array[1:])
    np.testing.assert_array_equal(array, before)
