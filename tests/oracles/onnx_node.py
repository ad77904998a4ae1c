"""One ONNX operator run by ONNX Runtime, for layers that PyTorch has not in Core ML's form."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def run(
    op: str, inputs: list[np.ndarray | None], outputs: int = 1, opset: int = 18, **attributes: Any
) -> list[np.ndarray]:
    """Results of `op` on float32 inputs; None leaves an optional input out."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    given = {name: np.asarray(x, np.float32) for name, x in zip(names, inputs, strict=True) if x is not None}
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], **attributes)
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name, x in given.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.output]
    graph = helper.make_graph([node], op, infos, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, given)
