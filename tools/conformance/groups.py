"""Which of coremltools' tests are run, by the folder they are in."""

from __future__ import annotations

from dataclasses import dataclass, field

NEURAL_NETWORKS = "test/neural_network"
MIL = "converters/mil"
TORCH = "converters/mil/frontend/torch/test"
TO_NEURAL_NETWORK = {"PYMIL_TEST_TARGETS": "neuralnetwork"}
"""The converters' tests run once per back end; this is the one that makes networks of Core ML 3."""


@dataclass(frozen=True)
class Group:
    """paths, without: inside the installed package.  environment: read by the suite."""

    about: str
    paths: tuple[str, ...]
    without: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


GROUPS = {
    "layers": Group(
        "layer by layer, against NumPy, TensorFlow and PyTorch", (f"{NEURAL_NETWORKS}/test_numpy_nn_layers.py",)
    ),
    "builder": Group(
        "NeuralNetworkBuilder and small networks",
        tuple(
            f"{NEURAL_NETWORKS}/test_{name}.py"
            for name in ("nn_builder", "simple_nn_inference", "neural_networks", "custom_neural_nets")
        ),
    ),
    "model": Group("MLModel, images, classifiers", (f"{NEURAL_NETWORKS}/test_model.py",)),
    "quantization": Group("quantized weights", (f"{NEURAL_NETWORKS}/test_quantization.py",)),
    "stress": Group("many shapes, against TensorFlow", (f"{NEURAL_NETWORKS}/test_tf_numeric.py",)),
    "compiled": Group("compiled models", (f"{NEURAL_NETWORKS}/test_compiled_model.py",)),
    "sklearn": Group("converted from scikit-learn and libsvm", ("test/sklearn_tests",)),
    "xgboost": Group("converted from XGBoost", ("test/xgboost_tests",)),
    "pipeline": Group("pipelines, updatable models", ("test/pipeline",)),
    "package": Group("model packages", ("test/modelpackage", "test/blob")),
    "api": Group("examples of the documentation", ("test/api",)),
    "mil-ops": Group("operators of converters", (f"{MIL}/mil/ops/tests/iOS14",), environment=TO_NEURAL_NETWORK),
    "torch-ops": Group("converted from PyTorch", (f"{TORCH}/test_torch_ops.py",), environment=TO_NEURAL_NETWORK),
    "torch-models": Group(
        "converted from PyTorch: whole models",
        (TORCH,),
        (f"{TORCH}/test_torch_ops.py", f"{TORCH}/test_torch_quantization_ops.py"),
        TO_NEURAL_NETWORK,
    ),
    "mil-backend": Group(
        "what converters write",
        (f"{MIL}/backend/nn", f"{MIL}/test_inputs_outputs_shape.py"),
        environment=TO_NEURAL_NETWORK,
    ),
    "mil-passes": Group(
        "before and after the converters' passes", (f"{MIL}/mil/passes/tests",), environment=TO_NEURAL_NETWORK
    ),
}

SETS = {
    "core": (
        "layers",
        "builder",
        "model",
        "quantization",
        "stress",
        "compiled",
        "sklearn",
        "xgboost",
        "pipeline",
        "package",
        "api",
    ),
    "converters": ("mil-ops", "torch-ops", "torch-models", "mil-backend", "mil-passes"),
    "fast": ("builder", "model", "compiled", "pipeline"),
    "all": tuple(GROUPS),
}
