"""Low-rank adapters, and layers stored in less than 32 bits, follow PyTorch step for step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import Adapter, MLModel, MLModelConfiguration, MLUpdateTask, TrainingOptions
from pyruntime.errors import SpecError
from pyruntime.spec import messages
from pyruntime.spec.legality import broken_rules

from ..layers.network import array, layer, model
from .networks import activation, as_examples, convolution, dense, updatable, update, values

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")
from . import torch_training  # noqa: E402
from .compressed import FORMS, compress, expanded  # noqa: E402
from .lora import LoraNetwork  # noqa: E402
from .torch_training import More  # noqa: E402

CURVE = 1e-4
RATE = 0.05


def regression(**more: Any) -> Any:
    """40 steps on 27 examples: a (8 x 5), tanh, b (3 x 8)."""
    learns = more.pop("learns", (True, True))
    layers = [dense("a", "x", "h", 5, 8, learns=learns[0]), activation("tanh", "h", "t")]
    layers.append(dense("b", "t", "y", 8, 3, learns=learns[1]))
    more = {"exact": True} | more
    return updatable({"x": (5,)}, layers, target=array("y_true", (3,)), epochs=6, rate=RATE, size=4, **more)


X, Y = values(27, 5, seed=9, scale=1), values(27, 3, seed=10)
EXAMPLES = as_examples(x=X, y_true=Y)


def images(exact: bool) -> tuple[Any, np.ndarray, np.ndarray]:
    """A convolution of 3 x 3 with a stride, one of 1 x 1, a dense layer."""
    shape = (1, 2, 8, 8) if exact else (2, 8, 8)
    layers = [
        convolution("c", "x", "h", 2, 6, stride=[2, 2], same={}), activation("ReLU", "h", "r"),
        convolution("one", "r", "k", 6, 4, kernelSize=[1, 1]), layer("flatten", "k", "f", "flat"),
        dense("d", "f", "z", 64, 3), layer("softmax", "z", "y", "softmax"),
    ]  # fmt: skip
    spec = updatable({"x": shape}, layers, entropy=True, exact=exact, epochs=10, rate=0.02, size=4)
    return spec, values(15, *shape, seed=8, scale=1), np.arange(15).reshape(-1, 1) % 3


def reference(
    spec: Any, x: np.ndarray, target: np.ndarray, ranks: Any, epochs: int, more: More, **hyper: Any
) -> tuple[list[float], Any, LoraNetwork]:
    made: list[LoraNetwork] = []

    def network(message: Any) -> LoraNetwork:
        made.append(LoraNetwork(message, ranks))
        return made[0]

    batches = torch_training.orders(len(x), 4, epochs, None)
    more = More(more.optimizer, more.schedule, more.before_step, more.loss, network)
    hyper = {"learningRate": RATE} | hyper
    losses, weights = torch_training.train(spec.neuralNetwork, {"x": x}, target, batches, more, **hyper)
    return losses, weights, made[0]


def close(here: np.ndarray, there: np.ndarray) -> None:
    assert here.shape == there.shape
    assert np.linalg.norm(here - there) <= CURVE * np.linalg.norm(there)


CASES: dict[str, tuple[Any, dict[str, tuple[int, float | None, int]]]] = {
    "all that learn": (Adapter(2), {"a": (2, None, 0), "b": (2, None, 0)}),
    "alpha and seed": (Adapter(3, alpha=8, seed=5), {"a": (3, 8, 5), "b": (3, 8, 5)}),
    "one layer": (Adapter(1, layers=["b"]), {"b": (1, None, 0)}),
    "two ranks": ([Adapter(5, 2.0, ["a"]), Adapter(2)], {"a": (5, 2.0, 0), "b": (2, None, 0)}),
}


@pytest.mark.parametrize(("adapters", "ranks"), CASES.values(), ids=CASES)
@pytest.mark.parametrize(("keep", "exact"), [(False, True), (True, False)], ids=["merged exact", "kept rank5"])
def test_dense_layers(adapters: Any, ranks: Any, keep: bool, exact: bool) -> None:
    spec = regression(exact=exact)
    given = [adapters] if isinstance(adapters, Adapter) else adapters
    given = [Adapter(a.rank, a.alpha, a.layers, keep, a.seed) for a in given]
    task, record = update(spec, EXAMPLES, 1, TrainingOptions(adapters=given))
    losses, weights, there = reference(spec, X, Y, ranks, 6, More())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    model = task.context.model
    for name in ("a", "b"):
        if name not in ranks:
            close(model.parameter_value(f"{name}:weights"), weights[name, "weights"])
            close(model.parameter_value(f"{name}:biases"), weights[name, "bias"])
        elif keep:
            _, b, scale = there.factors[name]
            close(model.parameter_value(f"{name} adapter A:weights"), weights[name, "A"])
            close(model.parameter_value(f"{name} adapter B:weights"), scale * b.detach().numpy())
        else:
            close(model.parameter_value(f"{name}:weights"), there.merged(name))
    y = there.blobs({"x": torch.tensor(X, dtype=torch.float64)})["y"].detach().numpy()
    for x, wanted in zip(X[:5], y, strict=False):
        np.testing.assert_allclose(model.predict({"x": x})["y"].reshape(-1), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("keep", "exact"), [(False, False), (True, True)], ids=["merged rank5", "kept exact"])
def test_convolutions(keep: bool, exact: bool) -> None:
    spec, x, target = images(exact)
    examples = as_examples(x=x, y_true=list(target))
    task, record = update(spec, examples, 1, TrainingOptions(adapters=Adapter(2, alpha=4, keep=keep)))
    ranks = dict.fromkeys(("c", "one", "d"), (2, 4, 0))
    losses, _, there = reference(spec, x[:, 0] if exact else x, target, ranks, 10, More(), learningRate=0.02)
    assert len(losses) == 40
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    for name in ranks if not keep else ():
        close(task.context.model.parameter_value(f"{name}:weights"), there.merged(name))
    batch = torch.tensor(x[:, 0] if exact else x, dtype=torch.float64)
    y = there.blobs({"x": batch})["y"].detach().numpy()
    for one, wanted in zip(x[:5], y, strict=False):
        np.testing.assert_allclose(task.context.model.predict({"x": one})["y"].reshape(-1), wanted, rtol=1e-3)


def as_products(spec: Any) -> Any:
    """The same network with batchedMatmul in place of its inner products."""
    copy = messages.Model.FromString(spec.SerializeToString())
    for one in copy.neuralNetwork.layers:
        if one.WhichOneof("layer") == "innerProduct":
            old = messages.InnerProductLayerParams.FromString(one.innerProduct.SerializeToString())
            p = one.batchedMatmul
            p.weightMatrixFirstDimension, p.weightMatrixSecondDimension = old.inputChannels, old.outputChannels
            p.weights.CopyFrom(old.weights)
            p.bias.CopyFrom(old.bias)
            p.hasBias = True
    return copy


@pytest.mark.parametrize("keep", [False, True], ids=["merged", "kept"])
def test_batched_products_with_a_weight(keep: bool, tmp_path: Path) -> None:
    spec = regression()
    products = as_products(spec)
    task, record = update(products, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, 3.0, keep=keep)))
    losses, _, there = reference(spec, X, Y, dict.fromkeys(("a", "b"), (2, 3.0, 0)), 6, More())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    y = there.blobs({"x": torch.tensor(X, dtype=torch.float64)})["y"].detach().numpy()
    np.testing.assert_allclose(task.context.model.predict({"x": X[0]})["y"].reshape(-1), y[0], rtol=1e-3)
    if keep:
        again = MLModel(save(task.context.model, tmp_path))
        assert again.predict({"x": X[0]})["y"].tobytes() == task.context.model.predict({"x": X[0]})["y"].tobytes()


def test_a_product_over_the_last_axis_of_rank_4() -> None:
    """An inner product would flatten it: adapters of a batchedMatmul are of its kind."""
    spec = updatable(
        {"x": (2, 3, 2, 5)}, [dense("a", "x", "y", 5, 4)], target=array("y_true", (2, 3, 2, 4)), exact=True, epochs=6
    )
    x, target = values(6, 2, 3, 2, 5, seed=3), values(6, 2, 3, 2, 4, seed=4)
    task, record = update(
        as_products(spec), as_examples(x=x, y_true=list(target)), 1, TrainingOptions(adapters=Adapter(2))
    )
    batches = torch_training.orders(6, 4, 6, None)
    losses, _ = torch_training.train(
        spec.neuralNetwork, {"x": x.reshape(6, 12, 5)}, target, batches,
        More(network=lambda message: LoraNetwork(message, {"a": (2, None, 0)})), learningRate=0.1,
    )  # fmt: skip
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    assert task.context.model.predict({"x": x[0]})["y"].shape == (2, 3, 2, 4)


def test_with_every_other_option() -> None:
    spec = regression()
    options = TrainingOptions(
        optimizer="adamw", weight_decay=0.1, clip_norm=0.2, schedule="cosine", adapters=Adapter(2, layers=["a"])
    )
    task, record = update(spec, EXAMPLES, 1, options)
    more = More(
        lambda p: torch.optim.AdamW(p, RATE, weight_decay=0.1),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 42),
        lambda p: torch.nn.utils.clip_grad_norm_(p, 0.2),
    )
    losses, _, there = reference(spec, X, Y, {"a": (2, None, 0)}, 6, more)
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    close(task.context.model.parameter_value("a:weights"), there.merged("a"))


def test_a_layer_that_the_file_does_not_let_learn() -> None:
    """The frozen layer gets an adapter, the marked one learns as the file says."""
    spec = regression(learns=(False, True))
    task, record = update(spec, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, layers=["a"])))
    losses, weights, there = reference(spec, X, Y, {"a": (2, None, 0)}, 6, More())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    close(task.context.model.parameter_value("a:weights"), there.merged("a"))
    close(task.context.model.parameter_value("b:weights"), weights["b", "weights"])


def test_the_first_step_changes_nothing_but_b() -> None:
    spec = regression()
    task, _ = update(spec, EXAMPLES[:4], 1, TrainingOptions(adapters=Adapter(2, keep=True)), epochs=1)
    model = task.context.model
    fresh, _ = update(spec, EXAMPLES[:4], 1, TrainingOptions(adapters=Adapter(2, keep=True, seed=1)), epochs=1)
    assert model.parameter_value("a adapter B:weights").any()
    one, other = (m.parameter_value("b adapter A:weights") for m in (model, fresh.context.model))
    assert not np.allclose(one, other), "another seed, another A"
    assert abs(float(one.std()) - 8**-0.5) < 0.15


# what is kept


def save(model: MLModel, tmp_path: Path) -> Path:
    model.save(tmp_path / "saved.mlmodel")
    return tmp_path / "saved.mlmodel"


def file_weights(model: MLModel, tmp_path: Path) -> dict[str, Any]:
    spec = messages.Model.FromString(save(model, tmp_path).read_bytes())
    return {one.name: one for one in spec.neuralNetwork.layers}


def test_a_kept_adapter_leaves_the_bytes_of_the_layer_and_goes_on_learning(tmp_path: Path) -> None:
    spec = regression()
    task, _ = update(spec, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, keep=True)))
    layers = file_weights(task.context.model, tmp_path)
    before = spec.neuralNetwork.layers[0].innerProduct.weights
    assert layers["a"].innerProduct.weights.floatValue == before.floatValue
    assert not layers["a"].isUpdatable
    assert layers["a adapter A"].isUpdatable
    again = MLModel(tmp_path / "saved.mlmodel")
    for x in X[:3]:
        assert again.predict({"x": x})["y"].tobytes() == task.context.model.predict({"x": x})["y"].tobytes()
    more, record = update(again.get_spec(), EXAMPLES)
    assert record.batch_losses[-1] < record.batch_losses[0]
    later = file_weights(more.context.model, tmp_path)
    assert later["a"].innerProduct.weights.floatValue == before.floatValue
    assert later["a adapter A"].innerProduct.weights != layers["a adapter A"].innerProduct.weights


def test_the_last_model_of_a_pipeline(tmp_path: Path) -> None:
    last = regression()
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    for field in ("input", "output", "trainingInput"):
        getattr(spec.description, field).extend(getattr(last.description, field))
    front = messages.Model.FromString(model({"x": (5,)}, [activation("linear", "x", "x2")], ["x2"], exact=True)
                                      .SerializeToString())  # fmt: skip
    spec.pipeline.models.extend([front, last])
    spec.pipeline.names.extend(["front", "head"])
    task, record = update(spec, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, keep=True)))
    alone, wanted = update(last, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, keep=True)))
    assert record.batch_losses == wanted.batch_losses
    again = MLModel(save(task.context.model, tmp_path))
    assert again.predict({"x": X[0]})["y"].tobytes() == alone.context.model.predict({"x": X[0]})["y"].tobytes()
    key = "head/a adapter A:weights"
    assert again.parameter_value(key).tobytes() == alone.context.model.parameter_value("a adapter A:weights").tobytes()


def test_a_compiled_model_with_kept_adapters(tmp_path: Path) -> None:
    task, _ = update(regression(), EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, keep=True)))
    task.context.model.write(tmp_path / "m.mlmodelc")
    again = MLModel(tmp_path / "m.mlmodelc")
    assert again.predict({"x": X[0]})["y"].tobytes() == task.context.model.predict({"x": X[0]})["y"].tobytes()


def test_less_memory_gives_the_same_bits() -> None:
    """Steps that must wait for all gradients, and values that are computed twice."""
    spec, x, target = images(False)
    examples = as_examples(x=x, y_true=list(target))
    options = TrainingOptions(optimizer="adamw", clip_norm=0.5, clip_value=0.2, adapters=Adapter(2, layers=["d"]))
    found = []
    for limit in (None, 60_000, 46_000, 43_500, 42_500):
        more = {} if limit is None else {"memory_limit": limit}
        opened = MLModel(spec, configuration=MLModelConfiguration(threads=1, parameters={"epochs": 1}, **more))
        task = MLUpdateTask(opened, examples, options=options)
        task.resume()
        task.wait()
        if task.error:
            assert "memory_limit" in str(task.error)
            break
        found.append([task.context.model.parameter_value(f"{name}:weights").tobytes() for name in ("c", "one", "d")])
    assert len(found) >= 2
    assert all(weights == found[0] for weights in found)


def test_what_is_saved_is_legal(tmp_path: Path) -> None:
    spec, x, target = images(False)
    task, _ = update(spec, as_examples(x=x, y_true=list(target)), 1, TrainingOptions(adapters=Adapter(2, keep=True)))
    task.context.model.save(tmp_path / "m.mlmodel")
    assert broken_rules(messages.Model.FromString((tmp_path / "m.mlmodel").read_bytes())) == []


# less than 32 bits


def low(form: str, layers: tuple[str, ...] = ("a",)) -> Any:
    spec = regression()
    for one in spec.neuralNetwork.layers:
        if one.name in layers:
            compress(one.innerProduct.weights, one.innerProduct.outputChannels, form)
    return spec


@pytest.mark.parametrize("form", FORMS)
def test_compressed_layers_with_an_adapter(form: str, tmp_path: Path) -> None:
    """Marked as learning and compressed: the layer's bytes stay, the other layer learns whole."""
    spec = low(form)
    task, record = update(spec, EXAMPLES, 1, TrainingOptions(low_precision="adapter"))
    losses, weights, there = reference(expanded(spec), X, Y, {"a": (4, None, 0)}, 6, More())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    close(task.context.model.parameter_value("a adapter A:weights"), weights["a", "A"])
    close(task.context.model.parameter_value("b:weights"), weights["b", "weights"])
    y = there.blobs({"x": torch.tensor(X, dtype=torch.float64)})["y"].detach().numpy()
    np.testing.assert_allclose(task.context.model.predict({"x": X[0]})["y"], y[0], rtol=1e-3)
    saved = file_weights(task.context.model, tmp_path)["a"].innerProduct.weights
    before = spec.neuralNetwork.layers[0].innerProduct.weights
    assert (saved.rawValue, saved.float16Value) == (before.rawValue, before.float16Value)
    assert saved.quantization == before.quantization


