"""The model that answers and learns: a network turns a drawing into a vector, a k-NN remembers vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pyruntime
from app.book import Page, Taught, digest
from app.pictures import SIZE, Drawing

NEAR = 5  # remembered drawings that an answer shows
FAR_SHARE = 85
"""Percentile: a drawing that is farther from all remembered ones than these are from each other is called new."""

_LEARNED_FROM = "stickers.learnedFrom"
Vectors = NDArray[np.float32]
Report = Callable[[int, int], None]


class UnfitModel(Exception):
    """The model cannot be this application's; the message says why."""


@dataclass(frozen=True, eq=False)
class Answer:
    """label: the best one.  shares: of the votes, by label.  near: nearest remembered drawings, the nearest first.

    is_new: unlike everything remembered.  point: where it lies on the map.
    """

    label: str
    shares: dict[str, float]
    near: tuple[Taught, ...]
    is_new: bool
    point: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Knowledge:
    """A model and the drawings that it remembers; never changed, so that every thread may ask it."""

    model: pyruntime.MLModel
    drawings: Page
    vectors: Vectors
    far: float = field(init=False)
    origin: Vectors = field(init=False)
    axes: Vectors = field(init=False)

    def __post_init__(self) -> None:
        origin, axes = _flat(self.vectors, [d.label for d in self.drawings])
        for name, value in (("far", _far(self.vectors)), ("origin", origin), ("axes", axes)):
            object.__setattr__(self, name, value)

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order in which they were first taught."""
        return tuple(dict.fromkeys(d.label for d in self.drawings))

    def points(self, vectors: Vectors) -> NDArray[np.float32]:
        """(N, width) to places on the map (N, 2)."""
        return np.asarray((vectors - self.origin) @ self.axes.T)


class Pupil:
    """Makes knowledge from drawings.  Raises UnfitModel, or what MLModel raises."""

    def __init__(self, path: Path) -> None:
        self.base = pyruntime.MLModel(path)
        description, spec = self.base.model_description, self.base.get_spec()
        _check_fits(path, description, spec)
        self._image = description.inputs[0].name
        self._label = description.predicted_feature_name
        self._shares = description.predicted_probabilities_name
        self._extractor = pyruntime.MLModel(spec.pipelineClassifier.pipeline.models[0])
        self._vector = self._extractor.model_description.outputs[0].name
        self._origin = sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path)
        blank = np.zeros((SIZE, SIZE), np.uint8)
        self.unknown = self.predict(self.base, blank)[0]
        self.width = int(self.embed(blank).size)

    def predict(self, model: pyruntime.MLModel, drawing: Drawing) -> tuple[str, dict[str, float]]:
        """The label, and the share of each."""
        outputs = model.predict({self._image: drawing})
        return outputs[self._label], outputs[self._shares]

    def embed(self, drawing: Drawing) -> Vectors:
        """What the k-NN compares: float32 (width)."""
        return np.asarray(self._extractor.predict({self._image: drawing})[self._vector], np.float32).reshape(-1)

    def ask(self, knows: Knowledge, drawing: Drawing) -> Answer:
        """What a model says about a drawing, and why."""
        label, shares = self.predict(knows.model, drawing)
        vector = self.embed(drawing)
        point = knows.points(vector[None])[0]
        distances = np.linalg.norm(knows.vectors - vector, axis=1)
        order = np.argsort(distances, kind="stable")[:NEAR]
        near = tuple(knows.drawings[i] for i in order)
        is_new = not near or bool(distances[order[0]] > knows.far)
        return Answer(label, shares if near else {}, near, is_new, (float(point[0]), float(point[1])))

    def nothing(self) -> Knowledge:
        """What the model knows as it was shipped."""
        return Knowledge(self.base, (), np.zeros((0, self.width), np.float32))

    def learn(self, knows: Knowledge, more: Sequence[Taught], report: Report = lambda done, of: None) -> Knowledge:
        """`knows`, and these drawings too; it stays as it is.  Raises the error of the update."""
        if not more:
            return knows
        data = _Examples(more, self._image, self._label, report)
        task = pyruntime.MLUpdateTask(knows.model, data, exclusive=False)  # the book's lock keeps others out
        task.resume()
        task.wait()
        if task.error is not None:
            raise task.error
        assert task.context is not None
        vectors = np.stack([self.embed(d.pixels) for d in more])
        return Knowledge(task.context.model, knows.drawings + tuple(more), np.concatenate([knows.vectors, vectors]))

    def become(self, knows: Knowledge, drawings: Page, report: Report = lambda done, of: None) -> Knowledge:
        """Knowledge of exactly these drawings: others are forgotten, and what is new is learned.

        A forgotten drawing leaves nothing behind: the model answers as one that never saw it.
        """
        wanted = {d.id for d in drawings}
        kept = [d.id in wanted for d in knows.drawings]
        if [d.id for d in drawings[: sum(kept)]] != [d.id for d in knows.drawings if d.id in wanted]:
            kept = [False] * len(kept)  # one comes back between others: their order counts when votes are equal
        left = self._without(knows, np.array(kept, bool))
        return self.learn(left, drawings[len(left.drawings) :], report)

    def _without(self, knows: Knowledge, kept: NDArray[np.bool_]) -> Knowledge:
        if kept.all():
            return knows
        examples = knows.model.examples()
        model = examples.forget(ids=examples.ids[~kept])
        drawings = tuple(d for d, keep in zip(knows.drawings, kept, strict=True) if keep)
        return Knowledge(model, drawings, knows.vectors[kept])

    def write(self, knows: Knowledge, path: Path, *, alone: bool) -> None:
        """Keep the model, in one step, with a note of what it has learned from.

        alone: without older generations; they remember what was forgotten.
        """
        knows.model.user_defined_metadata[_LEARNED_FROM] = self._stamp(knows.drawings)
        knows.model.write(path, keep_generations=1 if alone else None)

    def read(self, path: Path, drawings: Page) -> Knowledge | None:
        """The model that was kept; None when it is not there, is damaged, or has learned something else than these."""
        try:
            model = pyruntime.MLModel(path, verify=True)
            kept = model.user_defined_metadata.get(_LEARNED_FROM, "")
        except pyruntime.MLModelError:
            return None
        if kept != self._stamp(drawings):
            return None
        vectors = [self.embed(d.pixels) for d in drawings]
        return replace(self.nothing(), model=model) if not vectors else Knowledge(model, drawings, np.stack(vectors))

    def _stamp(self, drawings: Page) -> str:
        return f"{self._origin} {digest(drawings)}"


def _check_fits(path: Path, description: pyruntime.ModelDescription, spec: Any) -> None:
    """Raises UnfitModel when the model is none for drawings, or learns in another way."""
    parts = spec.pipelineClassifier.pipeline.models
    is_knn = len(parts) == 2 and parts[1].WhichOneof("Type") == "kNearestNeighborsClassifier"
    image = description.inputs[0].constraint if len(description.inputs) == 1 else None
    takes_drawings = isinstance(image, pyruntime.ImageConstraint) and image.mode == "L" and image.allows(SIZE, SIZE)
    if not (is_knn and takes_drawings and description.is_updatable and description.predicted_probabilities_name):
        raise UnfitModel(
            f"{path}: expected an updatable pipeline of a network for {SIZE} x {SIZE} gray drawings and a k-NN; a "
            "network that learns has the classes of its file, while here every person adds new ones"
        )
    nearest = parts[1].kNearestNeighborsClassifier
    if nearest.WhichOneof("DefaultClassLabel") != "defaultStringLabel" or description.class_labels:
        raise UnfitModel(f"{path}: expected a k-NN that has text labels, a default one, and knows nothing yet")


class _Examples:
    """Training data that says how far it has been read."""

    def __init__(self, drawings: Sequence[Taught], image: str, label: str, report: Report) -> None:
        self._drawings, self._image, self._label, self._report = drawings, image, label, report

    def __len__(self) -> int:
        return len(self._drawings)

    def __getitem__(self, index: int) -> dict[str, Any]:
        drawing = self._drawings[index]
        self._report(index + 1, len(self._drawings))
        return {self._image: drawing.pixels, self._label: drawing.label}


def _far(vectors: Vectors) -> float:
    """The distance to the nearest other one that FAR_SHARE percent of the remembered drawings have, or less."""
    if len(vectors) < 2:
        return float("inf")
    squares = (vectors * vectors).sum(axis=1)
    distances = squares[:, None] + squares - 2 * vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    return float(np.sqrt(np.percentile(np.maximum(distances.min(axis=1), 0), FAR_SHARE)))


def _flat(vectors: Vectors, labels: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Origin (width) and axes (2, width) of the map: the two directions in which the stickers lie farthest apart."""
    width = vectors.shape[1]
    if not len(vectors):
        return np.zeros(width, np.float32), np.eye(2, width, dtype=np.float32)
    origin = vectors.mean(axis=0)
    names = list(dict.fromkeys(labels))
    which = np.array([names.index(label) for label in labels])
    middles = np.stack([vectors[which == i].mean(axis=0) for i in range(len(names))]) - origin
    spread = middles if len(names) > 2 else vectors - origin
    axes = np.linalg.svd(spread.astype(np.float64), full_matrices=False)[2][:2]
    axes = np.concatenate([axes, np.eye(2, width)])[:2]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])  # so that the map does not flip from day to day
    return origin, (axes * signs[:, None]).astype(np.float32)
