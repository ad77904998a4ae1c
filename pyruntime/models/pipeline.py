"""Pipelines: several models, one after the other, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.interface import Feature, classifier_outputs, named_features, set_features
from pyruntime.spec import messages


class _Pipeline:
    """What the three kinds share.  `spec` is the model that is being built."""

    spec: Any

    def __init__(self, inputs: Sequence[Feature], outputs: Sequence[Feature], training: Any) -> None:
        self.spec = messages.Model(specificationVersion=1)
        set_features(self.spec, inputs, outputs, named_features(training) if training is not None else None)

    @property
    def _message(self) -> Any:
        """The Pipeline message inside the model."""
        raise NotImplementedError

    def add_model(self, spec: Any) -> None:
        """Append a model: a Model message, or an MLModel.  Its inputs are the pipeline's or outputs before it."""
        if self.spec.isUpdatable:
            raise BuildError(
                "add_model: the pipeline is updatable, and its last model is the one that learns: add it before"
            )
        part = spec.get_spec() if hasattr(spec, "get_spec") else spec
        if not hasattr(part, "SerializeToString"):
            raise BuildError(f"add_model: expected a Model message or an MLModel, got {type(spec).__name__}")
        self._message.models.add().MergeFromString(part.SerializeToString())
        self.spec.specificationVersion = max(self.spec.specificationVersion, part.specificationVersion)

    def make_updatable(self) -> None:
        """Let the last model learn; it must be updatable, and no other one may be."""
        models = self._message.models
        if not len(models):
            raise BuildError("make_updatable: the pipeline has no models yet")
        for place, part in enumerate(models[:-1]):
            if part.isUpdatable:
                raise BuildError(f"make_updatable: model {place} is updatable; only the last one of a pipeline may be")
        if not models[-1].isUpdatable:
            raise BuildError("make_updatable: the last model is not updatable")
        self.spec.isUpdatable = True
        self.spec.specificationVersion = max(self.spec.specificationVersion, 4)

    def set_training_input(self, training_input: Any) -> None:
        """Replace the training inputs: pairs of a name and a type."""
        set_features(self.spec, None, None, named_features(training_input))


class Pipeline(_Pipeline):
    """A pipeline of any models.

    input_features, output_features, training_features: pairs of a name and a type from `models.datatypes`.
    """

    def __init__(self, input_features: Any, output_features: Any, training_features: Any = None) -> None:
        super().__init__(named_features(input_features), named_features(output_features), training_features)

    @property
    def _message(self) -> Any:
        return self.spec.pipeline


class PipelineRegressor(_Pipeline):
    """A pipeline that ends in a number.  output_features: its name, or a pair of name and type in a list."""

    def __init__(self, input_features: Any, output_features: Any, training_features: Any = None) -> None:
        outputs = [output_features] if isinstance(output_features, str) else output_features
        super().__init__(named_features(input_features), named_features(outputs), training_features)
        self.spec.description.predictedFeatureName = self.spec.description.output[0].name
        self.spec.pipelineRegressor.pipeline.SetInParent()

    @property
    def _message(self) -> Any:
        return self.spec.pipelineRegressor.pipeline


class PipelineClassifier(_Pipeline):
    """A pipeline that ends in a label.

    class_labels: texts or whole numbers.
    output_features: names of the label and of its scores; `classLabel` and `classProbability` by default.
    """

    def __init__(
        self, input_features: Any, class_labels: Any, output_features: Any = None, training_features: Any = None
    ) -> None:
        outputs = classifier_outputs(output_features, class_labels)
        super().__init__(named_features(input_features), outputs, training_features)
        self.spec.description.predictedFeatureName = outputs[0][0]
        if len(outputs) > 1:
            self.spec.description.predictedProbabilitiesName = outputs[1][0]
        self.spec.pipelineClassifier.pipeline.SetInParent()

    @property
    def _message(self) -> Any:
        return self.spec.pipelineClassifier.pipeline
