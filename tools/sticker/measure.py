"""Measures a model file: how well do a few examples per class tell apart drawings it has not seen?

Reads the layers back from the file and runs them with PyTorch, so what is measured is the file and not the
network that it was made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from pyruntime.spec import Model
from sticker.drawings import SIZE

Vectors = npt.NDArray[np.float32]
NEIGHBORS = 5
ASKED = 30  # unseen drawings of each class that an episode asks about
NEAREST = 1e-12  # smallest distance, so that an exact hit has a finite weight


def neural_network(model: Model) -> Any:
    """The neuralNetwork message that the pipeline begins with."""
    return model.pipelineClassifier.pipeline.models[0].neuralNetwork


def parameters(model: Model) -> int:
    """How many weights and biases the network has."""
    kinds = [getattr(layer, layer.WhichOneof("layer")) for layer in neural_network(model).layers]
    return sum(len(p.weights.floatValue) + len(p.bias.floatValue) for p in kinds if hasattr(p, "weights"))


def embed(model: Model, images: npt.NDArray[np.uint8]) -> Vectors:
    """uint8 (N, 28, 28) to embeddings (N, D)."""
    network = neural_network(model)
    scaler = network.preprocessing[0].scaler
    pixels = torch.from_numpy(images).float()[:, None] * scaler.channelScale + scaler.grayBias
    with torch.no_grad():
        return torch.cat([_run(network.layers, batch) for batch in pixels.split(500)]).numpy()


def _run(layers: Any, x: torch.Tensor) -> torch.Tensor:
    blobs = {layers[0].input[0]: x}
    for layer in layers:
        kind = layer.WhichOneof("layer")
        blobs[layer.output[0]] = _apply(kind, getattr(layer, kind), [blobs[name] for name in layer.input])
    return blobs[layers[-1].output[0]]


def _apply(kind: str, p: Any, inputs: list[torch.Tensor]) -> torch.Tensor:
    x = inputs[0]
    match kind:
        case "convolution":
            shape = (p.outputChannels, p.kernelChannels, *p.kernelSize)
            pads = [border.startEdgeSize for border in p.valid.paddingAmounts.borderAmounts]
            return F.conv2d(x, _array(p.weights, *shape), _array(p.bias), tuple(p.stride), pads, groups=p.nGroups)
        case "activation":
            return F.relu(x)
        case "pooling":
            return F.max_pool2d(x, tuple(p.kernelSize), tuple(p.stride))
        case "add":
            return inputs[0] + inputs[1]
        case "flatten":
            return x.flatten(1)
        case "innerProduct":
            return F.linear(x, _array(p.weights, p.outputChannels, p.inputChannels), _array(p.bias))
    raise ValueError(f"the measurement knows no layer of type {kind}")


def _array(params: Any, *shape: int) -> torch.Tensor:
    return torch.tensor(params.floatValue, dtype=torch.float32).reshape(shape or (-1,))


def raw_pixels(images: npt.NDArray[np.uint8]) -> Vectors:
    """The baseline's vectors: the pixels themselves in 0..1, (N, 784)."""
    return images.reshape(-1, SIZE * SIZE) / np.float32(255)


def nearest(known: Vectors, labels: npt.NDArray[np.int64], asked: Vectors, *, inverse: bool) -> npt.NDArray[np.int64]:
    """k-NN as in the model: the label of the largest sum of 1/distance, or of the most votes.

    A tie of votes goes to the nearer neighbours.

    known (S, D) with labels (S,) counting from 0; asked (Q, D).  Returns (Q,).
    """
    squared = (asked**2).sum(1)[:, None] + (known**2).sum(1) - 2 * asked @ known.T
    distances = np.maximum(np.sqrt(np.maximum(squared.astype(np.float64), 0)), NEAREST)
    order = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBORS]
    near = np.take_along_axis(distances, order, axis=1)
    votes = 1 / near if inverse else 1 - 1e-9 * near / near.max()
    scores = np.zeros((len(asked), labels.max() + 1))
    np.add.at(scores, (np.arange(len(asked))[:, None], labels[order]), votes)
    return np.asarray(scores.argmax(axis=1))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares right (0..1) of a number of episodes."""

    shares: tuple[float, ...]

    def __str__(self) -> str:
        spread = f" ± {100 * float(np.std(self.shares)):.1f}" if len(self.shares) > 1 else ""
        return f"{100 * float(np.mean(self.shares)):.1f}{spread}"


@dataclass(frozen=True, slots=True)
class Episodes:
    """`count` times: `ways` random classes and `shots` random examples of each to learn."""

    ways: int
    shots: int
    count: int
    seed: int
    inverse: bool = True


def random_episodes(vectors: Vectors, labels: npt.NDArray[np.str_], draw: Episodes) -> Accuracy:
    """Learns the examples of each episode and names ASKED others of each of its classes.

    The same `draw` gives the same episodes for any vectors, so two kinds of vectors can be compared.
    """
    random = np.random.default_rng(draw.seed)
    rows = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    shares = []
    for _ in range(draw.count):
        classes = random.choice(len(rows), draw.ways, replace=False)
        mixed = [random.permutation(rows[number])[: draw.shots + ASKED] for number in classes]
        shares.append(_share_right(vectors, mixed, draw.shots, draw.inverse))
    return Accuracy(tuple(shares))


def first_examples(vectors: Vectors, labels: npt.NDArray[np.str_], classes: tuple[str, ...], *, shots: int) -> Accuracy:
    """The demo's own choice: learns the first `shots` of each class in file order, names all others."""
    rows = [np.flatnonzero(labels == name) for name in classes]
    return Accuracy((_share_right(vectors, rows, shots, inverse=True),))


def _share_right(vectors: Vectors, rows: list[npt.NDArray[np.int64]], shots: int, inverse: bool) -> float:
    known = np.concatenate([each[:shots] for each in rows])
    asked = np.concatenate([each[shots:] for each in rows])
    labels = np.repeat(np.arange(len(rows)), shots)
    truth = np.repeat(np.arange(len(rows)), [len(each) - shots for each in rows])
    return float(np.mean(nearest(vectors[known], labels, vectors[asked], inverse=inverse) == truth))
