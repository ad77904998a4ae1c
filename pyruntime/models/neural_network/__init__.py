"""Neural networks: NeuralNetworkBuilder, and what changes finished ones."""

from pyruntime.models.neural_network import (
    builder,
    flexible_shape_utils,
    printer,
    quantization_utils,
    update_optimizer_utils,
    utils,
)
from pyruntime.models.neural_network.builder import NeuralNetworkBuilder
from pyruntime.models.neural_network.update_optimizer_utils import AdamParams, SgdParams

__all__ = [
    "AdamParams",
    "NeuralNetworkBuilder",
    "SgdParams",
    "builder",
    "flexible_shape_utils",
    "printer",
    "quantization_utils",
    "update_optimizer_utils",
    "utils",
]
