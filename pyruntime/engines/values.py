"""Values of features for models that are no networks: read in double precision, NaN allowed; given back as declared.

Nothing is converted silently into another kind: a text is no number, 2.5 is no Int64.  Raises FeatureTypeError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import DictionaryConstraint, FeatureDescription, MultiArrayConstraint, SequenceConstraint
from pyruntime.errors import SpecError
from pyruntime.features import OUTPUT_TYPES, wrong

Doubles = NDArray[np.float64]
Key = str | int

_INT64 = 1 << 63


def _got(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return f"a {type(value).__name__}"


def number(feature: FeatureDescription, value: Any) -> float:
    """A Double feature, or an Int64 one as double: a Python or NumPy number; NaN stands for a missing one."""
    if feature.kind == "int64":
        return float(integer(feature, value))
    value = value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(feature, "a number", _got(value))
    return float(value)


def integer(feature: FeatureDescription, value: Any) -> int:
    """An Int64 feature: a whole number of Python or NumPy, also as float when nothing is lost."""
    value = value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(feature, "a whole number", repr(value) if isinstance(value, float) else _got(value))
    if not -_INT64 <= value < _INT64:
        raise wrong(feature, "a whole number of 64 bits", value)
    return value


def text(feature: FeatureDescription, value: Any) -> str:
    """A String feature."""
    if not isinstance(value, str):
        raise wrong(feature, "a text", _got(value))
    return str(value)


def scalar(feature: FeatureDescription, value: Any) -> str | int | float:
    """An Int64, Double or String feature as Python's own type."""
    if feature.kind == "string":
        return text(feature, value)
    return integer(feature, value) if feature.kind == "int64" else number(feature, value)


def array(feature: FeatureDescription, value: Any) -> Doubles:
    """An array feature in one of its shapes, in double precision after rounding to its element type.

    Axes of size 1 in front are dropped when the model declares fewer axes.
    """
    constraint = feature.constraint
    assert isinstance(constraint, MultiArrayConstraint)
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise wrong(feature, feature.type_name, f"something that is no array ({error})") from None
    if given.dtype.kind not in "fiub":
        raise wrong(feature, f"{feature.type_name} of numbers", f"elements of type {given.dtype}")
    open_shape = not constraint.shape and not constraint.shapes and not constraint.ranges
    shape = given.shape
    rank = len(constraint.shape)
    if rank < len(shape) and set(shape[: len(shape) - rank]) == {1} and constraint.allows(shape[len(shape) - rank :]):
        given = given.reshape(shape[len(shape) - rank :])
    elif not open_shape and not constraint.allows(shape):
        raise wrong(feature, str(constraint), f"an array of shape {'x'.join(map(str, shape)) or '(scalar)'}")
    return _rounded(feature, constraint, given)


def _rounded(feature: FeatureDescription, constraint: MultiArrayConstraint, given: NDArray[Any]) -> Doubles:
    dtype = np.dtype(OUTPUT_TYPES.get(constraint.data_type, np.float64))
    if given.dtype == dtype or dtype == np.float64:
        return np.ascontiguousarray(given, np.float64).reshape(given.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        kept = given.astype(dtype)
        if dtype.kind == "i" and not (kept == given).all():
            raise wrong(feature, f"whole numbers ({feature.type_name})", "numbers that are not, or too large ones")
    return np.ascontiguousarray(kept, np.float64).reshape(given.shape)


def dictionary(feature: FeatureDescription, value: Any) -> dict[Key, float]:
    """A dictionary feature; its values as floats."""
    assert isinstance(feature.constraint, DictionaryConstraint)
    if not isinstance(value, Mapping):
        raise wrong(feature, feature.type_name, _got(value))
    found: dict[Key, float] = {}
    for key, item in value.items():
        plain = key.item() if isinstance(key, np.generic) else key
        is_key = isinstance(plain, str) if feature.constraint.key == "String" else _is_int(plain)
        if not is_key:
            raise wrong(feature, feature.type_name, f"the key {key!r}")
        amount = item.item() if isinstance(item, np.ndarray | np.generic) and item.size == 1 else item
        if not isinstance(amount, int | float):
            raise wrong(feature, f"numbers as values ({feature.type_name})", f"{_got(item)} for the key {key!r}")
        found[plain] = float(amount)
    return found


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64


def sequence(feature: FeatureDescription, value: Any) -> list[Any]:
    """A sequence feature: a list of texts or of ints."""
    assert isinstance(feature.constraint, SequenceConstraint)
    items = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
    if isinstance(items, str | bytes) or not isinstance(items, Sequence):
        raise wrong(feature, feature.type_name, _got(value))
    plain = [item.item() if isinstance(item, np.generic) else item for item in items]
    for place, item in enumerate(plain):
        if not (isinstance(item, str) if feature.constraint.element == "String" else _is_int(item)):
            raise wrong(feature, feature.type_name, f"{item!r} at place {place}")
    return plain


def any_value(feature: FeatureDescription, value: Any) -> Any:
    """A feature of any kind, checked against its description; images are kept as they are."""
    if feature.kind == "multiArray":
        constraint = feature.constraint
        assert isinstance(constraint, MultiArrayConstraint)
        return array(feature, value).astype(OUTPUT_TYPES.get(constraint.data_type, np.float64))
    if feature.kind == "dictionary":
        return dictionary(feature, value)
    if feature.kind == "sequence":
        return sequence(feature, value)
    if feature.kind == "image":
        from pyruntime.description import ImageConstraint
        from pyruntime.features import image_pixels

        assert isinstance(feature.constraint, ImageConstraint)
        image_pixels(feature, feature.constraint, value)
        return value
    return scalar(feature, value)


def check_holds(feature: FeatureDescription, count: int) -> None:
    """Raises SpecError when an output cannot hold `count` numbers: a number holds one."""
    constraint = feature.constraint
    if isinstance(constraint, MultiArrayConstraint):
        if not constraint.shape or constraint.shapes or constraint.ranges or math.prod(constraint.shape) == count:
            return
    elif feature.kind in ("double", "int64") and count == 1:
        return
    raise SpecError(f"output {feature.name!r} is {feature.type_name}, and the model makes {count} numbers")


def as_declared(feature: FeatureDescription, numbers: Doubles) -> Any:
    """Numbers as the type that the model declares for an output: float, int or array."""
    constraint = feature.constraint
    if isinstance(constraint, MultiArrayConstraint):
        made = np.asarray(numbers)
        if math.prod(constraint.shape) == made.size and constraint.shape:
            made = made.reshape(constraint.shape)
        dtype = np.dtype(OUTPUT_TYPES.get(constraint.data_type, np.float64))
        if dtype.kind == "i":
            _check_whole(feature, made, np.iinfo(dtype))
        with np.errstate(over="ignore"):
            return made.astype(dtype)
    value = float(numbers.reshape(-1)[0])
    if feature.kind == "int64":
        _check_whole(feature, numbers, np.iinfo(np.int64))
        return int(value)
    return value


def _check_whole(feature: FeatureDescription, numbers: Doubles, limits: Any) -> None:
    """Int outputs are lossless, or an error."""
    whole = (np.rint(numbers) == numbers) & (numbers >= limits.min) & (numbers < -float(limits.min))
    if not whole.all():
        bad = np.asarray(numbers).reshape(-1)[~np.asarray(whole).reshape(-1)][0]
        raise wrong(feature, f"a result that fits {feature.type_name}", f"{bad!r} from the model")
