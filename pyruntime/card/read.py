"""A card from a model's messages.  Compiles and runs nothing, so it works for every file that can be read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyruntime.card.data import FeatureCard, ModelCard, RunCard
from pyruntime.card.names import model_type
from pyruntime.card.networks import neighbors, networks
from pyruntime.card.parameters import parameters
from pyruntime.description import FeatureDescription, describe_model
from pyruntime.spec.payloads import Payloads


def model_card(
    path: str | os.PathLike[str], spec: Any, payloads: Payloads | None, run: RunCard | None = None
) -> ModelCard:
    """The card of the model at `path`, whose messages are `spec`.

    Raises SpecError when the interface of the model is not legal.
    """
    d = describe_model(spec)
    return ModelCard(
        name=Path(path).resolve().stem,
        path=os.fspath(path),
        kind=spec.WhichOneof("Type"),
        type=model_type(spec),
        nbytes=size_on_disk(path),
        specification_version=spec.specificationVersion,
        author=d.author,
        description=d.short_description,
        license=d.license,
        version=d.version,
        user_defined=dict(sorted(d.creator_defined.items())),
        updatable=d.is_updatable,
        inputs=_features(d.inputs),
        outputs=_features(d.outputs),
        training_inputs=_features(d.training_inputs),
        parameters=parameters(spec),
        labels=d.class_labels,
        networks=networks(spec, payloads),
        neighbors=neighbors(spec, payloads),
        run=run,
    )


def size_on_disk(path: str | os.PathLike[str]) -> int:
    """Bytes of a file, or of all files of a folder."""
    place = Path(path)
    files = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files)


def _features(features: Iterable[FeatureDescription]) -> tuple[FeatureCard, ...]:
    return tuple(FeatureCard(f.name, f.type_name, f.description, f.is_optional) for f in features)


def open_messages(path: str | os.PathLike[str]) -> tuple[Any, Payloads | None]:
    """The Model message of a file, package or compiled model, and where its large weights are."""
    from pyruntime.compiled.opening import open_source
    from pyruntime.config import MLModelConfiguration

    lean = open_source(path, MLModelConfiguration(cache_folder=None)).lean
    return lean.spec, lean.payloads
