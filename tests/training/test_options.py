"""Training options follow PyTorch step for step: optimizers, decay, clipping, schedules, weighted losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyruntime import (
    LearningRateSchedule,
    MLModel,
    MLUpdateProgressHandlers,
    MLUpdateTask,
    TrainingOptions,
    UpdateEvent,
)

from ..layers.network import array, layer
from .networks import activation, as_examples, dense, updatable, update, values

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")
from . import torch_training  # noqa: E402
from .torch_training import More  # noqa: E402

CURVE = 1e-4
"""Relative difference of losses, and of a layer's weights as one vector."""
STEPS = 40
RATE = 0.05


def regression(**more: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """40 steps: 27 examples in mini-batches of 4, the last one of 3."""
    layers = [dense("a", "x", "h", 5, 8), activation("tanh", "h", "t"), dense("b", "t", "y", 8, 3)]
    spec = updatable({"x": (5,)}, layers, target=array("y_true", (3,)), exact=True, epochs=6, rate=RATE, size=4, **more)
    return spec, values(27, 5, seed=9), values(27, 3, seed=10)


def classifier(**more: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    layers = [dense("a", "x", "h", 6, 8), activation("ReLU", "h", "r"), dense("b", "r", "z", 8, 4)]
    layers.append(layer("softmax", "z", "y", "softmax"))
    spec = updatable({"x": (6,)}, layers, entropy=True, epochs=6, rate=RATE, size=4, **more)
    classes = np.array([0, 1, 2, 3, 0, 0, 0, 1, 0] * 3).reshape(-1, 1)
    return spec, values(27, 6, seed=3, scale=1), classes


def follows(
    case: tuple[Any, np.ndarray, np.ndarray], options: TrainingOptions, more: More, threads: int = 1, **hyper: Any
) -> None:
    """Train here and there, compare every loss and the weights."""
    spec, x, target = case
    task, record = update(spec, as_examples(x=x, y_true=list(target)), threads, options, **hyper)
    batches = torch_training.orders(len(x), 4, 6, None)
    assert len(batches) >= STEPS
    hyper = {"learningRate": RATE} | hyper
    losses, wanted = torch_training.train(spec.neuralNetwork, {"x": x}, target, batches, more, **hyper)
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE, atol=1e-7)
    assert losses[-1] != losses[0]
    for (name, field), there in wanted.items():
        here = task.context.model.parameter_value(f"{name}:{'weights' if field == 'weights' else 'biases'}")
        assert np.linalg.norm(here - there) <= CURVE * np.linalg.norm(there), (name, field)


def differs(case: tuple[Any, np.ndarray, np.ndarray], options: TrainingOptions) -> None:
    """The option does something at all."""
    spec, x, target = case
    examples = as_examples(x=x, y_true=list(target))
    assert update(spec, examples, 1, options)[1].batch_losses != update(spec, examples)[1].batch_losses


def sgd(**more: Any) -> More:
    return More(lambda parameters: torch.optim.SGD(parameters, **{"lr": RATE} | more))


def adam(kind: str = "Adam", **more: Any) -> More:
    return More(lambda parameters: getattr(torch.optim, kind)(parameters, **{"lr": RATE} | more))


OPTIMIZERS: dict[str, tuple[TrainingOptions, More]] = {
    "adam": (TrainingOptions(optimizer="adam"), adam()),
    "adam with numbers": (
        TrainingOptions(optimizer="adam", beta1=0.8, beta2=0.95, eps=1e-3),
        adam(betas=(0.8, 0.95), eps=1e-3),
    ),
    "adam and L2": (TrainingOptions(optimizer="adam", weight_decay=0.1), adam(weight_decay=0.1)),
    "adamw": (TrainingOptions(optimizer="adamw", weight_decay=0.3), adam("AdamW", weight_decay=0.3)),
    "sgd and L2": (TrainingOptions(weight_decay=0.2), sgd(weight_decay=0.2)),
    "momentum": (TrainingOptions(momentum=0.9), sgd(momentum=0.9)),
    "momentum and L2": (TrainingOptions(momentum=0.9, weight_decay=0.2), sgd(momentum=0.9, weight_decay=0.2)),
    "nesterov": (TrainingOptions(momentum=0.9, nesterov=True), sgd(momentum=0.9, nesterov=True)),
    "nesterov and L2": (
        TrainingOptions(momentum=0.8, nesterov=True, weight_decay=0.1),
        sgd(momentum=0.8, nesterov=True, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize(("options", "more"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_and_weight_decay(options: TrainingOptions, more: More) -> None:
    follows(regression(), options, more)
    differs(regression(), options)


def test_sgd_instead_of_the_adam_of_the_file() -> None:
    options = TrainingOptions(optimizer="sgd", momentum=0.5)
    follows(regression(adam=True), options, sgd(momentum=0.5))


def test_adamw_takes_the_numbers_of_an_adam_in_the_file() -> None:
    options = TrainingOptions(optimizer="adamw", weight_decay=0.3)
    follows(regression(adam=True), options, adam("AdamW", betas=(0.9, 0.99), eps=1e-6, weight_decay=0.3))


def test_decay_that_leaves_biases_alone() -> None:
    def split(parameters: Any) -> Any:
        matrices, vectors = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim == 1]
        groups = [{"params": matrices, "weight_decay": 0.4}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=RATE)

    options = TrainingOptions(optimizer="adamw", weight_decay=0.4, decay_biases=False)
    follows(regression(), options, More(split))


CLIPPED = {
    "norm": (TrainingOptions(clip_norm=0.05), lambda p: torch.nn.utils.clip_grad_norm_(p, 0.05)),
    "value": (TrainingOptions(clip_value=0.01), lambda p: torch.nn.utils.clip_grad_value_(p, 0.01)),
    "both": (
        TrainingOptions(clip_value=0.01, clip_norm=0.02),
        lambda p: (torch.nn.utils.clip_grad_value_(p, 0.01), torch.nn.utils.clip_grad_norm_(p, 0.02)),
    ),
    "norm and L2": (
        TrainingOptions(clip_norm=0.05, weight_decay=0.1),
        lambda p: torch.nn.utils.clip_grad_norm_(p, 0.05),
    ),
}


@pytest.mark.parametrize(("options", "clip"), CLIPPED.values(), ids=CLIPPED)
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_clipping(options: TrainingOptions, clip: Callable[[Any], Any], kind: str) -> None:
    decay = options.weight_decay
    make = {
        "sgd": lambda p: torch.optim.SGD(p, RATE, weight_decay=decay),
        "momentum": lambda p: torch.optim.SGD(p, RATE, 0.9, weight_decay=decay),
        "adam": lambda p: torch.optim.Adam(p, RATE, (0.9, 0.99), 1e-6, weight_decay=decay),
    }[kind]
    case = regression(adam=kind == "adam", momentum=0.9 if kind == "momentum" else None)
    follows(case, options, More(make, before_step=clip))
    differs(case, options)


def test_a_norm_that_is_never_reached_changes_nothing() -> None:
    spec, x, target = regression()
    examples = as_examples(x=x, y_true=list(target))
    plain, clipped = update(spec, examples)[1], update(spec, examples, 1, TrainingOptions(clip_norm=1e6))[1]
    assert plain.batch_losses == clipped.batch_losses


def test_clipping_by_the_norm_has_the_same_bits_on_any_number_of_threads() -> None:
    layers = [dense("a", "x", "h", 300, 150), dense("b", "h", "y", 150, 3)]
    spec = updatable({"x": (300,)}, layers, target=array("y_true", (3,)), exact=True)
    examples = as_examples(x=values(8, 300, seed=9), y_true=values(8, 3, seed=10))
    options = TrainingOptions(clip_norm=0.1, optimizer="adamw")
    found = [
        update(spec, examples, threads, options)[0].context.model.parameter_value("a:weights").tobytes()
        for threads in (1, 2, 3)
    ]
    assert found[0] == found[1] == found[2]


# schedules


def behind(warmup: int, start: float, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    lr = torch.optim.lr_scheduler

    def schedule(optimizer: Any) -> Any:
        first = lr.LinearLR(optimizer, start_factor=start, end_factor=1.0, total_iters=warmup)
        return lr.SequentialLR(optimizer, [first, make(optimizer)], milestones=[warmup])

    return schedule


LR = torch.optim.lr_scheduler
SCHEDULES: dict[str, tuple[LearningRateSchedule, Callable[[Any], Any]]] = {
    "step": (LearningRateSchedule("step", every=9, gamma=0.5), lambda o: LR.StepLR(o, 9, 0.5)),
    "cosine": (LearningRateSchedule("cosine"), lambda o: LR.CosineAnnealingLR(o, 42)),
    "cosine that ends": (
        LearningRateSchedule("cosine", end=0.2, steps=42),
        lambda o: LR.CosineAnnealingLR(o, 42, eta_min=0.2 * RATE),
    ),
    "linear": (LearningRateSchedule("linear"), lambda o: LR.LinearLR(o, 1.0, 0.0, 42)),
    "linear that ends": (LearningRateSchedule("linear", end=0.25, steps=20), lambda o: LR.LinearLR(o, 1.0, 0.25, 20)),
    "warm-up": (LearningRateSchedule(warmup=10), lambda o: LR.LinearLR(o, 0.1, 1.0, 10)),
    "warm-up and cosine": (
        LearningRateSchedule("cosine", warmup=5, warmup_start=0.3),
        behind(5, 0.3, lambda o: LR.CosineAnnealingLR(o, 37)),
    ),
    "warm-up and linear": (
        LearningRateSchedule("linear", warmup=7, end=0.1),
        behind(7, 0.1, lambda o: LR.LinearLR(o, 1.0, 0.1, 35)),
    ),
    "warm-up and step": (
        LearningRateSchedule("step", warmup=7, every=10, gamma=0.3),
        behind(7, 0.1, lambda o: LR.StepLR(o, 10, 0.3)),
    ),
    "step by epochs": (
        LearningRateSchedule("step", every=2, gamma=0.5, per_epoch=True),
        lambda o: LR.StepLR(o, 14, 0.5),
    ),
}


@pytest.mark.parametrize(("schedule", "there"), SCHEDULES.values(), ids=SCHEDULES)
def test_schedules(schedule: LearningRateSchedule, there: Callable[[Any], Any]) -> None:
    more = More(lambda p: torch.optim.SGD(p, RATE, 0.9), there)
    follows(regression(momentum=0.9), TrainingOptions(schedule=schedule), more)


@pytest.mark.parametrize(("schedule", "there"), SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")
def test_factors_are_those_of_pytorch(schedule: LearningRateSchedule, there: Callable[[Any], Any]) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE)
    scheduler = there(optimizer)
    for step in range(42):
        wanted = optimizer.param_groups[0]["lr"] / RATE
        assert schedule.factor(step, 7, 6) == pytest.approx(wanted, rel=1e-9, abs=1e-12), step
        optimizer.step()
        scheduler.step()


def test_the_factor_stays_at_its_end_and_counts_from_the_start() -> None:
    cosine = LearningRateSchedule("cosine", steps=10, end=0.25)
    assert [cosine.factor(step, 100, 1) for step in (10, 11, 99)] == [0.25] * 3
    assert LearningRateSchedule("cosine", warmup=4).factor(1, 1, 3) == pytest.approx(0.1 + 0.9 / 4)
    by_epoch = LearningRateSchedule("linear", per_epoch=True)
    assert [by_epoch.factor(step, 3, 2) for step in range(6)] == [1, 1, 1, 0.5, 0.5, 0.5]


def test_a_rate_that_a_handler_changes_is_multiplied_as_well() -> None:
    """At epoch 3 the base rate halves; the factor goes on."""
    spec, x, target = regression()

    def halve(context: Any) -> None:
        if context.metrics["epochIndex"] == 2:
            context.task.resume({"learningRate": RATE / 2})

    options = TrainingOptions(schedule="cosine")
    handlers = MLUpdateProgressHandlers(UpdateEvent.EPOCH_END, halve)
    task = MLUpdateTask(
        MLModel(spec), as_examples(x=x, y_true=list(target)), progress_handlers=handlers, options=options
    )
    task.resume()
    assert task.wait(60)
    schedule = lambda optimizer: LR.LambdaLR(  # noqa: E731
        optimizer, lambda step: (1 + math.cos(math.pi * step / 42)) / 2 * (0.5 if step >= 21 else 1)
    )
    batches = torch_training.orders(27, 4, 6, None)
    more = More(lambda p: torch.optim.SGD(p, RATE), schedule)
    _, wanted = torch_training.train(spec.neuralNetwork, {"x": x}, target, batches, more, learningRate=RATE)
    here = task.context.model.parameter_value("a:weights")
    assert np.linalg.norm(here - wanted["a", "weights"]) <= CURVE * np.linalg.norm(wanted["a", "weights"])


# losses

WEIGHTS = [0.5, 2.0, 0.0, 1.25]
LOSSES = {
    "weights": TrainingOptions(class_weights=WEIGHTS),
    "smoothing": TrainingOptions(label_smoothing=0.2),
    "both": TrainingOptions(class_weights=WEIGHTS, label_smoothing=0.1),
    "by number": TrainingOptions(class_weights={0: 0.5, 1: 2.0, 2: 0.0, 3: 1.25}, label_smoothing=0.1),
}


@pytest.mark.parametrize("options", LOSSES.values(), ids=LOSSES)
def test_weighted_and_smoothed_cross_entropy(options: TrainingOptions) -> None:
    weights = torch.tensor(WEIGHTS, dtype=torch.float64) if options.class_weights else None
    loss = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=options.label_smoothing)
    more = More(lambda p: torch.optim.SGD(p, RATE, 0.9), loss=loss)
    follows(classifier(momentum=0.9), options, more)
    differs(classifier(momentum=0.9), options)


def test_class_weights_by_label_and_one_for_those_left_out() -> None:
    spec, x, target = classifier(classes=["a", "b", "c", "d"], source="y")
    examples = as_examples(x=x, y_true=list(target))
    by_label = update(spec, examples, 1, TrainingOptions(class_weights={"b": 2.0, "d": 0.25}))[1]
    by_number = update(spec, examples, 1, TrainingOptions(class_weights={1: 2.0, 3: 0.25}))[1]
    listed = update(spec, examples, 1, TrainingOptions(class_weights=np.array([1, 2, 1, 0.25])))[1]
    assert by_label.batch_losses == by_number.batch_losses == listed.batch_losses


def test_a_mini_batch_that_weighs_nothing_has_no_loss_and_no_gradient() -> None:
    spec, x, _ = classifier()
    examples = as_examples(x=x[:8], y_true=[[0]] * 4 + [[1]] * 4)
    task, record = update(spec, examples, 1, TrainingOptions(class_weights={0: 0.0}), epochs=1)
    assert record.batch_losses[0] == 0.0
    assert record.batch_losses[1] > 0.0
    only, _ = update(spec, examples[4:], epochs=1)
    key = "a:weights"
    assert task.context.model.parameter_value(key).tobytes() == only.context.model.parameter_value(key).tobytes()


def test_all_at_once() -> None:
    options = TrainingOptions(
        optimizer="adamw", weight_decay=0.05, clip_norm=0.3, clip_value=0.2, label_smoothing=0.1, class_weights=WEIGHTS,
        schedule=LearningRateSchedule("cosine", warmup=6), decay_biases=True,
    )  # fmt: skip

    def clip(parameters: Any) -> None:
        torch.nn.utils.clip_grad_value_(parameters, 0.2)
        torch.nn.utils.clip_grad_norm_(parameters, 0.3)

    more = More(
        lambda p: torch.optim.AdamW(p, RATE, weight_decay=0.05),
        behind(6, 0.1, lambda o: LR.CosineAnnealingLR(o, 36)),
        clip,
        torch.nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS, dtype=torch.float64), label_smoothing=0.1),
    )
    follows(classifier(), options, more, threads=2)
