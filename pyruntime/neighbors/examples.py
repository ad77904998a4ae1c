"""What a user sees of the examples of a k-NN: list, forget, cap, deduplicate.  docs/nearest-neighbors.md."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from pyruntime.errors import FeatureTypeError, UpdateError
from pyruntime.neighbors.duplicates import duplicates
from pyruntime.neighbors.messages import neighbor_models, read_store, replaced
from pyruntime.neighbors.samples import Array
from pyruntime.neighbors.segments import FORMS, UNKNOWN, Label
from pyruntime.neighbors.store import ExampleStore
from pyruntime.spec import LeanModel

if TYPE_CHECKING:
    from pyruntime.model import MLModel


@dataclass(frozen=True)
class StoredExample:
    """One example.  id: its number, which no other example of the model ever gets.  added: when, None if not known."""

    id: int
    label: Label
    added: datetime | None


class StoredExamples:
    """The examples that the k-NN of a model keeps, in the order in which they came; `model.examples()` makes it.

    Nothing here changes the model: `forget`, `cap`, `deduplicate`, `add` and `converted` give another one, to be
    assigned and written like the result of an update, and `len(model.examples())` says how many are left.
    """

    def __init__(self, model: MLModel) -> None:
        """Raises UpdateError when there is not exactly one k-NN in the model."""
        found = list(neighbor_models(model._lean.spec))
        if len(found) != 1:
            what = "no k-NN" if not found else f"{len(found)} k-NN"
            raise UpdateError(f"the model has {what}: examples are what one k-NN keeps")
        self._model, (self._place, message) = model, found[0]
        self._store = read_store(message, model._lean.payloads)
        labels = message.kNearestNeighborsClassifier
        kind = labels.WhichOneof("ClassLabels") or labels.WhichOneof("DefaultClassLabel")
        self.label_type: type[str] | type[int] = str if kind in ("stringClassLabels", "defaultStringLabel") else int

    def __len__(self) -> int:
        return len(self._store)

    def __iter__(self) -> Iterator[StoredExample]:
        labels = self._store.labels()
        for number, label, added in zip(self.ids.tolist(), labels, self._store.added.tolist(), strict=True):
            yield StoredExample(number, label, _when(added))

    @property
    def ids(self) -> Array:
        """int64 (count), rising: newer examples have greater ones."""
        return np.array(self._store.ids)

    @property
    def labels(self) -> list[Label]:
        """One per example."""
        return self._store.labels()

    @property
    def added(self) -> Array:
        """datetime64[s] (count), UTC: when each was added; NaT where that is not known, as in a file of coremltools."""
        times = self._store.added.astype("datetime64[s]")
        times[self._store.added == UNKNOWN] = np.datetime64("NaT")
        return times

    @property
    def counts(self) -> dict[Label, int]:
        """How many examples each label has, in the order in which labels first came."""
        store = self._store
        found = np.bincount(store.codes, minlength=len(store.table))
        return {store.table[place]: int(found[place]) for place in store.known}

    @property
    def dimensions(self) -> int:
        return self._store.dimensions

    @property
    def form(self) -> str:
        """How vectors are kept: "float32", "int8" or "int8+float32"."""
        return self._store.form

    def vectors(self, ids: Collection[int] | None = None) -> Array:
        """Vectors of the examples with these ids in the order of the store, of all without: float32 (n, dimensions).

        What the k-NN compares: in a pipeline, what the models before it made of an example.  Raises UpdateError for an
        id that is not there.
        """
        return self._store.floats(None if ids is None else np.flatnonzero(self._with_ids(ids)))

    def forget(
        self,
        *,
        label: Label | None = None,
        labels: Collection[Label] | None = None,
        ids: Collection[int] | None = None,
        older_than: timedelta | None = None,
        before: datetime | None = None,
    ) -> MLModel:
        """A model without the examples that all of these name: those of a label, of some ids, or added before a time.

        before: a time with its zone; without one it is the local time.  Examples of which it is not known when they
        were added are not older than anything: name them by id or label.  Raises UpdateError when a label or an id is
        not there, when nothing is named, or when no example would be left and the model has no default label.
        """
        if label is not None:
            labels = [*(labels or ()), label]
        if older_than is not None:
            before = min(filter(None, [before, datetime.now(timezone.utc) - older_than]), key=datetime.timestamp)
        if labels is None and ids is None and before is None:
            raise UpdateError("forget: name a label, ids or an age; what shall be forgotten?")
        gone = np.ones(len(self), bool)
        if labels is not None:
            gone &= self._with_labels(labels)
        if ids is not None:
            gone &= self._with_ids(ids)
        if before is not None:
            gone &= (self._store.added != UNKNOWN) & (self._store.added < before.timestamp())
        return self._keeping(~gone)

    def cap(self, per_label: int) -> MLModel:
        """A model with at most `per_label` examples of each label: the ones that came last."""
        if per_label < 1:
            raise UpdateError(f"cap: expected at least 1 example per label, got {per_label}")
        codes = self._store.codes
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(self._store.table)))
        behind = np.empty(len(codes), np.int64)  # how many of its label came after it
        behind[order] = ends[codes[order]] - 1 - np.arange(len(codes))
        return self._keeping(behind < per_label)

    def deduplicate(self, within: float = 0.0) -> MLModel:
        """A model without examples that one of the same label, kept and older, is equal to.

        within: the Euclidean distance up to which they count as equal.
        """
        if not within >= 0:
            raise UpdateError(f"deduplicate: expected a distance from 0, got {within}")
        return self._keeping(~duplicates(self._store, within, self._model.configuration.context()))

    def add(self, vectors: Any, labels: Sequence[Label], *, when: datetime | None = None) -> MLModel:
        """A model with more examples, many at once: vectors (count, dimensions) as the k-NN compares them.

        An `MLUpdateTask` takes the model's own inputs instead.  when: now if it is not given.  Raises FeatureTypeError.
        """
        array = np.asarray(vectors)
        if array.ndim != 2 or array.shape != (len(labels), self.dimensions) or array.dtype.kind not in "fiu":
            raise FeatureTypeError(
                f"vectors: expected numbers of shape ({len(labels)}, {self.dimensions}), one row per label, "
                f"got {array.dtype} of shape {array.shape}"
            )
        with np.errstate(over="ignore"):
            floats = array.astype(np.float32)
        if not np.isfinite(floats).all():
            row = np.flatnonzero(~np.isfinite(floats).all(axis=1))[0]
            raise FeatureTypeError(f"vectors: row {row} has NaN or infinite numbers, expected finite ones")
        wanted = self.label_type
        for place, label in enumerate(labels):
            if type(label) is not wanted or (wanted is int and not -(2**63) <= int(label) < 2**63):
                kind = "a text" if wanted is str else "a whole number of 64 bits"
                raise FeatureTypeError(f"labels: expected {kind}, got {label!r} at {place}")
        return self._with(self._store.appended(floats, labels, int(when.timestamp() if when else time.time())))

    def converted(self, form: str) -> MLModel:
        """A model that keeps its vectors, and those that come, in another form.

        "int8" loses digits, and "float32" does not bring them back; "int8+float32" keeps both.
        """
        if form not in FORMS:
            raise ValueError(f"form is {form!r}, expected one of {', '.join(FORMS)}")
        return self._with(self._store.converted(form))

    def _with_labels(self, labels: Collection[Label]) -> Array:
        places = {label: place for place, label in enumerate(self._store.table)}
        known = {self._store.table[place] for place in self._store.known}
        for label in labels:
            if label not in known:
                some = ", ".join(map(repr, list(self.counts)[:10]))
                raise UpdateError(f"no example has the label {label!r}; there are {some or 'none'}")
        return np.isin(self._store.codes, [places[label] for label in labels])

    def _with_ids(self, ids: Collection[int]) -> Array:
        wanted = np.unique(np.fromiter(ids, np.int64))
        missing = wanted[~np.isin(wanted, self._store.ids)]
        if missing.size:
            raise UpdateError(f"no example has the id {missing[0]}; list them to see which there are")
        return np.isin(self._store.ids, wanted)

    def _keeping(self, keep: Array) -> MLModel:
        if keep.all():
            return self._model
        if not keep.any():
            message = next(m for p, m in neighbor_models(self._model._lean.spec) if p == self._place)
            if message.kNearestNeighborsClassifier.WhichOneof("DefaultClassLabel") is None:
                raise UpdateError("no example would be left, and the k-NN has no default label to answer then")
        return self._with(self._store.kept(keep))

    def _with(self, store: ExampleStore) -> MLModel:
        from pyruntime.update.models import model_like

        lean = self._model._lean
        if not self._model.is_updatable:
            raise UpdateError(f"{lean.source} is not updatable: its examples stay as they are")
        spec, payloads = replaced(lean.spec, lean.payloads, self._place, store)
        return model_like(self._model, LeanModel(spec, payloads, lean.source), self._model.configuration)

    def __repr__(self) -> str:
        return f"{len(self)} examples of {len(self._store.known)} labels, {self.dimensions} dimensions, {self.form}"


def _when(added: int) -> datetime | None:
    return None if added == UNKNOWN else datetime.fromtimestamp(added, timezone.utc)
