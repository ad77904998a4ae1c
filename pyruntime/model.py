"""MLModel: open, ask, predict, save."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyruntime.compiled.lineage import Lineage
from pyruntime.compiled.opening import Source, open_source
from pyruntime.config import ComputeUnit, MLModelConfiguration
from pyruntime.description import ModelDescription, describe_model
from pyruntime.engines import Engine, ModelPart, Programs, build
from pyruntime.engines.links import Links
from pyruntime.errors import FeatureTypeError, SpecError, UnsupportedError
from pyruntime.metadata import FeatureTexts, MetadataText
from pyruntime.spec import LeanModel, load_lean_bytes, messages

if TYPE_CHECKING:
    from pyruntime.neighbors.examples import StoredExamples
    from pyruntime.parameters import ParameterKey
    from pyruntime.providers import DictionaryFeatureProvider, FeatureProvider

AnyPath = str | os.PathLike[str]
_TEXT: tuple[type, ...] = (str, bytes)


@dataclass(frozen=True)
class MLPredictionOptions:
    """Wishes for one prediction.  This release computes on the CPU into new arrays whatever they say."""

    uses_cpu_only: bool = False
    output_backings: Mapping[str, Any] = field(default_factory=dict)


class MLModel:
    """A model, ready to predict.

    model: path of a .mlmodel file, an .mlpackage or a compiled .mlmodelc directory, or a Model message.
    compute_units: what it may run on; replaces the configuration's.
    verify: read and check all of a compiled directory, its large files too.

    Raises ModelIOError when it cannot be read, SpecError when it is not a valid model, UnsupportedError when something
    in it cannot run here, ParametersError when a parameter of the configuration is unknown or not allowed.
    Predictions from several threads on one model are safe.
    """

    author = MetadataText("author")
    license = MetadataText("license")
    short_description = MetadataText("shortDescription")
    version = MetadataText("versionString")

    def __init__(
        self,
        model: AnyPath | messages.Model,
        compute_units: ComputeUnit | None = None,
        *,
        configuration: MLModelConfiguration | None = None,
        verify: bool = False,
    ) -> None:
        start = time.perf_counter_ns()
        self._configure(configuration, compute_units)
        if isinstance(model, str | os.PathLike):
            self._open(open_source(model, self.configuration, verify=verify))
        elif hasattr(model, "SerializeToString"):
            lean = load_lean_bytes(model.SerializeToString(), source="the model message")
            self._open(Source(lean, Programs()))
        else:
            raise TypeError(f"MLModel takes a path or a Model message, got a {type(model).__name__}")
        self._load_duration = time.perf_counter_ns() - start

    @classmethod
    def load(
        cls,
        path: AnyPath,
        configuration: MLModelConfiguration | None = None,
        *,
        compute_units: ComputeUnit | None = None,
    ) -> MLModel:
        """Open a model from a path; raises what the constructor raises."""
        return cls(path, compute_units, configuration=configuration)

    @classmethod
    async def load_async(
        cls,
        path: AnyPath,
        configuration: MLModelConfiguration | None = None,
        *,
        compute_units: ComputeUnit | None = None,
    ) -> MLModel:
        """Like `load`, on a worker thread."""
        import asyncio

        return await asyncio.to_thread(cls.load, path, configuration, compute_units=compute_units)

    @classmethod
    def from_lean(
        cls,
        lean: LeanModel,
        programs: Programs | None = None,
        configuration: MLModelConfiguration | None = None,
        *,
        lineage: Lineage | None = None,
    ) -> MLModel:
        """A model from an opened file; networks that `programs` has are not compiled again.  For this package's use."""
        return cls.from_source(Source(lean, programs or Programs(), lineage=lineage or Lineage()), configuration)

    @classmethod
    def from_source(cls, source: Source, configuration: MLModelConfiguration | None = None) -> MLModel:
        """A model from what was opened already.  For this package's use."""
        start = time.perf_counter_ns()
        model = cls.__new__(cls)
        model._configure(configuration, None)
        model._open(source)
        model._load_duration = time.perf_counter_ns() - start
        return model

    def _configure(self, configuration: MLModelConfiguration | None, compute_units: ComputeUnit | None) -> None:
        configuration = configuration or MLModelConfiguration()
        if compute_units is not None:
            configuration = replace(configuration, compute_units=compute_units)
        self.configuration = configuration
        self._last_predict_duration: int | None = None
        self._compiled_path: str | None = None
        self._temporary: Any = None

    def _open(self, source: Source) -> None:
        self._lean, self._programs = source.lean, source.programs
        self._compiled_path, self._lineage = source.compiled_path, source.lineage
        self._parameters = self._checked_parameters()
        try:
            self._engine = self._build()
        except SpecError as error:
            if source.older is not None:
                return self._open(source.older(error))
            if source.forget is None:
                raise
            source.forget()  # an entry of the cache that does not fit after all: without it
            self._programs = Programs()
            self._engine = self._build()
        return source.keep()

    def _build(self) -> Engine:
        config, lean = self.configuration, self._lean
        context, limit = config.context(), config.memory_limit
        path = self._compiled_path or (lean.source if os.path.exists(lean.source) else "")
        return build(
            ModelPart(
                lean, self._programs, context, limit, parameters=self._parameters,
                links=Links.of_file(path, tuple(config.linked_model_roots), config.bundles),
                open_source=lambda linked: open_source(linked, config), vectors=config.vectors,
                interface=self._programs.interface,
            )
        )  # fmt: skip

    def _checked_parameters(self) -> dict[str, Any]:
        if not self.configuration.parameters:
            return {}
        from pyruntime.parameters import check_parameters, describe_parameters

        return check_parameters(self.configuration.parameters, describe_parameters(self._lean.spec))

    @property
    def engine(self) -> Engine:
        """What runs it: for tools that look inside, such as benchmarks."""
        return self._engine

    @property
    def model_description(self) -> ModelDescription:
        """Inputs, outputs, training inputs, parameters, metadata."""
        from pyruntime.parameters import describe_parameters

        spec = self._lean.spec
        return replace(describe_model(spec), parameter_descriptions_by_key=describe_parameters(spec))

    @property
    def is_updatable(self) -> bool:
        """Whether the model can learn from examples."""
        return bool(self._lean.spec.isUpdatable)

    @property
    def compute_unit(self) -> ComputeUnit:
        return self.configuration.compute_units

    def parameter_value(self, key: ParameterKey | str) -> Any:
        """The value of a parameter: the configuration's, else the file's; or a layer's weights, a read-only array.

        key: a ParameterKey, or text such as "stickers:numberOfNeighbors", "layer:weights", "model/layer:biases".
        Raises ParametersError when there is none of that key; the message lists those that exist.
        """
        from pyruntime.parameter_values import parameter_value

        return parameter_value(self._lean, self._parameters, key)

    def examples(self) -> StoredExamples:
        """The examples that the model's k-NN keeps: list, forget, cap, deduplicate them.

        Raises UpdateError when the model has no k-NN, or several.
        """
        from pyruntime.neighbors.examples import StoredExamples

        return StoredExamples(self)

    def predict(
        self,
        data: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        state: None = None,
        options: MLPredictionOptions | None = None,
    ) -> Any:
        """Outputs by name for inputs by name; for a list of inputs, a list of outputs.

        Images are Pillow images of the exact size and mode (RGB for BGR models too) or uint8 arrays (H, W) or
        (H, W, 3); arrays are anything that NumPy takes.  The caller's dictionary is never changed.
        options: wishes, see MLPredictionOptions.  Raises FeatureTypeError for a missing, unknown or wrong feature.
        """
        if state is not None:
            raise UnsupportedError("predict: expected state=None, models with state cannot run in this release")
        start = time.perf_counter_ns()
        if isinstance(data, Mapping):
            outputs: Any = self._predict(data)
        elif isinstance(data, Sequence) and not isinstance(data, _TEXT):
            outputs = self._engine.predict_many([self._checked_item(i, item) for i, item in enumerate(data)])
        else:
            raise FeatureTypeError(
                f"predict takes a dictionary of features or a list of them, got a {type(data).__name__}"
            )
        self._last_predict_duration = time.perf_counter_ns() - start
        return outputs

    def _predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        return self._engine.predict(self._known(features))

    def _known(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        known = self._engine.description.input_descriptions_by_name
        if not features.keys() <= known.keys():
            unknown = next(name for name in features if name not in known)
            raise FeatureTypeError(
                f"feature {unknown!r} is none of the model's inputs; it takes "
                f"{', '.join(f'{f.name} ({f.type_name})' for f in known.values())}"
            )
        return features

    def _checked_item(self, index: int, item: Any) -> Mapping[str, Any]:
        if not isinstance(item, Mapping):
            kind = type(item).__name__
            raise FeatureTypeError(f"predict: item {index} of the list is a {kind}, expected a dictionary")
        with Engine.naming(index):
            return self._known(item)

    def prediction(
        self, provider: FeatureProvider | Mapping[str, Any], options: MLPredictionOptions | None = None
    ) -> DictionaryFeatureProvider:
        """Like `predict`, from a feature provider to one.  Features of it that are no inputs are not asked for."""
        from pyruntime.providers import DictionaryFeatureProvider, features_of

        features = features_of(provider)
        known = self._engine.description.input_descriptions_by_name
        inputs = {name: value for name, value in features.items() if name in known}
        return DictionaryFeatureProvider(self.predict(inputs, options=options))

    async def predict_async(
        self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]], options: MLPredictionOptions | None = None
    ) -> Any:
        """Like `predict`, on a worker thread.  A cancelled task does not wait, and the prediction runs to its end."""
        import asyncio

        return await asyncio.to_thread(self.predict, data, None, options)

    @property
    def metadata(self) -> messages.Metadata:
        """The metadata message of the model: changes are saved with it."""
        metadata: messages.Metadata = self._lean.spec.description.metadata
        return metadata

    @property
    def user_defined_metadata(self) -> Any:
        """A mapping of texts by name that may be changed."""
        return self.metadata.userDefined

    @property
    def input_description(self) -> FeatureTexts:
        """Descriptions of the inputs by name, as in coremltools; may be set."""
        return FeatureTexts(self._lean.spec.description.input, "input")

    @property
    def output_description(self) -> FeatureTexts:
        """Descriptions of the outputs by name, as in coremltools; may be set."""
        return FeatureTexts(self._lean.spec.description.output, "output")

    def get_spec(self) -> messages.Model:
        """A copy of the model as a standard Model message."""
        return self._lean.to_spec()

    def make_updatable(self, layers: str | Iterable[str] | None = None, **options: Any) -> MLModel:
        """A new model that learns on the device; this one stays as it is.  Options: see pyruntime.make_updatable."""
        from pyruntime.models.updatable import make_updatable

        return make_updatable(self, layers, **options)

    def save(self, path: AnyPath) -> None:
        """Write a .mlmodel file, in one step: whatever happens, the path has the old file or the new one."""
        from pyruntime.spec.writer import save_spec

        save_spec(self._lean, path)

    def write(self, path: AnyPath, *, keep_generations: int | None = None) -> None:
        """Write a compiled model directory (.mlmodelc) in one step; a compiled model that is there gets a generation.

        keep_generations: how many generations stay there, this one included; 3 unless it is given, 1 for this one
        alone; docs/generations.md.

        Raises ModelIOError when it cannot be written; what was there before is then unchanged.
        """
        from pyruntime.compiled.generations import write_generation

        write_generation(self, path, keep_generations)

    def get_compiled_model_path(self) -> str:
        """A compiled directory of this model: where it was opened from, else a temporary one that lives as long."""
        if self._compiled_path is None:
            import tempfile

            self._temporary = tempfile.TemporaryDirectory(prefix="pyruntime-")
            path = os.path.join(self._temporary.name, "model.mlmodelc")
            lineage = self._lineage
            self.write(path)
            self._compiled_path, self._lineage = path, lineage
        return self._compiled_path

    @property
    def load_duration_in_nano_seconds(self) -> int:
        return self._load_duration

    @property
    def last_predict_duration_in_nano_seconds(self) -> int | None:
        """Of the last call of predict, all its items together; None before the first."""
        return self._last_predict_duration

    def __repr__(self) -> str:
        d = self._engine.description
        name = os.path.basename(self._lean.source) or "model"
        kind = "updatable " if self.is_updatable else ""
        lines = [f"{name}: {kind}{self._engine.part.kind}"]
        for what, features in (("input", d.inputs), ("output", d.outputs)):
            lines += [f"  {what} {feature.name}: {feature.type_name}" for feature in features]
        context = self._engine.part.context
        return "\n".join([*lines, f"  runs on {context.level}, threads: {context.threads}"])


def compile_model(model: AnyPath | messages.Model, destination: AnyPath | None = None) -> str:
    """Compile a model and give the path of its .mlmodelc directory.

    destination: where to write it, ending in .mlmodelc; a compiled model that is there is replaced in one step.  By
    default a temporary folder, which the caller moves or removes, as with Core ML.  Raises what MLModel and `write` do.
    """
    opened = MLModel(model)
    if destination is None:
        import tempfile

        name = os.path.basename(os.path.normpath(model)) if isinstance(model, str | os.PathLike) else "model"
        folder = tempfile.mkdtemp(prefix="pyruntime-")
        destination = os.path.join(folder, f"{os.path.splitext(name)[0]}.mlmodelc")
    elif os.path.splitext(destination)[1] != ".mlmodelc":
        raise ValueError(f"destination {os.fspath(destination)!r}: expected a path that ends in .mlmodelc")
    opened.write(destination)
    return os.fspath(destination)
