"""How well a model predicts what is known: data as a table, compared row by row."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.model import MLModel

Row = dict[str, Any]


def evaluate_regressor(model: Any, data: Any, target: str = "target", verbose: bool = False) -> dict[str, Any]:
    """Compare a regressor's predictions with a column.

    model: an MLModel, a path or a Model message.
    data: a table: rows as dictionaries, columns as a dictionary, a pandas DataFrame, or the path of a CSV file.
    target: the column of the right numbers.
    Gives {"samples": …, "rmse": …, "max_error": …}.
    """
    model = _model(model)
    name = _predicted(model)
    errors = []
    for number, row in enumerate(_rows(data)):
        expected = float(_take(row, target, number))
        got = float(np.asarray(model.predict(_inputs(model, row, number))[name]).reshape(()))
        errors.append(abs(got - expected))
        if verbose:
            print(f"{expected}\t{got}")
    count = len(errors)
    rmse = math.sqrt(sum(error * error for error in errors) / count) if count else 0.0
    return {"samples": count, "rmse": rmse, "max_error": max(errors, default=0.0)}


def evaluate_classifier(model: Any, data: Any, target: str = "target", verbose: bool = False) -> dict[str, int]:
    """Compare a classifier's labels with a column.

    Arguments as in evaluate_regressor.  Gives {"samples": …, "num_errors": …}.
    """
    model = _model(model)
    name = _predicted(model)
    wrong = count = 0
    for row in _rows(data):
        expected = _take(row, target, count)
        got = model.predict(_inputs(model, row, count))[name]
        wrong += str(got) != str(expected)
        count += 1
        if verbose:
            print(f"{expected}\t{got}")
    return {"samples": count, "num_errors": wrong}


def evaluate_classifier_with_probabilities(
    model: Any, data: Any, probabilities: str = "probabilities", verbose: bool = False
) -> dict[str, Any]:
    """Compare a classifier's scores with a column of dictionaries.

    Other arguments as in evaluate_regressor.
    Gives {"num_samples": …, "num_key_mismatch": rows with other labels, "max_probability_error": …}.
    """
    model = _model(model)
    name = model.model_description.predicted_probabilities_name
    mismatches, worst, count = 0, 0.0, 0
    for row in _rows(data):
        expected: Mapping[Any, float] = _take(row, probabilities, count)
        got = model.predict(_inputs(model, row, count))[name]
        if set(got) != set(expected):
            mismatches += 1
        else:
            worst = max([worst, *(abs(got[label] - expected[label]) for label in expected)])
        count += 1
        if verbose:
            print(f"{dict(expected)}\t{got}")
    return {"num_samples": count, "num_key_mismatch": mismatches, "max_probability_error": worst}


def evaluate_transformer(
    model: Any, input_data: Sequence[Row], reference_output: Sequence[Row], verbose: bool = False
) -> dict[str, int]:
    """Compare outputs with those that are expected, to 5 digits.

    input_data, reference_output: dictionaries, as many of each.  Gives {"num_samples": …, "num_errors": …}.
    """
    model = _model(model)
    if len(input_data) != len(reference_output):
        raise BuildError(f"evaluate_transformer: {len(input_data)} inputs and {len(reference_output)} references")
    wrong = 0
    for features, expected in zip(input_data, reference_output, strict=True):
        got = model.predict(features)
        fits = set(got) == set(expected) and all(_equal(got[name], expected[name]) for name in expected)
        wrong += not fits
        if verbose:
            print(f"{expected}\t{got}")
    return {"num_samples": len(input_data), "num_errors": wrong}


def _equal(got: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        return set(got) == set(expected) and all(_equal(got[key], expected[key]) for key in expected)
    if isinstance(expected, str):
        return bool(got == expected)
    a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    return a.size == b.size and bool(np.allclose(a.ravel(), b.ravel(), rtol=1e-5, atol=1e-5))


def _model(model: Any) -> MLModel:
    return model if isinstance(model, MLModel) else MLModel(model)


def _predicted(model: MLModel) -> str:
    name = model.model_description.predicted_feature_name
    outputs = list(model.model_description.output_descriptions_by_name)
    if not name and len(outputs) != 1:
        raise BuildError(f"the model predicts no single feature; its outputs are {outputs}")
    return name or outputs[0]


def _inputs(model: MLModel, row: Row, number: int) -> Row:
    known = model.model_description.input_descriptions_by_name
    return {name: _take(row, name, number) for name, feature in known.items() if name in row or not feature.is_optional}


def _take(row: Row, name: str, number: int) -> Any:
    if name not in row:
        raise BuildError(f"row {number} of the data has no {name!r}; it has {', '.join(row)}")
    return row[name]


def _rows(data: Any) -> list[Row]:
    """A table as one dictionary per row."""
    if isinstance(data, str | os.PathLike):
        with open(data, newline="") as file:
            return [{name: _number(value) for name, value in row.items()} for row in csv.DictReader(file)]
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # a pandas DataFrame
        rows: list[Row] = data.to_dict("records")
        return rows
    if isinstance(data, Mapping):
        if len({len(column) for column in data.values()}) > 1:
            raise BuildError("the columns of the data differ in length")
        return [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return list(data)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
