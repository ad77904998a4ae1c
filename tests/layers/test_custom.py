"""Custom layers: classes of the test's own, called in the middle of a network."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import custom as registry
from pyruntime.config import MLModelConfiguration
from pyruntime.errors import CustomLayerError, SpecError
from pyruntime.model import MLModel, compile_model
from pyruntime.spec import messages

from .network import array, both_mappings, layer, model, numbers, predict, refused, refused_at_predict, says, weights


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing registered before, nothing after."""
    monkeypatch.setattr(registry, "_LAYERS", {})


class Layer:
    """The same shapes; remembers what it was told."""

    made: list[Layer]

    def __init__(self, parameters: Any) -> None:
        self.parameters, self.calls = dict(parameters), []
        type(self).made.append(self)

    def set_weight_data(self, data: Any) -> None:
        self.weights = list(data)

    def output_shapes(self, input_shapes: Any) -> Any:
        self.calls.append(input_shapes)
        return input_shapes

    def evaluate(self, inputs: Any, outputs: Any) -> None:
        for x, y in zip(inputs, outputs, strict=True):
            np.multiply(x, 2, out=y)


def register(name: str = "Test", **methods: Any) -> type[Layer]:
    return pyruntime.register_custom_layer(name)(type(name, (Layer,), {"made": [], **methods}))


def custom(inputs: str = "x", outputs: str = "y", name: str = "custom1", **fields: Any) -> Any:
    return layer("custom", inputs, outputs, name=name, **{"className": "Test", **fields})


def test_parameters_of_every_type_and_weights_of_every_form() -> None:
    cls = register()
    made = custom(weights=[weights([1, 2, 3.5]), {}, {}, {}])
    made.custom.weights[1].float16Value = np.float16([1, 2]).tobytes()
    made.custom.weights[2].rawValue = bytes([1, 2, 3])
    quantized = made.custom.weights.add(rawValue=bytes([0, 1, 3]))
    quantized.quantization.numberOfBits = 8
    quantized.quantization.linearQuantization.scale.append(0.5)
    values = {"doubleValue": 0.1, "stringValue": "ä", "intValue": -3, "longValue": 2**60, "boolValue": True}
    for field, value in values.items():
        setattr(made.custom.parameters[field], field, value)
    x = numbers(3, 4)
    got = predict(model({"x": (3, 4)}, [made], exact=True), {"x": x})
    np.testing.assert_array_equal(got["y"], 2 * x)
    (one,) = cls.made
    assert one.parameters == values
    assert {name: type(value) for name, value in one.parameters.items()} == {n: type(v) for n, v in values.items()}
    wanted = [
        np.float32([1, 2, 3.5]),
        np.float32([1, 2]),
        np.uint8([1, 2, 3]),
        np.float32([]),
        np.float32([0, 0.5, 1.5]),
    ]
    for got_, want in zip(one.weights, wanted, strict=True):
        assert got_.dtype == want.dtype
        np.testing.assert_array_equal(got_, want)
        assert not got_.flags.writeable


@both_mappings
def test_between_other_layers(exact: bool) -> None:
    register()
    layers = [
        layer("activation", "x", "a", ReLU={}),
        custom("a", "b"),
        layer("unary", "b", "y", type=6),  # abs
    ]
    x = numbers(4, 3, 5)
    got = predict(model({"x": x.shape}, layers, exact=exact), {"x": x})
    np.testing.assert_array_equal(got["y"].ravel(), 2 * np.maximum(x, 0).ravel())


def test_shapes_are_five_dimensional_in_rank_5_networks_and_asked_again_when_sizes_change() -> None:
    cls = register()
    loaded = MLModel(model([array("x", (3,))], [custom()], [array("y")]))
    (one,) = cls.made
    assert one.calls == [((-1, -1, 3, 1, 1),)]
    for x in (numbers(3), numbers(3), numbers(6, 2, 3, 1, 1), numbers(3)):
        np.testing.assert_array_equal(loaded.predict({"x": x})["y"].ravel(), 2 * x.ravel())
    assert one.calls[1:] == [((1, 1, 3, 1, 1),), ((6, 2, 3, 1, 1),), ((1, 1, 3, 1, 1),)]
    assert len(cls.made) == 1


@pytest.mark.parametrize("rank", range(1, 6))
def test_any_rank_and_any_number_of_inputs_and_outputs(rank: int) -> None:
    def evaluate(self: Any, inputs: Any, outputs: Any) -> None:
        assert [a.shape for a in inputs] == [(2,) * rank, (3,)]
        np.add(inputs[0], inputs[1].sum(), out=outputs[0])
        outputs[1][...] = inputs[0].reshape(-1)[:, None] * inputs[1]
        outputs[2][...] = 7

    register(evaluate=evaluate, output_shapes=lambda self, s: [s[0], (2**rank, s[1][0]), [1]])
    a, b = numbers(*(2,) * rank), numbers(3, seed=1)
    spec = model({"a": a.shape, "b": b.shape}, [custom("a b", "p q r")], ["p", "q", "r"], exact=True)
    got = predict(spec, {"a": a, "b": b})
    np.testing.assert_array_equal(got["p"], a + b.sum())
    np.testing.assert_array_equal(got["q"], a.reshape(-1)[:, None] * b)
    assert got["r"].tolist() == [7]


