"""Options that cannot be meant: each error names the option, what is expected and what came."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import Adapter, LearningRateSchedule, MLModel, MLUpdateTask, TrainingOptions
from pyruntime.errors import ParametersError

from ..knn.models import pipeline_spec
from ..layers.network import array, layer
from .compressed import compress
from .networks import as_examples, convolution, dense, updatable, values
from .test_checkpoints import attempt, weights_of
from .test_task import EXAMPLES, classes, pictures, regression


def says(raised: Any, *words: str) -> None:
    sentence = str(raised.value)
    assert sentence.startswith("training option"), sentence
    assert not [word for word in ("expected", "got", *words) if word not in sentence], sentence


BAD: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "optimizer": (lambda: TrainingOptions(optimizer="lion"), ["optimizer", "'adamw'", "'lion'"]),
    "optimizer that is no text": (lambda: TrainingOptions(optimizer=3), ["optimizer", "3"]),  # type: ignore[arg-type]
    "negative decay": (lambda: TrainingOptions(weight_decay=-0.1), ["weight_decay", "from 0", "-0.1"]),
    "decay without a number": (lambda: TrainingOptions(weight_decay=math.nan), ["weight_decay", "nan"]),
    "momentum of 1": (lambda: TrainingOptions(momentum=1.0), ["momentum", "below 1", "1.0"]),
    "beta": (lambda: TrainingOptions(beta2=-0.5), ["beta2", "-0.5"]),
    "eps": (lambda: TrainingOptions(eps=0), ["eps", "above 0"]),
    "norm": (lambda: TrainingOptions(clip_norm=0.0), ["clip_norm", "above 0", "0.0"]),
    "value": (lambda: TrainingOptions(clip_value=math.inf), ["clip_value", "inf"]),
    "smoothing of 1": (lambda: TrainingOptions(label_smoothing=1.0), ["label_smoothing", "below 1", "1.0"]),
    "smoothing below 0": (lambda: TrainingOptions(label_smoothing=-0.1), ["label_smoothing", "-0.1"]),
    "smoothing by a truth": (lambda: TrainingOptions(label_smoothing=True), ["label_smoothing", "True"]),
    "nesterov": (lambda: TrainingOptions(nesterov=1), ["nesterov", "True or False"]),  # type: ignore[arg-type]
    "a weight below 0": (lambda: TrainingOptions(class_weights={"a": -1.0}), ["class_weights", "-1.0"]),
    "no weights": (lambda: TrainingOptions(class_weights=[]), ["class_weights", "none"]),
    "weights as text": (lambda: TrainingOptions(class_weights="2"), ["class_weights", "'2'"]),
    "schedule": (lambda: TrainingOptions(schedule="exponential"), ["schedule", "'cosine'", "'exponential'"]),
    "schedule by a number": (lambda: TrainingOptions(schedule=3), ["schedule", "3"]),  # type: ignore[arg-type]
    "warm-up": (lambda: LearningRateSchedule(warmup=-1), ["schedule.warmup", "-1"]),
    "warm-up of a half": (lambda: LearningRateSchedule(warmup=0.5), ["schedule.warmup", "0.5"]),  # type: ignore[arg-type]
    "end": (lambda: LearningRateSchedule("cosine", end=2), ["schedule.end", "0 to 1", "2"]),
    "every": (lambda: LearningRateSchedule("step", every=0), ["schedule.every", "from 1", "0"]),
    "steps": (lambda: LearningRateSchedule("linear", warmup=5, steps=5), ["schedule.steps", "from 6", "5"]),
    "rank 0": (lambda: Adapter(0), ["adapters.rank", "from 1", "0"]),
    "rank by a truth": (lambda: Adapter(True), ["adapters.rank", "True"]),
    "alpha": (lambda: Adapter(2, alpha=0), ["adapters.alpha", "above 0"]),
    "layers as text": (lambda: Adapter(2, layers="a"), ["adapters.layers", "'a'"]),
    "no layers": (lambda: Adapter(2, layers=[]), ["adapters.layers", "[]"]),
    "adapters": (lambda: TrainingOptions(adapters=4), ["adapters", "Adapter", "4"]),  # type: ignore[arg-type]
    "low precision": (lambda: TrainingOptions(low_precision="half"), ["low_precision", "'dequantize'", "'half'"]),
}


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD)
def test_values(make: Callable[[], Any], words: list[str]) -> None:
    with pytest.raises(ParametersError) as raised:
        make()
    says(raised, *words)


def refused(spec: Any, options: TrainingOptions, *words: str) -> None:
    """Before any example is read."""
    with pytest.raises(ParametersError) as raised:
        MLUpdateTask(MLModel(spec), EXAMPLES, options=options)
    says(raised, *words)


def test_numbers_of_another_optimizer_or_of_the_file() -> None:
    refused(regression(), TrainingOptions(beta1=0.5), "beta1", "sgd", "0.5")
    refused(regression(), TrainingOptions(optimizer="adam", momentum=0.5), "momentum", "adam")
    refused(regression(momentum=0.3), TrainingOptions(momentum=0.5), "momentum", "0.5", "configuration", "bounds")
    refused(regression(adam=True), TrainingOptions(eps=0.5), "eps", "file has this parameter")
    refused(regression(), TrainingOptions(nesterov=True), "nesterov", "momentum")
    refused(regression(adam=True), TrainingOptions(nesterov=True), "nesterov", "adam")


def test_adapters_of_layers_that_cannot_have_one() -> None:
    refused(
        regression(), TrainingOptions(adapters=Adapter(2, layers=["c"])), "adapters.layers", "a, b", "'c'", "no layers"
    )
    refused(regression(), TrainingOptions(adapters=Adapter(2, layers=["tanh of h"])), "adapters.layers", "activation")
    refused(
        regression(), TrainingOptions(adapters=Adapter(6)), "adapters.rank", "1 to 5 for layer 'a'", "8 x 5", "got 6"
    )
    refused(regression(), TrainingOptions(adapters=[Adapter(2), Adapter(3)]), "adapters", "at most one", "two")
    twice = [Adapter(2, layers=["a"]), Adapter(3, layers=["b", "a"])]
    refused(regression(), TrainingOptions(adapters=twice), "adapters.layers", "once", "'a' twice")
    grouped = updatable(
        {"x": (4, 5, 5)}, [convolution("c", "x", "h", 4, 2, groups=2), layer("flatten", "h", "y", "flat")],
        target=array("y_true", (18,)),
    )  # fmt: skip
    refused(grouped, TrainingOptions(adapters=Adapter(1, layers=["c"])), "adapters.layers", "grouped", "'c'")
    refused(grouped, TrainingOptions(adapters=Adapter(1)), "adapters", "without groups", "got c")
    compress(grouped.neuralNetwork.layers[0].convolution.weights, 2, "float16")
    refused(grouped, TrainingOptions(low_precision="adapter"), "low_precision", "'dequantize'", "'c'", "convolution")


def test_classes_that_do_not_exist() -> None:
    def weighed(spec: Any, weights: Any, *words: str) -> None:
        with pytest.raises(ParametersError) as raised:
            MLUpdateTask(MLModel(spec), as_examples(x=pictures(2)), options=TrainingOptions(class_weights=weights))
        says(raised, "class_weights", *words)

    labelled = classes(classes=["left", "middle", "right"])
    weighed(labelled, {"top": 2.0}, "left, middle, right", "class number from 0 to 2", "'top'")
    weighed(labelled, {3: 2.0}, "0 to 2", "3")
    weighed(classes(), {"left": 2.0}, "class number", "'left'")
    weighed(classes(), {True: 2.0}, "True")
    weighed(classes(), [1.0, 2.0], "3 numbers", "2")
    weighed(classes(), [0.0, 0.0, 0.0], "above 0", "zeros")


def test_losses_without_classes() -> None:
    refused(
        regression(), TrainingOptions(class_weights=[1, 2, 3]), "class_weights", "cross entropy", "meanSquaredError"
    )
    refused(regression(), TrainingOptions(label_smoothing=0.1), "label_smoothing", "cross entropy", "meanSquaredError")


def test_whole_numbers_as_labels_are_labels() -> None:
    """5 is the label of class 0, and 0 is no label."""
    layers = [dense("d", "x", "z", 4, 2), layer("softmax", "z", "y", "softmax")]
    spec = updatable({"x": (4,)}, layers, entropy=True, classes=["a", "b"])
    spec.neuralNetworkClassifier.int64ClassLabels.vector.extend([5, 1])
    spec.description.output[0].type.int64Type.SetInParent()
    spec.description.output[1].type.dictionaryType.int64KeyType.SetInParent()
    examples = as_examples(x=values(4, 4), y_true=[[0], [1], [0], [1]])
    MLUpdateTask(MLModel(spec), examples, options=TrainingOptions(class_weights={5: 2.0}))
    with pytest.raises(ParametersError, match=r"class_weights: expected one of the labels 5, 1, got 0"):
        MLUpdateTask(MLModel(spec), examples, options=TrainingOptions(class_weights={0: 2.0}))


def test_options_are_for_networks() -> None:
    spec = pipeline_spec()
    MLUpdateTask(MLModel(spec), [{"x": np.zeros(40), "label": "a"}], options=TrainingOptions())
    with pytest.raises(ParametersError, match=r"training options.*k-NN.*adamw"):
        MLUpdateTask(MLModel(spec), [{"x": np.zeros(40), "label": "a"}], options=TrainingOptions(optimizer="adamw"))
    with pytest.raises(TypeError, match="expected TrainingOptions, got a dict"):
        MLUpdateTask(MLModel(regression()), EXAMPLES, options={"optimizer": "adamw"})  # type: ignore[arg-type]


def test_options_that_say_the_same_are_equal() -> None:
    """So their checkpoints are."""
    assert TrainingOptions(class_weights=np.ones(3)) == TrainingOptions(class_weights=[1, 1, 1])
    assert TrainingOptions(class_weights=np.ones(3)) != TrainingOptions()
    assert repr(Adapter(2, layers=["a"])) == repr(Adapter(2, layers=("a",)))
    assert TrainingOptions(schedule="cosine") == TrainingOptions(schedule=LearningRateSchedule("cosine"))


# checkpoints

FULL = TrainingOptions(
    optimizer="adamw", weight_decay=0.1, clip_norm=0.5, clip_value=0.4, adapters=Adapter(2, layers=["a"]),
    schedule=LearningRateSchedule("cosine", warmup=3),
)  # fmt: skip


def test_power_cuts_with_every_option(tmp_path: Path) -> None:
    spec, path = regression(shuffle=True, seed=3, epochs=4), tmp_path / "update"
    whole, wanted = attempt(spec, tmp_path / "whole", None, options=FULL)
    rng = np.random.default_rng(5)
    for _ in range(4):
        losses: list[float] = []
        while True:
            task, record = attempt(spec, path, int(rng.integers(1, 12)), options=FULL)
            losses += record.epoch_losses
            if task.error is None:
                break
            assert "PowerCut" in str(task.error)
        assert weights_of(task) == weights_of(whole)
        assert losses[-1] == wanted.epoch_losses[-1]


OTHERS = {
    "none": None,
    "decay": TrainingOptions(weight_decay=0.1),
    "norm": TrainingOptions(clip_norm=0.5),
    "schedule": TrainingOptions(schedule="linear"),
    "optimizer": TrainingOptions(optimizer="adam"),
    "adapters": TrainingOptions(adapters=Adapter(2)),
    "kept": TrainingOptions(adapters=Adapter(2, keep=True)),
}


def test_a_checkpoint_of_other_options_is_refused(tmp_path: Path) -> None:
    for name, options in OTHERS.items():
        path = tmp_path / name
        attempt(regression(epochs=4), path, 6, options=options)
        whole = path.read_bytes()
        for other, more in OTHERS.items():
            if other != name:
                task, _ = attempt(regression(epochs=4), path, None, options=more)
                assert "another update" in str(task.error), (name, other)
                assert path.read_bytes() == whole