@pytest.mark.parametrize("form", FORMS)
def test_dequantized_layers(form: str, tmp_path: Path) -> None:
    spec = low(form, ("a", "b"))
    task, record = update(spec, EXAMPLES, 1, TrainingOptions(low_precision="dequantize", momentum=0.9))
    batches = torch_training.orders(27, 4, 6, None)
    hyper = {"learningRate": RATE, "momentum": 0.9}
    losses, weights = torch_training.train(expanded(spec).neuralNetwork, {"x": X}, Y, batches, **hyper)
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    for (name, field), wanted in weights.items():
        close(task.context.model.parameter_value(f"{name}:{'weights' if field == 'weights' else 'biases'}"), wanted)
    saved = file_weights(task.context.model, tmp_path)["a"].innerProduct.weights
    assert len(saved.floatValue) == 40
    assert not saved.HasField("quantization")
    assert saved.isUpdatable


def test_half_floats_are_written_back(tmp_path: Path) -> None:
    spec = low("float16")
    whole, _ = update(spec, EXAMPLES, 1, TrainingOptions(low_precision="dequantize"))
    options = TrainingOptions(low_precision="dequantize", save_float16=True)
    task, _ = update(spec, EXAMPLES, 1, options)
    layers = file_weights(task.context.model, tmp_path)
    learned = whole.context.model.parameter_value("a:weights")
    assert layers["a"].innerProduct.weights.float16Value == learned.astype(np.float16).tobytes()
    assert len(layers["b"].innerProduct.weights.floatValue) == 24, "what was 32 bits stays so"
    options = TrainingOptions(adapters=Adapter(2, layers=["a"], keep=False), save_float16=True)
    merged, _ = update(spec, EXAMPLES, 1, options)
    assert file_weights(merged.context.model, tmp_path)["a"].innerProduct.weights.float16Value


