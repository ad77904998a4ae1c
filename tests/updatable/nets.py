"""Networks as converters leave them: products with constants, sums behind them, reshapes, softmax of any axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder


def values(*shape: int, seed: int = 0, scale: float = 0.5) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


class Net:
    """A builder with the blob and its shape so far; `end` gives the Model message.  seed: of weights."""

    def __init__(self, *shape: int, mode: str | None = None, classes: int = 0, seed: int = 0) -> None:
        self.shape, self.blob, self.count = shape, "x", 0
        self.rng = np.random.default_rng(seed)
        outputs = [("scores", datatypes.Array(classes) if classes else None)]
        self.b = NeuralNetworkBuilder(
            [("x", datatypes.Array(*shape))], outputs, mode, disable_rank5_shape_mapping=True, use_float_arraytype=True
        )

    def numbers(self, *shape: int) -> np.ndarray:
        return (self.rng.normal(size=shape) * 0.5).astype(np.float32)

    def add(self, method: str, *arguments: Any, shape: tuple[int, ...] | None = None, **more: Any) -> Net:
        """A layer with one input; `arguments` between its name and that."""
        self.count += 1
        name = f"{method}{self.count}"
        sources = more.pop("sources", None)
        where = {"input_names": sources} if sources else {"input_name": self.blob}
        if method in ("softmax_nd", "batched_mat_mul"):
            where = where if sources else {"input_name": self.blob} if method == "softmax_nd" else {
                "input_names": [self.blob]
            }  # fmt: skip
        getattr(self.b, f"add_{method}")(name, *arguments, **where, output_name=f"b{self.count}", **more)
        self.blob, self.shape = f"b{self.count}", shape or self.shape
        return self

    def matmul(self, outputs: int, bias: bool = True) -> Net:
        inputs = self.shape[-1]
        w, b = self.numbers(inputs, outputs), self.numbers(outputs) if bias else None
        return self.add(
            "batched_mat_mul", shape=(*self.shape[:-1], outputs),
            weight_matrix_rows=inputs, weight_matrix_columns=outputs, W=w, bias=b,
        )  # fmt: skip

    def constant(self, array: np.ndarray) -> str:
        self.count += 1
        name = f"constant{self.count}"
        self.b.add_load_constant_nd(name, name, array, list(array.shape))
        return name

    def matmul_of_constant(self, outputs: int, transposed: bool = False) -> Net:
        inputs = self.shape[-1]
        w = self.numbers(*((outputs, inputs) if transposed else (inputs, outputs)))
        return self.add(
            "batched_mat_mul", shape=(*self.shape[:-1], outputs), sources=[self.blob, self.constant(w)],
            transpose_b=transposed,
        )  # fmt: skip

    def plus(self, *shape: int, first: bool = True) -> Net:
        sources = [self.blob, self.constant(self.numbers(*shape))]
        return self.add("add_broadcastable", sources=sources if first else sources[::-1])

    def dense(self, outputs: int, inputs: int | None = None) -> Net:
        inputs = inputs or self.shape[-1]
        w, b = self.numbers(outputs, inputs), self.numbers(outputs)
        shape = (*self.shape[:-1], outputs) if len(self.shape) < 4 else (*self.shape[:-3], outputs, 1, 1)
        return self.add("inner_product", w, b, inputs, outputs, True, shape=shape)

    def conv(self, outputs: int) -> Net:
        *lead, c, h, w = self.shape
        return self.add(
            "convolution", c, outputs, 3, 3, 1, 1, "valid", 1, self.numbers(3, 3, c, outputs),
            self.numbers(outputs), True,
            shape=(*lead, outputs, h - 2, w - 2),
        )  # fmt: skip

    def relu(self, kind: str = "RELU") -> Net:
        return self.add("activation", kind)

    def pool(self) -> Net:
        *lead, h, w = self.shape
        return self.add("pooling", 2, 2, 2, 2, "MAX", "VALID", shape=(*lead, h // 2, w // 2))

    def reshape(self, *shape: int) -> Net:
        return self.add("reshape_static", output_shape=shape, shape=shape)

    def softmax(self, axis: int = -1) -> Net:
        return self.add("softmax_nd", axis=axis)

    def end(self, labels: list[Any] | None = None) -> Any:
        """The Model message; the last blob is the output `scores`."""
        self.b.nn_spec.layers[-1].output[0] = "scores"
        if labels:
            self.b.set_class_labels(labels, "label", "scores")
        return self.b.spec


def layers_of(spec: Any) -> list[Any]:
    return list(getattr(spec, spec.WhichOneof("Type")).layers)


def kinds(spec: Any) -> list[str]:
    return [layer.WhichOneof("layer") for layer in layers_of(spec)]


def converted(labels: list[Any] | None = None, seed: int = 0, rows: int = 1) -> Any:
    """(rows, 6) -> matmul + bias -> ReLU -> matmul -> + constant -> softmaxND -> (rows, 3): report 1417's layers."""
    net = Net(rows, 6, mode="classifier" if labels else None, classes=3, seed=seed)
    return net.matmul(8).relu().matmul_of_constant(3).plus(3).softmax().end(labels)


def random_network(seed: int, *, one: bool = False) -> tuple[Any, tuple[int, ...]]:
    """Images or rows, some layers, dense layers written in different ways, perhaps a softmax.

    one: only one row, and at least two results.
    """
    rng = np.random.default_rng(seed)
    shape: tuple[int, ...] = [(1, 6), (6,), (1, 2, 8, 8), (1, 1, 6), (3, 6)][rng.integers(4 if one else 5)]
    net = Net(*shape, seed=seed)
    if len(shape) == 4:
        for _ in range(rng.integers(1, 3)):
            net.conv(int(rng.integers(1, 5)))
            if rng.random() < 0.6:
                net.relu(str(rng.choice(["RELU", "SIGMOID", "TANH"])))
        if rng.random() < 0.5:
            net.pool()
        net.reshape(1, int(np.prod(net.shape)))
    for _ in range(rng.integers(1, 4)):
        outputs = int(rng.integers(2 if one else 1, 9))
        way = rng.integers(4) if len(net.shape) > 1 else rng.integers(2)
        if way == 0:
            net.dense(outputs)
        elif way == 1:
            net.matmul(outputs, bias=bool(rng.integers(2)))
        else:
            net.matmul_of_constant(outputs, transposed=bool(way - 2))
        if rng.random() < 0.5:
            net.plus(*([outputs], [1] * (len(net.shape) - 1) + [outputs])[rng.integers(2)])
        if rng.random() < 0.4:
            net.relu(str(rng.choice(["RELU", "SIGMOID", "TANH"])))
    if rng.random() < 0.7:
        net.softmax(int(rng.choice([-1, len(net.shape) - 1])))
    return net.end(), shape
