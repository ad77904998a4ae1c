"""Training data by number.  Whatever goes wrong with one example names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyruntime.description import FeatureDescription
from pyruntime.errors import FeatureTypeError, MLModelError, UpdateError
from pyruntime.providers import FeatureProvider, features_of
from pyruntime.update.data_digest import Digest


class Examples:
    """Examples from a list of dictionaries, a batch provider, or anything with a length that can be iterated.

    what: how errors call them; examples that are not the training's are "<what> example 3" there.
    Raises UpdateError when it has no length or is empty.
    """

    def __init__(self, data: Any, features: tuple[FeatureDescription, ...], what: str = "training") -> None:
        kind = type(data).__name__
        if isinstance(data, Mapping | str | bytes):
            raise UpdateError(
                f"{what} data: expected a list of examples, got one {kind}; "
                "lists of values by feature name become examples with ArrayBatchProvider"
            )
        if not hasattr(data, "__len__") or not (hasattr(data, "__getitem__") or hasattr(data, "__iter__")):
            raise UpdateError(
                f"{what} data: expected a list of examples, a batch provider or something else with a length, "
                f"got a {kind}"
            )
        if len(data) == 0:
            purpose = "learn from" if what == "training" else "measure with"
            raise UpdateError(f"{what} data: it is empty, expected at least one example to {purpose}")
        self._data, self._features = data, features
        self._digest = Digest()
        self.noun = "example" if what == "training" else f"{what} example"

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, features) of each example; only features that the model learns from."""
        self._digest = Digest()
        for index, example in enumerate(self._raw()):
            with example_errors(index, self.noun):
                known = self._known(example)
            self._digest.add(known)
            yield index, known

    @property
    def digest(self) -> str | None:
        """SHA-256 over all that was read the last time; None before."""
        return self._digest.text

    def _raw(self) -> Iterator[Any]:
        """Each example once, as the data gives it."""
        count, data = len(self._data), self._data
        if hasattr(data, "__getitem__"):
            for index in range(count):
                with example_errors(index, self.noun):
                    example = data[index]
                yield example
            return
        iterator = iter(data)
        for index in range(count):
            with example_errors(index, self.noun):
                try:
                    example = next(iterator)
                except StopIteration:
                    raise UpdateError(f"the data says it has {count} examples, but ended here") from None
            yield example

    def _known(self, example: Any) -> dict[str, Any]:
        """A dictionary may have no other features; a provider is asked for those that are needed."""
        names = {feature.name for feature in self._features}
        if isinstance(example, FeatureProvider):
            return {name: example.feature_value(name) for name in names & set(example.feature_names)}
        features = dict(features_of(example))
        unknown = [name for name in features if name not in names]
        if unknown:
            takes = ", ".join(f"{f.name} ({f.type_name})" for f in self._features)
            raise FeatureTypeError(f"feature {unknown[0]!r} is none of the training inputs, {takes}")
        return features


@contextmanager
def example_errors(index: int, noun: str = "example") -> Iterator[None]:
    """Errors of this package get the example's number; all others become UpdateError."""
    try:
        yield
    except MLModelError as error:
        raise type(error)(f"{noun} {index}: {error}") from error
    except Exception as error:
        raise UpdateError(f"{noun} {index}: reading it raised {type(error).__name__}: {error}") from error