def test_no_inputs() -> None:
    register(output_shapes=lambda self, s: [(4,)], evaluate=lambda self, i, o: o[0].fill(len(i)))
    spec = model({"x": (4,)}, [custom("", "z"), layer("add", "x z", "y")], exact=True)
    assert predict(spec, {"x": np.arange(4)})["y"].tolist() == [0, 1, 2, 3]


def test_sizes_that_depend_on_open_ones() -> None:
    """Twice as many rows: -1 stays -1, and later layers know it."""
    register(
        output_shapes=lambda self, s: [(s[0][0] * 2, s[0][1])],
        evaluate=lambda self, i, o: np.concatenate([i[0], -i[0]], out=o[0]),
    )
    spec = model([array("x", (2, 3), ranges=[(1, 50), (3, 3)])], [custom("x", "z"), layer("activation", "z", ReLU={})],
                 exact=True)  # fmt: skip
    loaded = MLModel(spec)
    for rows in (2, 5, 1, 50):
        x = numbers(rows, 3)
        np.testing.assert_array_equal(loaded.predict({"x": x})["y"], np.maximum(np.concatenate([x, -x]), 0))


def test_arrays_are_views_and_inputs_are_read_only() -> None:
    seen: list[Any] = []

    def evaluate(self: Any, inputs: Any, outputs: Any) -> None:
        seen.append((inputs[0].flags.owndata, inputs[0].flags.writeable, outputs[0].flags.owndata, inputs[0].dtype))
        outputs[0][...] = inputs[0]

    register(evaluate=evaluate)
    predict(model({"x": (1000,)}, [custom()], exact=True), {"x": numbers(1000)})
    assert seen == [(False, False, False, np.dtype(np.float32))]
    register(evaluate=lambda self, i, o: i[0].fill(0))
    refused_at_predict(
        model({"x": (3,)}, [custom()], exact=True), {"x": np.ones(3)}, "custom1", "evaluate", "read-only",
        error=CustomLayerError,
    )  # fmt: skip

    def replace(self: Any, inputs: Any, outputs: Any) -> None:
        outputs[0] = inputs[0]  # it would be lost

    register(evaluate=replace)
    refused_at_predict(
        model({"x": (3,)}, [custom()], exact=True), {"x": np.ones(3)}, "custom1", "TypeError", error=CustomLayerError
    )


def test_one_instance_for_each_layer() -> None:
    cls = register()
    layers = [custom("x", "a", "one"), custom("a", "b", "two"), custom("b", "y", "three")]
    layers[1].custom.parameters["n"].intValue = 1
    loaded = MLModel(model({"x": (3,)}, layers, exact=True))
    assert loaded.predict({"x": np.ones(3)})["y"].tolist() == [8, 8, 8]
    assert [one.parameters for one in cls.made] == [{}, {"n": 1}, {}]
    assert all(one.calls for one in cls.made)


def test_not_registered() -> None:
    spec = model({"x": (3,)}, [custom(className="Unknown")])
    refused(spec, "custom1", "'Unknown'", 'register_custom_layer("Unknown")', "none", error=CustomLayerError)
    assert CustomLayerError.code == 4
    register("Known")
    refused(spec, "Unknown", "Known", error=CustomLayerError)


def test_not_registered_for_a_compiled_model_and_for_a_cached_one(tmp_path: Path) -> None:
    register()
    spec = model({"x": (3,)}, [custom()])
    path = tmp_path / "m.mlmodel"
    pyruntime.save_spec(spec, path)
    x = {"x": np.arange(3.0)}
    assert MLModel(path).predict(x)["y"].ravel().tolist() == [0, 2, 4]
    compiled = compile_model(path, tmp_path / "m.mlmodelc")
    assert MLModel(compiled).predict(x)["y"].ravel().tolist() == [0, 2, 4]
    register(evaluate=lambda self, i, o: np.multiply(i[0], 3, out=o[0]))  # the plan does not know the class
    assert MLModel(compiled).predict(x)["y"].ravel().tolist() == [0, 3, 6]
    registry._LAYERS.clear()
    for place in (path, compiled):
        with pytest.raises(CustomLayerError, match="register_custom_layer"):
            MLModel(place)


