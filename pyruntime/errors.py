"""The tree of exceptions.  Everything this package raises on purpose is an MLModelError.

Codes and their meaning are Core ML's (`MLModelError.Code`).  A message names the layer or feature, what was
expected, what came instead, and what to do.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MLModelError(Exception):
    """Base of all errors of this package.  `code` is Core ML's number for the kind of error."""

    code: ClassVar[int] = 0


class SpecError(MLModelError):
    """The file is not a valid model: damaged, incomplete or against the rules of the format."""


class UnsupportedError(MLModelError):
    """The file is valid, but has something that we lack or that cannot run on this machine."""


class FeatureTypeError(MLModelError):
    """A feature is missing, unknown, or of a type, shape or size that the model does not take."""

    code = 1


class ModelIOError(MLModelError):
    """A file could not be read or written.  What was on disk before is still there."""

    code = 3


class CustomLayerError(MLModelError):
    """A custom layer has no implementation, or its implementation failed."""

    code = 4


class CustomModelError(MLModelError):
    """A custom model has no implementation, or its implementation failed."""

    code = 5


class UpdateError(MLModelError):
    """Training on the device could not start or did not finish.  The model is unchanged."""

    code = 6


class UpdateCancelled(UpdateError):
    """The caller cancelled the update.  The model is unchanged."""


class UpdateLocked(UpdateError):
    """Another update of the same model or checkpoint is at work, or has just been.  Nothing was started.

    process: its number.  since: when it began, by the clock on the wall.  Both None where that is not known.
    """

    def __init__(self, message: str, process: int | None = None, since: str | None = None) -> None:
        super().__init__(message)
        self.process, self.since = process, since


class UpdateRefused(UpdateError):
    """An UpdateGuard found what was learned worse than the model before.  The model is unchanged.

    before, after: the two scores.  candidate: the refused MLModel, for those who want it all the same.
    """

    def __init__(self, message: str, before: float, after: float, candidate: Any = None) -> None:
        super().__init__(message)
        self.before, self.after, self.candidate = before, after, candidate


class ParametersError(MLModelError):
    """A parameter key is unknown, not allowed here, or its value is outside the allowed set."""

    code = 7


class PredictionCancelled(MLModelError):
    """The caller cancelled the prediction."""

    code = 11


class BuildError(SpecError, ValueError):
    """A builder was asked for something that no valid model has: a wrong shape, an unknown name or choice."""


class DamageWarning(UserWarning):
    """A file is damaged, and an older one was opened in its place: a generation of a model, or a checkpoint.

    The message names what is damaged and what was opened.  `warnings.simplefilter("error", DamageWarning)` makes it an
    error.
    """


class GenerationWarning(UserWarning):
    """A model was written over a generation that it does not come from: somebody else learned meanwhile.

    Both are kept as generations of their own, as many as `keep_generations` says.
    """
