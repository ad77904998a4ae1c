"""Plain steps -> an ONNX model.  Written directly, so that each step is the one node that ONNX has for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from peers.network import Array, PlainNetwork, Step, Unwritable

OPSET = 17
PLAIN = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "global_average_pool": "GlobalAveragePool"}
UPSAMPLE = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
ALIGN = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class OnnxForm:
    """The graph under construction: `do_KIND` writes a step of that kind."""

    def __init__(self, network: PlainNetwork) -> None:
        self.network = network
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def model(self) -> bytes:
        for step in self.network.steps:
            if step.kind in PLAIN:
                self.node(PLAIN[step.kind], step, step.inputs)
            elif hasattr(self, f"do_{step.kind}"):
                getattr(self, f"do_{step.kind}")(step)
            else:
                raise Unwritable(f"{step.kind} is not written for ONNX here")
        n = self.network
        inputs = [helper.make_tensor_value_info(k, TYPES[v.dtype], v.shape) for k, v in n.inputs.items()]
        integer = {step.outputs[0] for step in n.steps if step.kind == "arg_max"}
        outputs = [
            helper.make_tensor_value_info(k, TensorProto.INT64 if k in integer else TensorProto.FLOAT, n.shapes[k])
            for k in n.outputs
        ]
        tensors = [numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        graph = helper.make_graph(self.nodes, n.name, inputs, outputs, tensors)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(made, full_check=True)
        return bytes(made.SerializeToString())

    def node(self, kind: str, step: Step, inputs: Any, outputs: Any = None, **attrs: Any) -> None:
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs or step.outputs), **attrs))

    def constant(self, step: Step, name: str, array: Any, dtype: Any = np.float32) -> str:
        full = f"{step.outputs[0]}/{name}"
        self.constants[full] = np.ascontiguousarray(array, dtype)
        return full

    def weights(self, step: Step, *names: str) -> list[str]:
        return [self.constant(step, name, step.weights[name]) for name in names if name in step.weights]

    def do_conv(self, s: Step) -> None:
        a = s.attrs
        names = [s.inputs[0], *self.weights(s, "weight", "bias")]
        windows = {"kernel_shape": a["kernel"], "strides": a["stride"], "dilations": a["dilation"], "pads": a["pads"]}
        self.node("Conv", s, names, group=a["groups"], **windows)

    def do_dense(self, s: Step) -> None:
        self.node("Gemm", s, [s.inputs[0], *self.weights(s, "weight", "bias")], transB=1)

    def do_batch_norm(self, s: Step) -> None:
        names = self.weights(s, "gamma", "beta", "mean", "variance")
        self.node("BatchNormalization", s, [s.inputs[0], *names], epsilon=s.attrs["epsilon"])

    def do_max_pool(self, s: Step) -> None:
        self.node(
            "MaxPool", s, s.inputs, kernel_shape=s.attrs["kernel"], strides=s.attrs["stride"], pads=s.attrs["pads"]
        )

    def do_average_pool(self, s: Step) -> None:
        self.node("AveragePool", s, s.inputs, kernel_shape=s.attrs["kernel"], strides=s.attrs["stride"])

    def do_clip(self, s: Step) -> None:
        bounds = [self.constant(s, name, s.attrs[name]) for name in ("low", "high")]
        self.node("Clip", s, [s.inputs[0], *bounds])

    def do_at_least(self, s: Step) -> None:
        self.node("Clip", s, [s.inputs[0], self.constant(s, "low", s.attrs["low"])])

    def do_leaky_relu(self, s: Step) -> None:
        self.node("LeakyRelu", s, s.inputs, alpha=s.attrs["slope"])

    def do_softmax(self, s: Step) -> None:
        self.node("Softmax", s, s.inputs, axis=1)

    def do_linear(self, s: Step) -> None:
        x, scale, shift = s.inputs[0], s.attrs["scale"], s.attrs["shift"]
        if scale != 1.0:
            scaled = s.outputs[0] if shift == 0.0 else f"{s.outputs[0]}/scaled"
            self.node("Mul", s, [x, self.constant(s, "scale", scale)], [scaled])
            x = scaled
        if scale == 1.0 or shift != 0.0:
            self.node("Add", s, [x, self.constant(s, "shift", shift)])

    def do_add(self, s: Step) -> None:
        total = s.inputs[0]
        for i, other in enumerate(s.inputs[1:], 2):
            name = s.outputs[0] if i == len(s.inputs) else f"{s.outputs[0]}/{i}"
            self.node("Add", s, [total, other], [name])
            total = name

    def do_concat(self, s: Step) -> None:
        self.node("Concat", s, s.inputs, axis=1)

    def do_flatten(self, s: Step) -> None:
        self.node("Flatten", s, s.inputs, axis=1)

    def do_transpose(self, s: Step) -> None:
        self.node("Transpose", s, s.inputs, perm=s.attrs["axes"])

    def do_constant(self, s: Step) -> None:
        self.constants[s.outputs[0]] = np.ascontiguousarray(s.weights["value"])

    def do_arg_max(self, s: Step) -> None:
        self.node("ArgMax", s, s.inputs, axis=1, keepdims=0)

    def do_resize_align_corners(self, s: Step) -> None:
        sizes = self.constant(s, "sizes", self.network.shapes[s.outputs[0]], np.int64)
        self.node("Resize", s, [s.inputs[0], "", "", sizes], **ALIGN)

    def do_upsample_2x(self, s: Step) -> None:
        self.node("Resize", s, [s.inputs[0], "", self.constant(s, "scales", [1, 1, 2, 2])], **UPSAMPLE)

    def do_embedding(self, s: Step) -> None:
        self.node("Gather", s, [*self.weights(s, "table"), s.inputs[0]], axis=0)

    def do_lstm(self, s: Step) -> None:
        def iofc(array: Array) -> Array:
            i, f, g, o = np.split(array, 4)
            return np.concatenate([i, o, f, g])[None]

        bias = iofc(s.weights["bias"])
        matrices = [self.constant(s, name, iofc(s.weights[name])) for name in ("w", "r")]
        both = self.constant(s, "bias", np.concatenate([bias, np.zeros_like(bias)], 1))
        one, two = (self.constant(s, f"axes{axes}", axes, np.int64) for axes in ([1], [1, 2]))
        x, y = f"{s.inputs[0]}/steps", f"{s.outputs[0]}/steps"
        self.node("Unsqueeze", s, [s.inputs[0], one], [x])
        self.node(
            "LSTM",
            s,
            [x, *matrices, both, "", s.inputs[1], s.inputs[2]],
            [y, *s.outputs[1:]],
            hidden_size=s.attrs["hidden"],
        )
        self.node("Squeeze", s, [y, two], [s.outputs[0]])


def onnx_model(network: PlainNetwork) -> bytes:
    """The model's bytes, checked by onnx.  Raises Unwritable."""
    return OnnxForm(network).model()