def test_half_floats_that_do_not_hold_what_was_learned_stay_32_bits(tmp_path: Path) -> None:
    options = TrainingOptions(low_precision="dequantize", save_float16=True)
    examples = [{"x": x, "y_true": y * 1e7} for x, y in zip(X, Y, strict=True)]
    task, _ = update(low("float16"), examples[:1], 1, options, epochs=1, learningRate=10.0)
    learned = task.context.model.parameter_value("a:weights")
    assert 65504 < np.abs(learned).max() < np.inf
    assert len(file_weights(task.context.model, tmp_path)["a"].innerProduct.weights.floatValue) == 40


def test_a_compressed_layer_that_is_merged_becomes_floats(tmp_path: Path) -> None:
    spec = low("table")
    task, _ = update(spec, EXAMPLES, 1, TrainingOptions(adapters=Adapter(2, layers=["a"], keep=False)))
    _, _, there = reference(expanded(spec), X, Y, {"a": (2, None, 0)}, 6, More())
    close(task.context.model.parameter_value("a:weights"), there.merged("a"))
    assert len(file_weights(task.context.model, tmp_path)["a"].innerProduct.weights.floatValue) == 40


@pytest.mark.parametrize("form", FORMS)
def test_compressed_layers_are_refused_without_a_choice_that_is_named(form: str) -> None:
    with pytest.raises(SpecError, match=r"layer 'a'.*low_precision=\"adapter\".*low_precision=\"dequantize\""):
        MLUpdateTask(MLModel(low(form)), EXAMPLES)


def test_a_large_compressed_model_shares_its_bytes(tmp_path: Path) -> None:
    """Weights kept beside the message: what did not change is not copied."""
    layers = [dense("a", "x", "h", 64, 64), dense("b", "h", "y", 64, 3)]
    spec = updatable({"x": (64,)}, layers, target=array("y_true", (3,)), exact=True, rate=0.01)
    compress(spec.neuralNetwork.layers[0].innerProduct.weights, 64, "linear")
    path = tmp_path / "m.mlmodel"
    path.write_bytes(spec.SerializeToString())
    task = MLUpdateTask(
        path, as_examples(x=values(8, 64), y_true=values(8, 3)), options=TrainingOptions(low_precision="adapter")
    )
    task.resume()
    task.wait()
    assert task.error is None
    model = task.context.model
    saved = file_weights(model, tmp_path)
    assert saved["a"].innerProduct.weights.rawValue == spec.neuralNetwork.layers[0].innerProduct.weights.rawValue
    assert len(saved["a adapter A"].innerProduct.weights.floatValue) == 4 * 64