def test_describing_needs_no_class(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodel"
    pyruntime.save_spec(model({"x": (3,)}, [custom()]), path)
    done = subprocess.run(
        [sys.executable, "-m", "pyruntime", "describe", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "custom" in done.stdout


class Failure(RuntimeError):
    pass


def fail(*_args: Any) -> Any:
    raise Failure("on purpose")


@pytest.mark.parametrize("method", ["__init__", "set_weight_data", "output_shapes"])
def test_failures_at_load(method: str) -> None:
    register(**{method: fail})
    with pytest.raises(CustomLayerError) as caught:
        MLModel(model({"x": (3,)}, [custom()]))
    says(caught.value, CustomLayerError, ("custom1", "'Test'", "Failure", "on purpose"))
    assert isinstance(caught.value.__cause__, Failure)


def test_failures_while_predicting_and_life_after_them() -> None:
    state = {"fail": True}

    def evaluate(self: Any, inputs: Any, outputs: Any) -> None:
        if state["fail"]:
            fail()
        outputs[0][...] = inputs[0]

    register(evaluate=evaluate)
    loaded = MLModel(model({"x": (3,)}, [custom()], exact=True))
    with pytest.raises(CustomLayerError) as caught:
        loaded.predict({"x": np.ones(3)})
    says(caught.value, CustomLayerError, ("custom1", "evaluate", "'Test'", "Failure: on purpose"))
    assert isinstance(caught.value.__cause__, Failure)
    state["fail"] = False
    assert loaded.predict({"x": np.ones(3)})["y"].tolist() == [1, 1, 1]
    with pytest.raises(SpecError):
        MLModel(model({"x": (3,)}, [layer("softmax", "z")], exact=True))


def test_an_interrupt_is_no_failure_of_the_layer() -> None:
    def evaluate(*_args: Any) -> None:
        raise KeyboardInterrupt

    register(evaluate=evaluate)
    loaded = MLModel(model({"x": (3,)}, [custom()], exact=True))
    with pytest.raises(KeyboardInterrupt):
        loaded.predict({"x": np.ones(3)})


BAD_SHAPES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "too few": ([], ("1 shape",)),
    "too many": ([(3,), (3,)], ("1 shape",)),
    "nine axes": ([(1,) * 9], ("at most 8",)),
    "no shape": (7, ("output_shapes", "TypeError")),
    "no numbers": (["abc"], ("output_shapes", "ValueError")),
    "huge": ([(2**62, 2**62)], ("up to 2**40",)),
    "larger than 64 bits": ([(2**70,)], ("up to 2**40",)),
}


@pytest.mark.parametrize(("shapes", "words"), BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_bad_shapes(shapes: Any, words: tuple[str, ...]) -> None:
    register(output_shapes=lambda self, s: shapes)
    with pytest.raises(pyruntime.MLModelError) as caught:
        MLModel(model({"x": (3,)}, [custom()]))
    assert all(word in str(caught.value) for word in ("custom1", *words)), caught.value


def test_a_size_promised_too_early() -> None:
    register(output_shapes=lambda self, s: [(s[0][0] + 5,)])  # of -1 that is 4
    spec = model([array("x", (2,), ranges=[(1, 9)])], [custom()], exact=True)
    refused_at_predict(spec, {"x": np.ones(2)}, "custom1", "[(7,)]", "[(4,)]", "-1", error=CustomLayerError)


def test_classes_that_lack_something_are_refused() -> None:
    with pytest.raises(TypeError, match="evaluate"):
        pyruntime.register_custom_layer("Half")(type("Half", (), {"set_weight_data": fail, "output_shapes": fail}))
    with pytest.raises(TypeError, match="className"):
        pyruntime.register_custom_layer(Layer)  # type: ignore[arg-type]  # without parentheses


def test_threads_take_turns() -> None:
    inside = threading.Semaphore(1)

    def evaluate(self: Any, inputs: Any, outputs: Any) -> None:
        assert inside.acquire(blocking=False)
        outputs[0][...] = np.sort(inputs[0])
        inside.release()

    register(evaluate=evaluate)
    loaded = MLModel(model({"x": (20_000,)}, [custom()], exact=True), configuration=MLModelConfiguration(threads=2))
    x, answers = numbers(20_000), []

    def work() -> None:
        answers.extend(loaded.predict({"x": x})["y"] for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert all((answer == np.sort(x)).all() for answer in answers)


def test_a_custom_layer_may_predict() -> None:
    """Another model, or this one through another layer: nothing waits for itself."""
    inner = MLModel(model({"x": (3,)}, [layer("activation", linear={"alpha": 3})], exact=True))
    register(evaluate=lambda self, i, o: np.copyto(o[0], inner.predict({"x": i[0]})["y"]))
    assert predict(model({"x": (3,)}, [custom()], exact=True), {"x": np.ones(3)})["y"].tolist() == [3, 3, 3]


def test_in_a_loop_with_a_shape_that_grows() -> None:
    cls = register(
        output_shapes=lambda self, s: [(s[0][0] * 2,)],
        evaluate=lambda self, i, o: np.concatenate([i[0], i[0] + 1], out=o[0]),
    )
    body = messages.NeuralNetwork(layers=[custom("v", "w"), layer("copy", "w", "v")])
    layers = [
        layer("copy", "x", "v"),
        layer("loop", "", "", maxLoopIterations=3, bodyNetwork=body),
        layer("activation", "v", "y", linear={"alpha": 1}),
    ]
    x = want = np.array([0.0, 10.0])
    for _ in range(3):
        want = np.concatenate([want, want + 1])
    assert predict(model({"x": (2,)}, layers, exact=True), {"x": x})["y"].tolist() == want.tolist()
    assert len(cls.made) == 1
