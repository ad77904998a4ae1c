"""The models that are measured, and the network in each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyruntime.config import MLModelConfiguration
from pyruntime.engines.neural_network import NeuralNetworkEngine, compile_network
from pyruntime.engines.walk import networks_with_inputs
from pyruntime.model import MLModel
from pyruntime.native.lib import Session
from pyruntime.samples import sample_features

STICKER = Path(__file__).resolve().parent.parent / "examples/stickers/Sticker.mlmodel"
THIRD_PARTY = (
    "UpdatableDrawingClassifier", "MNISTClassifier", "DeepLabV3Int8LUT", "PoseHourglass", "HandGestureSqueezeNet",
    "GestureLSTMClassifier", "Waifu2xAnimeNoise0", "HousePriceUpdatable", "LinearUpdatable", "FlowerMNISTUpdatable",
)  # fmt: skip
"""Files of the folder that PYRUNTIME_MODELS names."""
WITHOUT_FOLDER = "PYRUNTIME_MODELS is not set: it names a folder with third-party .mlmodel files"


def models_folder() -> Path | None:
    place = os.environ.get("PYRUNTIME_MODELS")
    return Path(place) if place else None


def model_paths() -> list[Path]:
    """Our own model, and the third-party ones that are there."""
    folder = models_folder()
    others = [folder / f"{name}.mlmodel" for name in THIRD_PARTY] if folder else []
    return [STICKER, *(path for path in others if path.exists())]


@dataclass(frozen=True)
class Entry:
    """A model, features for it, and its (first) network with the arrays that it gets for these features."""

    model: MLModel
    features: dict[str, Any]
    engine: NeuralNetworkEngine
    arrays: list[Any]

    def blobs(self, names: tuple[str, ...]) -> list[Any]:
        """What our network computes for the arrays, blobs inside it too."""
        program = compile_network(self.engine.part, names)
        session = Session(self.engine.part.context, program.plan, program.weights, self.engine.part.memory_limit)
        return session.run(self.arrays, len(names))


def open_network(path: Path, threads: int = 0, features: Mapping[str, Any] | None = None) -> Entry:
    """The model and its network, compiled without the user's cache.  features: noise when left out."""
    model = MLModel(path, configuration=MLModelConfiguration(threads=threads, cache_folder=None))
    given = dict(features) if features is not None else sample_features(model.engine.part.spec)
    _, engine, inside = next(networks_with_inputs(model.engine, given))
    return Entry(model, given, engine, engine.arrays(inside))
