"""Small updatable networks, and an update that notes what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyruntime import MLModel, MLModelConfiguration, MLUpdateProgressHandlers, MLUpdateTask, UpdateEvent
from pyruntime.spec import messages

from ..layers.network import INT32, array, layer, model, scalar

ALL = UpdateEvent.TRAINING_BEGIN | UpdateEvent.EPOCH_END | UpdateEvent.MINI_BATCH_END


def values(*shape: int, seed: int = 0, scale: float = 0.5) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


def dense(
    name: str, source: str, result: str, inputs: int, outputs: int, *, learns: bool = True, bias: bool = True
) -> Any:
    seed = sum(name.encode())
    fields = {
        "weights": messages.WeightParams(floatValue=values(outputs, inputs, seed=seed).ravel(), isUpdatable=learns)
    }
    if bias:
        fields["bias"] = messages.WeightParams(floatValue=values(outputs, seed=seed + 1), isUpdatable=learns)
    made = layer(
        "innerProduct", source, result, name, inputChannels=inputs, outputChannels=outputs, hasBias=bias, **fields
    )
    made.isUpdatable = learns
    return made


def convolution(
    name: str, source: str, result: str, inputs: int, outputs: int, *, learns: bool = True, groups: int = 1, **more: Any
) -> Any:
    seed = sum(name.encode())
    kernel = more.setdefault("kernelSize", [3, 3])
    if "same" not in more:
        more["valid"] = more.get("valid", {})
    w = values(outputs, inputs // groups, *kernel, seed=seed, scale=0.3)
    made = layer(
        "convolution", source, result, name, outputChannels=outputs, kernelChannels=inputs // groups, nGroups=groups,
        hasBias=True,
        weights=messages.WeightParams(floatValue=w.ravel(), isUpdatable=learns),
        bias=messages.WeightParams(floatValue=values(outputs, seed=seed + 1), isUpdatable=learns), **more,
    )  # fmt: skip
    made.isUpdatable = learns
    return made


def activation(kind: str, source: str, result: str) -> Any:
    return layer("activation", source, result, f"{kind} of {source}", **{kind: {}})


def updatable(
    inputs: Mapping[str, Sequence[int]] | Sequence[Any],
    layers: Sequence[Any],
    *,
    entropy: bool = False,
    source: str = "y",
    target: Any = None,
    classes: Sequence[str] = (),
    adam: bool = False,
    rate: float = 0.1,
    momentum: float | None = None,
    size: int = 4,
    epochs: int = 2,
    shuffle: bool = False,
    seed: int | None = None,
    exact: bool = False,
    kind: str = "neuralNetwork",
    outputs: Sequence[Any] | None = None,
) -> Any:
    """A Model message.  target: a description, by default that of coremltools' builder: <source>_true."""
    if classes:
        kind, outputs = "neuralNetworkClassifier", [scalar("label", "string"), scalar("scores", "dictionary")]
        outputs[1].type.dictionaryType.stringKeyType.SetInParent()
    spec = model(inputs, layers, outputs or (source,), exact=exact, kind=kind)
    spec.isUpdatable = True
    network = getattr(spec, kind)
    if classes:
        spec.description.predictedFeatureName, spec.description.predictedProbabilitiesName = "label", "scores"
        network.stringClassLabels.vector.extend(classes)
        network.labelProbabilityLayerName = source
    described = list(spec.description.input)
    spec.description.trainingInput.extend(described)
    if target is None:
        target = array(f"{source}_true", (1,), INT32) if entropy else array(f"{source}_true", (1,))
    spec.description.trainingInput.append(target)
    update = network.updateParams
    loss = update.lossLayers.add(name="loss")
    of = loss.categoricalCrossEntropyLossLayer if entropy else loss.meanSquaredErrorLossLayer
    of.input, of.target = source, f"{source}_true"
    optimizer = update.optimizer.adamOptimizer if adam else update.optimizer.sgdOptimizer
    optimizer.learningRate.defaultValue = rate
    optimizer.learningRate.range.maxValue = 10.0
    optimizer.miniBatchSize.defaultValue = size
    optimizer.miniBatchSize.range.minValue, optimizer.miniBatchSize.range.maxValue = 1, 64
    if adam:
        optimizer.beta1.defaultValue, optimizer.beta2.defaultValue, optimizer.eps.defaultValue = 0.9, 0.99, 1e-6
    elif momentum is not None:
        optimizer.momentum.defaultValue = momentum
    update.epochs.defaultValue = epochs
    if shuffle:
        update.shuffle.defaultValue = True
    if seed is not None:
        update.seed.defaultValue = seed
    return spec


class Record:
    """What an update told its handlers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.batch_losses: list[float] = []
        self.epoch_losses: list[float] = []
        self.parameters: dict[str, Any] = {}

    def note(self, context: Any) -> None:
        self.events.append((context.event.name, dict(context.metrics)))
        self.parameters = {str(key): value for key, value in context.parameters.items()}
        if context.event is UpdateEvent.MINI_BATCH_END:
            self.batch_losses.append(context.metrics["lossValue"])
        if context.event is UpdateEvent.EPOCH_END:
            self.epoch_losses.append(context.metrics["lossValue"])


def update(
    spec: Any, examples: Any, threads: int = 1, options: Any = None, **parameters: Any
) -> tuple[MLUpdateTask, Record]:
    """A finished task, and what it told; raises its error."""
    task, record = try_update(spec, examples, threads, options, **parameters)
    if task.error:
        raise task.error
    return task, record


def try_update(
    spec: Any, examples: Any, threads: int = 1, options: Any = None, **parameters: Any
) -> tuple[MLUpdateTask, Record]:
    configuration = MLModelConfiguration(threads=threads, parameters=parameters)
    record = Record()
    opened = MLModel(spec, configuration=configuration)
    handlers = MLUpdateProgressHandlers(ALL, record.note)
    task = MLUpdateTask(opened, examples, progress_handlers=handlers, options=options)
    task.resume()
    assert task.wait(600)
    return task, record


def as_examples(**columns: Any) -> list[dict[str, Any]]:
    """Examples from one list or array per feature."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
