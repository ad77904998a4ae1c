"""What differs between two generations: weights by layer, parameters, examples of k-NN, metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.compiled.reading import open_generation
from pyruntime.errors import SpecError
from pyruntime.neighbors.messages import read_store
from pyruntime.parameters import describe_parameters
from pyruntime.spec import LeanModel
from pyruntime.spec.weights import read_weights, stored_weight, weights_of

if TYPE_CHECKING:
    from pyruntime.compiled.generations import Generation

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_ROWS, _PIECE = 1 << 12, 1 << 18
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")


@dataclass(frozen=True)
class WeightChange:
    """Weights of a layer that are not the same bits.

    name: as in "model/layer:weights".  largest: of the absolute differences.  relative: the length of the difference as
    a vector over that of the old weights.  Both None where they cannot be compared number by number; `note` says why.
    """

    name: str
    largest: float | None
    relative: float | None
    numbers: int
    note: str = ""


@dataclass(frozen=True)
class Differences:
    """From generation `old` to `new`.

    weights: those that changed.  parameters, metrics: (before, after) by name, None for what is not there.
    examples_added, examples_removed: of k-NN, by label.  same_model: the files of the model are equal, bit for bit.
    """

    old: int
    new: int
    same_model: bool
    weights: tuple[WeightChange, ...] = ()
    parameters: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    metrics: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    examples_added: dict[str, int] = field(default_factory=dict)
    examples_removed: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def differences(old: Generation, new: Generation) -> Differences:
    """Raises ModelIOError or SpecError when one of them cannot be opened."""
    metrics = _changed(_metrics(old), _metrics(new))
    if old.model_hash is not None and old.model_hash == new.model_hash:
        return Differences(old.number, new.number, True, metrics=metrics)
    before, after = _lean(old), _lean(new)
    shared = _segments(before) & _segments(after)
    had, has = _examples(before, shared), _examples(after, shared)
    return Differences(
        old.number, new.number, False, tuple(_weight_changes(before, after)),
        _changed(_parameters(before), _parameters(after)), metrics, _by_label(has - had), _by_label(had - has),
    )  # fmt: skip


def _lean(generation: Generation) -> LeanModel:
    lean = open_generation(generation.path, generation.number).lean
    if lean is None:
        raise SpecError(f"{generation.path}: generation {generation.number} has no model")
    return lean


def _metrics(generation: Generation) -> dict[str, Any]:
    updates = generation.provenance.updates
    return dict(updates[-1].metrics) if updates else {}


def _parameters(lean: LeanModel) -> dict[str, Any]:
    return {str(key): parameter.default_value for key, parameter in describe_parameters(lean.spec).items()}


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*before, *(name for name in after if name not in before)]
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _weight_changes(before: LeanModel, after: LeanModel) -> Iterator[WeightChange]:
    had, has = dict(_weights(before)), dict(_weights(after))
    for name in [*had, *(name for name in has if name not in had)]:
        if name not in has or name not in had:
            _, count, _ = stored_weight(*(had.get(name) or has[name])) or ("", 0, 0)
            yield WeightChange(name, None, None, count, "removed" if name in had else "added")
            continue
        change = _weight_change(name, had[name], has[name])
        if change:
            yield change


def _weight_change(name: str, old: tuple[Any, Any], new: tuple[Any, Any]) -> WeightChange | None:
    forms = stored_weight(*old), stored_weight(*new)
    if None in forms:
        return None if forms == (None, None) else WeightChange(name, None, None, 0, "stored in another way")
    (form, count, _), (other, others, _) = forms  # type: ignore[misc]
    if form != other or count != others:
        return WeightChange(name, None, None, others, f"{form}, {count} numbers became {other}, {others} numbers")
    if not form.startswith("float"):
        same = old[0].quantization == new[0].quantization and _raw(*old) == _raw(*new)
        return None if same else WeightChange(name, None, None, count, f"{form} numbers changed")
    found = _measured(_numbers(*old, count), _numbers(*new, count))
    return None if found is None else WeightChange(name, *found, count)


def _measured(old: NDArray[np.float32], new: NDArray[np.float32]) -> tuple[float, float | None] | None:
    """The largest change and the relative one; None when the bits are the same.  In pieces: weights may be large."""
    same, largest, length, base = True, 0.0, 0.0, 0.0
    with np.errstate(all="ignore"):  # a file may hold any numbers
        for start in range(0, len(old), _PIECE):
            a, b = (np.ascontiguousarray(w[start : start + _PIECE]) for w in (old, new))
            same = same and np.array_equal(a.view(np.uint32), b.view(np.uint32))
            wide = a.astype(np.float64)
            delta = b - wide
            largest = float(np.maximum(largest, np.abs(delta).max()))
            length, base = length + float(delta @ delta), base + float(wide @ wide)
    if same:
        return None
    return largest, math.sqrt(length / base) if base else None


def _numbers(params: Any, payloads: Any, count: int) -> NDArray[np.float32]:
    return read_weights(params, shape=(count,), layer="", field="", payloads=payloads)


def _raw(params: Any, payloads: Any) -> bytes:
    """The bytes of quantized numbers, whichever field has them."""
    from pyruntime.spec.payloads import resolve

    data = params.rawValue or params.int8RawValue
    return b"".join(bytes(piece) for piece in resolve(data, 0, len(data), payloads))


def _weights(lean: LeanModel) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for scope, part in _parts(lean.spec, ""):
        kind = part.WhichOneof("Type")
        if kind in NETWORKS:
            for layer in getattr(part, kind).layers:
                params = getattr(layer, layer.WhichOneof("layer") or "", None)
                seen: Counter[str] = Counter()
                for field_name, weight in weights_of(params) if params is not None else ():
                    seen[field_name] += 1
                    number = f"[{seen[field_name]}]" if seen[field_name] > 1 else ""
                    yield f"{scope}{layer.name}:{field_name}{number}", (weight, lean.payloads)


def _examples(lean: LeanModel, without: Collection[str]) -> Counter[tuple[str, bytes]]:
    """The examples of all k-NN, as often as each is there.  without: hashes of files whose examples do not matter."""
    found: Counter[tuple[str, bytes]] = Counter()
    for _, part in _parts(lean.spec, ""):
        if part.WhichOneof("Type") == "kNearestNeighborsClassifier":
            store = read_store(part, lean.payloads)
            for segment in store.segments:
                if segment.file is not None and segment.file[1] in without:
                    continue
                names = [str(label) for label in segment.table]
                for start in range(0, len(segment), _ROWS):
                    vectors = segment.floats(slice(start, start + _ROWS))
                    codes = segment.codes[start : start + _ROWS].tolist()
                    found.update((names[c], _digest(v)) for c, v in zip(codes, vectors, strict=True))
    return found


def _segments(lean: LeanModel) -> set[str]:
    """Hashes of the files that examples are in."""
    stores = (
        read_store(part, lean.payloads)
        for _, part in _parts(lean.spec, "")
        if part.WhichOneof("Type") == "kNearestNeighborsClassifier"
    )
    return {segment.file[1] for store in stores for segment in store.segments if segment.file is not None}


def _digest(vector: NDArray[np.float32]) -> bytes:
    return blake2b(vector.tobytes(), digest_size=16).digest()


def _by_label(examples: Counter[tuple[str, bytes]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for (label, _), count in examples.items():
        total[label] += count
    return dict(sorted(total.items()))


def _parts(spec: Any, scope: str) -> Iterator[tuple[str, Any]]:
    """(scope, model) of a model and of those in its pipelines."""
    if spec.WhichOneof("Type") not in PIPELINES:
        yield scope, spec
        return
    from pyruntime.engines.pipeline import part_names, pipeline_message

    message = pipeline_message(spec)
    for name, part in zip(part_names(message), message.models, strict=True):
        yield from _parts(part, f"{scope}{name}/")
