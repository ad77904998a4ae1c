"""Files with wrong fields: a sentence, or a model, but no other exception."""

from __future__ import annotations

import contextlib
import os
from random import Random
from typing import Any

import pytest

from pyruntime import MLModel
from pyruntime.errors import MLModelError
from pyruntime.models.updatable import rewrite_for_update, update_candidates
from pyruntime.models.updatable.make import lean_of, updatable
from pyruntime.models.updatable.splitting import split
from pyruntime.spec import messages
from pyruntime.spec.legality import broken_rules

from ..layers.mutations import mutate
from ..layers.network import layer
from .nets import Net, converted

COUNT = int(os.environ.get("PYRUNTIME_MUTATIONS", "40"))
"""How many wrong files of each kind."""


def networks() -> dict[str, Any]:
    image = Net(1, 1, 8, 8, mode="classifier", classes=3).conv(2).relu().pool().reshape(1, 18).matmul(3).plus(3)
    mean = Net(1, 2, 6, 6).conv(3).add("reduce_mean", axes=(2, 3), keepdims=False, reduce_all=False, shape=(1, 3))
    return {
        "rows": converted(["a", "b", "c"]),
        "image": image.softmax().end(["a", "b", "c"]),
        "mean": mean.matmul_of_constant(3).plus(1, 3).softmax().end(),
    }


@pytest.mark.parametrize("change", [updatable, split])
@pytest.mark.parametrize("again", ["x", "b1", "b2", "scores"])
def test_blobs_that_are_made_again_of_themselves(change: Any, again: str) -> None:
    """`copy` may write a name a second time: walking back from the loss ends."""
    spec = Net(1, 6).relu().matmul(3).softmax().end()
    for source in ("b2", "scores"):
        changed = messages.Model.FromString(spec.SerializeToString())
        changed.neuralNetwork.layers.append(layer("copy", source, again, "again"))
        with contextlib.suppress(MLModelError):
            change(lean_of(changed))


@pytest.mark.parametrize("kind", networks())
def test_wrong_fields(kind: str) -> None:
    original = networks()[kind]
    made = 0
    for seed in range(COUNT):
        random, spec = Random(seed), type(original)()
        spec.CopyFrom(original)
        for _ in range(random.randint(1, 3)):
            mutate(spec, random)
        for change in (updatable, split, rewrite_for_update, update_candidates):
            with contextlib.suppress(MLModelError):
                result: Any = change(lean_of(spec) if change in (updatable, split) else spec)
                made += 1
                if change is updatable:
                    assert broken_rules(result.spec, result.payloads) == []
                    MLModel.from_lean(result)
    assert made > COUNT / 2
