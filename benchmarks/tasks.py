"""Training tasks: updatable networks with random weights, and a mini-batch for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel
from pyruntime.native import lib
from pyruntime.spec import messages
from pyruntime.training.steps import StepRunner
from pyruntime.training.trainer import Trainer

RATES = {"sgd": 0.01, "adam": 0.001}
ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


@dataclass(frozen=True)
class Task:
    """shape: of one example.  layers: ("conv", outputs, kernel, padding), ("dense", outputs), ("relu",), ("pool",),
    ("mean",), ("flat",); a softmax and cross entropy over 10 classes follow."""

    shape: tuple[int, int, int]
    layers: tuple[tuple[Any, ...], ...]
    batch: int
    optimizer: str


CNN = (("conv", 32, 3, 0), ("relu",), ("conv", 64, 3, 0), ("relu",), ("pool",), ("flat",), ("dense", 128), ("relu",),
       ("dense", 10))  # fmt: skip
HEAD = (("conv", 128, 3, 1), ("relu",), ("mean",), ("flat",), ("dense", 10))
TASKS = {
    "cnn_sgd": Task((1, 28, 28), CNN, 32, "sgd"),
    "cnn_adam": Task((1, 28, 28), CNN, 32, "adam"),
    "last_sgd": Task((1280, 1, 1), (("dense", 10),), 10, "sgd"),
    "convhead_sgd": Task((320, 7, 7), HEAD, 10, "sgd"),
}


def mini_batch(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Images (batch, C, H, W) and class numbers."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(task.batch, *task.shape)).astype(np.float32), rng.integers(0, 10, task.batch)


def build_spec(task: Task) -> Any:
    """The Model message; weights of a layer are scaled by the root of its inputs."""
    rng = np.random.default_rng(0)
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    x = spec.description.input.add(name="x")
    x.type.multiArrayType.shape.extend(task.shape if task.shape[1:] != (1, 1) else task.shape[:1])
    x.type.multiArrayType.dataType = messages.ArrayFeatureType.FLOAT32
    y = spec.description.output.add(name="y")
    y.type.multiArrayType.dataType = messages.ArrayFeatureType.FLOAT32
    network = spec.neuralNetwork
    channels, height, width = task.shape
    blob = "x"
    for i, (kind, *numbers) in enumerate((*task.layers, ("softmax",))):
        result = "y" if kind == "softmax" else f"b{i}"
        layer = network.layers.add(name=f"{kind}{i}", input=[blob], output=[result])
        blob = result
        if kind == "conv":
            outputs, kernel, pad = numbers
            p = layer.convolution
            p.outputChannels, p.kernelChannels, p.nGroups, p.hasBias = outputs, channels, 1, True
            p.kernelSize.extend([kernel, kernel])
            for _ in range(2):
                p.valid.paddingAmounts.borderAmounts.add(startEdgeSize=pad, endEdgeSize=pad)
            _learn(layer, p, rng, (outputs, channels, kernel, kernel))
            channels, height, width = outputs, height + 2 * pad - kernel + 1, width + 2 * pad - kernel + 1
        elif kind == "dense":
            p = layer.innerProduct
            p.inputChannels, p.outputChannels, p.hasBias = channels * height * width, numbers[0], True
            _learn(layer, p, rng, (numbers[0], channels * height * width))
            channels, height, width = numbers[0], 1, 1
        elif kind == "relu":
            layer.activation.ReLU.SetInParent()
        elif kind == "pool":
            layer.pooling.kernelSize.extend([2, 2])
            layer.pooling.stride.extend([2, 2])
            layer.pooling.valid.SetInParent()
            height, width = height // 2, width // 2
        elif kind == "mean":
            layer.pooling.type, layer.pooling.globalPooling = 1, True
            layer.pooling.valid.SetInParent()
            height = width = 1
        elif kind == "flat":
            layer.flatten.SetInParent()
        else:
            layer.softmax.SetInParent()
    _recipe(spec, task)
    return spec


def _learn(layer: Any, p: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    layer.isUpdatable = p.weights.isUpdatable = p.bias.isUpdatable = True
    scale = 1 / np.sqrt(np.prod(shape[1:]))
    p.weights.floatValue.extend((rng.normal(size=shape) * scale).astype(np.float32).ravel())
    p.bias.floatValue.extend((rng.normal(size=shape[0]) * 0.1).astype(np.float32))


def _recipe(spec: Any, task: Task) -> None:
    spec.description.trainingInput.extend(spec.description.input)
    target = spec.description.trainingInput.add(name="y_true")
    target.type.multiArrayType.shape.append(1)
    target.type.multiArrayType.dataType = messages.ArrayFeatureType.INT32
    update = spec.neuralNetwork.updateParams
    loss = update.lossLayers.add(name="loss").categoricalCrossEntropyLossLayer
    loss.input, loss.target = "y", "y_true"
    optimizer = getattr(update.optimizer, f"{task.optimizer}Optimizer")
    optimizer.learningRate.defaultValue = RATES[task.optimizer]
    optimizer.miniBatchSize.defaultValue = task.batch
    if task.optimizer == "adam":
        for name, value in ADAM.items():
            getattr(optimizer, name).defaultValue = value
    update.epochs.defaultValue = 1


def our_step(task: Task, threads: int) -> tuple[Callable[[], float], StepRunner, lib.Context]:
    """A call that makes one step on the mini-batch and gives its loss."""
    model = MLModel(build_spec(task), configuration=MLModelConfiguration(threads=threads))
    parameters = {"learningRate": RATES[task.optimizer], "miniBatchSize": task.batch, **ADAM}
    trainer = Trainer(model.engine, parameters, "the task")  # type: ignore[arg-type]
    runner = trainer.runner(task.batch)
    images, classes = mini_batch(task)
    runner.features[0][...] = images.reshape(runner.features[0].shape)
    runner.target[...] = classes

    def step() -> float:
        trainer.steer(parameters.get)
        return runner.run()

    return step, runner, model.engine.part.context


def torch_model(task: Task) -> tuple[Any, Any]:
    """The network as a PyTorch module, without its softmax, and the images as it takes them."""
    import torch
    from torch import nn

    spec = build_spec(task).neuralNetwork
    modules: list[Any] = []
    for layer, (kind, *numbers) in zip(spec.layers, task.layers, strict=False):
        if kind in ("conv", "dense"):
            p = layer.convolution if kind == "conv" else layer.innerProduct
            inputs = p.kernelChannels if kind == "conv" else p.inputChannels
            module: Any = (
                nn.Conv2d(inputs, *numbers[:2], padding=numbers[2]) if kind == "conv" else nn.Linear(inputs, *numbers)
            )
            with torch.no_grad():
                module.weight.copy_(torch.tensor(list(p.weights.floatValue)).reshape(module.weight.shape))
                module.bias.copy_(torch.tensor(list(p.bias.floatValue)))
            modules.append(module)
        else:
            made = {
                "relu": nn.ReLU,
                "pool": lambda: nn.MaxPool2d(2),
                "mean": lambda: nn.AdaptiveAvgPool2d(1),
                "flat": nn.Flatten,
            }
            modules.append(made[kind]())
    images = torch.tensor(mini_batch(task)[0])
    return nn.Sequential(*modules), images.flatten(1) if task.shape[1:] == (1, 1) else images


def torch_step(task: Task, threads: int, variant: str) -> Callable[[], float]:
    """The same in PyTorch: variant eager, channels_last or compiled."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    model, x = torch_model(task)
    target = torch.tensor(mini_batch(task)[1])
    if variant == "channels_last" and x.ndim == 4:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    rate = RATES[task.optimizer]
    optimizer: Any = (
        torch.optim.Adam(model.parameters(), rate)
        if task.optimizer == "adam"
        else torch.optim.SGD(model.parameters(), rate)
    )

    def of_batch() -> Any:
        return functional.cross_entropy(model(x), target)

    forward = torch.compile(of_batch) if variant == "compiled" else of_batch

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def onnx_step(task: Task, threads: int) -> Callable[[], float]:
    """The same in ONNX Runtime's training API.  Its Adam is AdamW, with the decay that it comes with."""
    import onnx
    import onnxruntime
    import torch
    from onnxruntime.training import api, artifacts

    model, x = torch_model(task)
    images, classes = x.numpy(), mini_batch(task)[1].astype(np.int64)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with TemporaryDirectory() as folder:
        path = Path(folder)
        torch.onnx.export(
            model, (x,), path / "model.onnx", dynamo=False, opset_version=15, input_names=["x"], output_names=["y"],
            do_constant_folding=False, training=torch.onnx.TrainingMode.TRAINING, export_params=True,
        )  # fmt: skip
        network = onnx.load(path / "model.onnx")
        learning = {name for name, _ in model.named_parameters()}
        artifacts.generate_artifacts(
            network, requires_grad=[w.name for w in network.graph.initializer if w.name in learning],
            loss=artifacts.LossType.CrossEntropyLoss, artifact_directory=folder,
            optimizer=artifacts.OptimType.AdamW if task.optimizer == "adam" else artifacts.OptimType.SGD,
        )  # fmt: skip
        state = api.CheckpointState.load_checkpoint(path / "checkpoint")
        module = api.Module(
            str(path / "training_model.onnx"), state, str(path / "eval_model.onnx"), session_options=options
        )
        optimizer = api.Optimizer(str(path / "optimizer_model.onnx"), module)
    optimizer.set_learning_rate(RATES[task.optimizer])
    module.train()

    def step() -> float:
        loss = module(images, classes)
        optimizer.step()
        module.lazy_reset_grad()
        return float(loss)

    return step
