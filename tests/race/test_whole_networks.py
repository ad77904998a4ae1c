"""Whole networks through coremltools give PyTorch's answer, at every level of this CPU and for every number of threads.

The networks are those of the race (tools/networks), with small inputs; PYRUNTIME_WHOLE_NETWORKS=1 takes all of them as
they race, which needs minutes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel
from pyruntime.native import lib

ALL = (
    "mobilenet_v1", "mobilenet_v2", "efficientnet_lite0", "resnet50", "squeezenet11", "googlenet", "vgg16",
    "yolov3_tiny", "deeplab_mv2", "style256", "bert_base_128", "minilm_128", "lstm2", "gru2", "gpt2_decode",
)  # fmt: skip
TOLERANCE = 1e-4
"""Of an output's greatest magnitude."""
if not (Path(__file__).resolve().parents[2] / "tools/networks").is_dir():
    pytest.skip("the tools are not beside the tests", allow_module_level=True)


WHOLE = bool(os.environ.get("PYRUNTIME_WHOLE_NETWORKS"))


def small_network(name: str) -> Any:
    """One of SMALL: of the catalogue, with a smaller input, or fewer layers where they are many."""
    from catalogue import NETWORKS, Network, picture, tokens
    from classifiers import mobilenet_v2
    from sequences import Decoder, Encoder
    from torch import randn

    def token(random: Any) -> Any:
        return (*tokens(1, 100)(random), *(randn(2, 4, 9, 8, generator=random) for _ in range(2)))

    if name == "mobilenet":  # blocks of MobileNetV2, of EfficientNet-Lite and of DeepLab
        stages = ((1, 16, 1, 1, 3, 1), (6, 24, 2, 2, 3, 1), (6, 40, 1, 2, 5, 1), (6, 48, 1, 1, 3, 2))
        return Network(lambda: mobilenet_v2(stages), picture(64))
    if name == "encoder":
        return Network(lambda: Encoder(2, 48, 4, length=13, vocabulary=100), tokens(13, 100))
    if name == "decoder":
        return Network(lambda: Decoder(2, 32, 4, vocabulary=100), token, outputs=3)
    sizes = {"squeezenet11": 67, "style256": 32}
    inputs = picture(sizes[name]) if name in sizes else lambda random: (randn(1, 7, 128, generator=random),)
    return Network(NETWORKS[name].build, inputs)


SMALL = ("mobilenet", "squeezenet11", "style256", "encoder", "decoder", "lstm2", "gru2")


@dataclass
class Converted:
    path: Path
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=ALL if WHOLE else SMALL)
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """A network as a Core ML file, inputs, and PyTorch's answer."""
    import coremltools  # noqa: F401  (its absence skips the test)
    from catalogue import NETWORKS
    from exports import write_coreml, write_torch

    folder = tmp_path_factory.mktemp("network")
    network = NETWORKS[request.param] if WHOLE else small_network(request.param)
    write_torch(network, folder)
    write_coreml(network, folder)
    with np.load(folder / "reference.npz") as file:
        arrays = dict(file)
    inputs, outputs = ({k: v for k, v in arrays.items() if k.startswith(kind)} for kind in ("in", "out"))
    return Converted(folder / "model.mlmodel", inputs, outputs)


@pytest.mark.parametrize("level", lib.cpu_levels())
def test_network_is_pytorchs(converted: Converted, level: str) -> None:
    levels = (1 << (lib.levels().index(level) + 1)) - 1
    found = []
    for threads in (1, 2):
        configuration = MLModelConfiguration(threads=threads, levels=levels, cache_folder=None)
        found.append(MLModel(converted.path, configuration=configuration).predict(converted.inputs))
    for name, right in converted.outputs.items():
        one, two = (answer[name] for answer in found)
        np.testing.assert_array_equal(one, two, err_msg=f"{name}: two threads, another answer")
        assert one.shape == right.shape
        np.testing.assert_allclose(one, right, rtol=0, atol=TOLERANCE * np.abs(right).max(), err_msg=name)
