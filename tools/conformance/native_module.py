"""Takes the place of coremltools' native module, which exists on macOS only: its models are run by pyruntime.

`plugin.py` puts this under the name `coremltools.libcoremlpython` before coremltools is imported.  Core ML reports what
it cannot load or run as RuntimeError, so everything becomes one here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import pyruntime

NEWEST_SPECIFICATION = 10
OFFSET = float(os.environ.get("CONFORMANCE_OFFSET", "0"))
"""Added to every number that is predicted: shows which tests compare numbers at all."""

Result = TypeVar("Result")


class Calls:
    """What the test now running asked of the runtime."""

    def __init__(self) -> None:
        self.asked = self.answered = 0
        self.errors: list[str] = []
        self.layers: set[str] = set()

    def record(self, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            raise RuntimeError(self.errors[-1]) from error


calls = Calls()


def start_test() -> None:
    calls.__init__()  # type: ignore[misc]


class _MLModelProxy:
    def __init__(self, path: str, compute_units: str = "ALL", function: str = "", hints: Any = None, asset: Any = None):
        source = path if asset is None else asset.path
        self.model = calls.record(lambda: pyruntime.MLModel(source, compute_units=pyruntime.ComputeUnit.CPU_ONLY))
        self.path = source
        _note_layers(self.model)

    def predict(self, features: dict[str, Any], state: Any = None) -> dict[str, Any]:
        if state is not None:
            calls.record(_unavailable("models with state"))
        result = calls.record(lambda: self.model.predict(features))
        calls.answered += 1
        return {name: _moved(value) for name, value in result.items()} if OFFSET else result

    def batchPredict(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        results = calls.record(lambda: self.model.predict(batch))
        calls.answered += len(results)
        return results

    def newState(self) -> Any:
        return calls.record(_unavailable("models with state"))

    def get_compiled_model_path(self) -> str:
        return calls.record(self.model.get_compiled_model_path)

    def get_load_duration_in_nano_seconds(self) -> int:
        return self.model.load_duration_in_nano_seconds

    def get_last_predict_duration_in_nano_seconds(self) -> int | None:
        return self.model.last_predict_duration_in_nano_seconds

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return NEWEST_SPECIFICATION

    @staticmethod
    def auto_set_specification_version(spec: Any) -> Any:
        return spec

    @staticmethod
    def compileModel(path: str) -> str:
        folder = tempfile.mkdtemp(suffix=".mlmodelc")
        os.rmdir(folder)
        return calls.record(lambda: pyruntime.compile_model(path, folder))

    @staticmethod
    def create_model_asset_from_path(path: str) -> Any:
        return _asset(path)

    @staticmethod
    def create_model_asset_from_memory(data: bytes, blobs: Any) -> Any:
        if blobs:
            calls.record(_unavailable("model assets with blobs"))
        folder = tempfile.mkdtemp()
        path = os.path.join(folder, "model.mlmodel")
        with open(path, "wb") as file:
            file.write(data)
        asset = _asset(path)
        weakref.finalize(asset, shutil.rmtree, folder, True)
        return asset

    @staticmethod
    def get_available_compute_devices() -> list[Any]:
        from coremltools.models.compute_device import MLCPUComputeDevice

        return [MLCPUComputeDevice(_MLCPUComputeDeviceProxy())]

    get_all_compute_devices = get_available_compute_devices

    @staticmethod
    def get_model_structure(path: str) -> Any:
        return calls.record(_unavailable("the structure of compiled models"))

    @staticmethod
    def get_compute_plan(path: str, units: str) -> Any:
        return calls.record(_unavailable("compute plans"))


class _MLModelAssetProxy:
    def __init__(self, path: str) -> None:
        self.path = path


class _MLComputePlanProxy:
    pass


class _MLCPUComputeDeviceProxy:
    pass


class _MLGPUComputeDeviceProxy:
    pass


class _MLNeuralEngineComputeDeviceProxy:
    pass


def _asset(path: str) -> Any:
    from coremltools.models.model import MLModelAsset

    return MLModelAsset(_MLModelAssetProxy(path))


def _unavailable(what: str) -> Callable[[], Any]:
    def fail() -> Any:
        raise NotImplementedError(f"{what} are not available here")

    return fail


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _moved(item) for key, item in value.items()}
    return value if isinstance(value, str) or not hasattr(value, "__add__") else value + OFFSET


def _note_layers(model: Any) -> None:
    """Layer types that the model has, for the coverage page."""

    def walk(network: Any) -> None:
        for layer in network.layers:
            kind = layer.WhichOneof("layer")
            calls.layers.add(kind or "")
            if kind == "branch":
                walk(layer.branch.ifBranch)
                walk(layer.branch.elseBranch)
            elif kind == "loop":
                walk(layer.loop.conditionNetwork)
                walk(layer.loop.bodyNetwork)

    spec = model.get_spec()
    kind = spec.WhichOneof("Type") or ""
    if kind.startswith("neuralNetwork"):
        walk(getattr(spec, kind))
